# Everything the language has, in the order in which an administrator thinks.

mailhaul {
  version   = ">= 0.1"
  customer  = "Contoso Ltd"
  state     = "contoso.state" # default: mailhaul.state
  mailboxes = 12              # at work at the same time
}

variable "tenant" {
  type        = string
  description = "Directory id of the tenant"
  default     = "contoso.onmicrosoft.com"

  validation {
    condition     = strlen(var.tenant) > 3
    error_message = "a tenant is named as in contoso.onmicrosoft.com"
  }
}

locals {
  domain = "contoso.example"
  it     = ["it@${local.domain}"]
}

# ------------------------------------------------------------ from where
endpoint "imap" "old" {
  host        = "mail.contoso.example"
  port        = 993
  tls         = "implicit" # implicit | starttls | none (none needs allow_plaintext = true)
  ca_file     = "old-ca.pem"
  pin_sha256  = []
  connections = 40 # for the whole server
  per_mailbox = 2
  grace       = "60s"
  bandwidth   = "400Mbit"

  admin { # one account that may open every mailbox
    user     = "migrator"
    password = file("secrets/imap-admin")
    style    = "sasl-plain"
  }
}

# -------------------------------------------------------------- to where
endpoint "microsoft365" "new" {
  tenant_id     = var.tenant
  client_id     = "11111111-2222-3333-4444-555555555555"
  client_secret = file("secrets/m365-client-secret") # or certificate, or device_code = true
  transports    = ["imap"]                           # imap | ews | graph, tried in this order
  connections   = 60                                 # for the whole tenant
  per_mailbox   = 2
  max_message   = "35MB"
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
  windows = ["weekend"]
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
  special = "auto" # "none" leaves names alone
  include = []     # regular expressions; empty means all
  exclude = ["^Trash(/|$)", "^Junk(/|$)"]
  rename "^INBOX/" { to = "" } # first match wins
  rename "^Archives/([0-9]{4})$" { to = "Archive/$1" }
  mapping = ["^Old Sent->Sent Items"] # the same in MigrationWiz's notation
  empty   = true                      # create folders that hold no message
  merge   = "report"                  # two folders into one: report | allow
}

messages {
  max_size  = "150MB"
  too_large = "report" # report | fail
  receipts  = "auto"   # keep | disarm | auto
  keywords  = "drop"   # drop | fail
  repair    = true     # after a refusal only
  existing  = "adopt"  # adopt | ignore
}

# ------------------------------------------------------------------ when
window "nights" {
  days     = ["mon", "tue", "wed", "thu", "fri"]
  from     = "19:00"
  to       = "06:00" # the next morning
  timezone = "Europe/Stockholm"
}
window "weekend" {
  days     = ["sat", "sun"]
  timezone = "Europe/Stockholm"
}

# ---------------------------------------------------- in how many passes
pass "verify" {}
pass "trial" {
  per_folder = 10
  max_bytes  = "5MB"
}
pass "prestage" {
  after      = "verify"
  older_than = "90d"
  start      = "2026-12-01 19:00 Europe/Stockholm"
  windows    = ["nights", "weekend"]
}
pass "full" {
  after   = "prestage"
  cutover = true
  order   = "newest-first"
}
pass "retry" {
  after    = "full"
  attempts = 3
  wait     = "15m"
}

# --------------------------------------------------------------- cutover
cutover {
  domains      = [local.domain]
  mx           = ["*.mail.protection.outlook.com", "*.mx.microsoft"]
  autodiscover = "autodiscover.outlook.com"
  max_ttl      = "5m"
  settle       = "1h"
  resolvers    = []
}

# ----------------------------------------------------------- who is told
smtp {
  host     = "smtp.contoso.example"
  port     = 587
  username = "migration"
  password = file("secrets/smtp")
  from     = "Migration <migration@contoso.example>"
}
notify "users" { # one letter to each person
  before = "48h"
  on     = ["scheduled", "mailbox_done"]
}
notify "operators" {
  to = local.it
  on = ["pass_done", "mailbox_failed", "cutover_ready"]
}

report {
  html     = "reports/{pass}.html"
  json     = "reports/{pass}.json"
  csv      = "reports/{pass}.csv"
  to       = local.it
  subjects = false
}
