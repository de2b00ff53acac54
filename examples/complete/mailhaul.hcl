mailhaul {
  version   = "~> 0.1"
  customer  = "Contoso Ltd"
  state     = "contoso.state" # default: mailhaul.state
  mailboxes = 12              # at work at the same time
}

variable "tenant" {
  type        = string
  description = "Directory id of the tenant"
}

# ------------------------------------------------------------ from where
endpoint "imap" "old" {
  host                = "mail.contoso.example"
  port                = 993
  tls                 = "implicit"   # implicit | starttls | none (none needs allow_plaintext = true)
  ca_file             = "old-ca.pem" # extra trust root; verification itself cannot be switched off, only pinned
  pin_sha256          = []           # or accept exactly these certificates
  connections         = 40           # for the whole server
  per_mailbox         = 2
  grace               = "60s" # how long after a lost connection the server may still store a message
  bandwidth           = "400Mbit"
  messages_per_second = 50

  admin { # one account that may open every mailbox; without it each mailbox uses its own password
    user     = "migrator"
    password = file("secrets/imap-admin")
    style    = "sasl-plain" # sasl-plain (authzid) | dovecot-master (user*admin) | exchange (domain/admin/user)
  }
}

# -------------------------------------------------------------- to where
endpoint "microsoft365" "new" {
  tenant_id   = var.tenant
  client_id   = "11111111-2222-3333-4444-555555555555"
  certificate = "secrets/mailhaul.pem" # or client_secret, or device_code = true, or an admin block
  transports  = ["imap"]               # imap | ews | graph, tried in this order for each mailbox
  connections = 60                     # for the whole tenant
  per_mailbox = 2
  max_message = "35MB" # what the tenant accepts
}

# ------------------------------------------------------------------- who
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.microsoft365.new
  csv  = "users.csv"
  columns {
    source      = "Old address"
    password    = "Old password"
    destination = "New address"
    wave        = "Wave"
  }
}

# What differs for one mailbox stands here and nowhere else.
mailbox "ceo@contoso.example" {
  windows = ["nights"]
}
mailbox "archive@contoso.example" {
  destination = "records@contoso.example"
  folders { under = "Old server" } # everything goes below this folder
}
mailbox "test@contoso.example" {
  skip = "never used, agreed 2026-11-02"
}

# --------------------------------------------------------- which folders
folders {
  special = "auto" # Sent -> Sent Items, Trash -> Deleted Items, ...; "none" leaves names alone
  include = []     # regular expressions; empty means all
  exclude = ["^Trash(/|$)", "^Junk(/|$)"]
  rename "^INBOX/" { to = "" } # first match wins
  rename "^Archives/([0-9]{4})$" { to = "Archive/$1" }
  mapping = ["^Old Sent->Sent Items"] # the same in MigrationWiz's FolderMapping notation
  empty   = true                      # create folders that hold no message
  merge   = "report"                  # two folders into one: report (plan error) | allow
}

messages {
  max_size  = "150MB"  # never more than the endpoint's max_message
  too_large = "report" # report | fail
  receipts  = "auto"   # read-receipt requests of unread mail: keep (bytes stay exact) | disarm (header renamed, recorded) | auto: disarm at microsoft365
  keywords  = "drop"   # flags that the destination cannot hold: drop | fail
  repair    = true     # after a refusal only: wrap over-long lines, drop NUL bytes, mend line ends; recorded per message
  existing  = "adopt"  # mail found at the destination before the first pass: adopt | ignore
}

# ------------------------------------------------------------------ when
window "nights" {
  days     = ["mon", "tue", "wed", "thu", "fri"]
  from     = "19:00"
  to       = "06:00" # the next morning
  timezone = "Europe/Stockholm"
}

# ---------------------------------------------------- in how many passes
pass "verify" {} # sign in on both sides, list and map folders, check rights and sizes; copies nothing
pass "trial" {
  per_folder = 10
  max_bytes  = "5MB"
}
pass "prestage" {
  after      = "verify"
  older_than = "90d" # resolved once, when the plan is made, and kept in the plan
  start      = "2026-12-01 19:00 Europe/Stockholm"
  windows    = ["nights"]
}
pass "full" {
  after   = "prestage"
  cutover = true # waits until the cutover block's facts hold
  order   = "newest-first"
}
pass "retry" {
  after    = "full"
  attempts = 3
  wait     = "15m"
}

# --------------------------------------------------------------- cutover
cutover {
  domains      = ["contoso.example"]
  mx           = ["*.mail.protection.outlook.com", "*.mx.microsoft"]
  autodiscover = "autodiscover.outlook.com"
  max_ttl      = "5m" # warn while the old record may be cached longer
  settle       = "1h" # go on this long after the switch was seen
  resolvers    = []   # default: the domain's own name servers and the system's resolver
}

# ----------------------------------------------------------- who is told
smtp {
  host     = "smtp.contoso.example"
  port     = 587
  username = "migration"
  password = env("SMTP_PASSWORD")
  from     = "Migration <migration@contoso.example>"
}
notify "users" { # one letter to each person
  before = "48h" # ahead of the first start of a pass
  on     = ["scheduled", "mailbox_done"]
}
notify "operators" {
  to = ["it@contoso.example"]
  on = ["pass_done", "mailbox_failed", "cutover_ready"]
}

report {
  html     = "reports/{pass}.html"
  json     = "reports/{pass}.json"
  csv      = "reports/{pass}.csv"
  to       = ["it@contoso.example"] # mails the statistics when a pass ends
  subjects = false                  # true helps support; check your privacy rules first
}
