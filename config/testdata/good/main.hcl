mailhaul {
  version   = "~> 1.0"
  customer  = "Contoso Ltd"
  state     = "contoso.state"
  mailboxes = 4
}

users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.lab
  csv  = "users.csv"

  columns {
    source   = "Old address"
    username = "Login"
    wave     = "Wave"
  }
  folders {
    special = "auto" # over the top level's
  }
}

mailbox "anna@contoso.example" {
  allow_quote_in_folder = true
  folders {
    exclude = [] # an override can switch off
    under   = ""
  }
}

mailbox "Bo@contoso.example" {
  destination = "records@contoso.example"
  merge       = true
  messages {
    max_size  = "1MB"
    too_large = "report"
  }
}

mailbox "test@contoso.example" {
  skip = "never used"
}

folders {
  special = "none"
  include = ["."]
  exclude = ["^Trash(/|$)"]
  mapping = ["^Old Sent->Sent Items"]
  rename "^INBOX/" { to = "" }
  rename "^Archives/([0-9]{4})$" { to = "Archive/$1" }
  empty = false
  merge = "allow"
  under = "Old server"
}

messages {
  max_size  = "150MB"
  too_large = "fail"
  receipts  = "keep"
  keywords  = "fail"
  repair    = false
  existing  = "ignore"
}

pass "verify" {}
pass "old-mail" {
  kind       = "prestage"
  older_than = "1y"
}
pass "prestage" {
  after      = "verify"
  older_than = "2026-12-01 19:00 Europe/Stockholm"
  newer_than = "2020-01-01"
  order      = "newest-first"
}
pass "full" {}
