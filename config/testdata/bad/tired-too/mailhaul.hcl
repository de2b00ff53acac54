mailhaul {
  version = "1.0"
  mailboxes = "many"
}
variable "tenant" {
  type = text
}
variable "n" {
  type = number
  default = "abc"
}
endpoint "imap" "old" {
  host = "imaps://mail.old.example:993"
  port = 99999
  pin_sha256 = ["AA:BB"]
  ca_file = "nope.pem"
  bandwidth = "400"
  verify = false
}
endpoint "office365" "new" {
  tenant_id = var.tenat
}
endpoint "microsoft365" "cloud" {
  tenant_id = "Contoso"
  client_id = "abc"
  certificate = "x.pem"
  transport = "imap"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.microsoft365.cloud
  csv  = "users.xlsx"
}
mailbox "anna@x" { windows = "nights" }
mailbox "bo@x.example" { skip = true }
folders {
  exclude = ["^Trash(/|$", "*.tmp", "(?!INBOX)"]
  rename "^(A)$" { to = "$2" }
  rename "^INBOX\\." { to = "" }
  mapping = ["Old>New"]
  special = true
  merge = "yes"
}
pass "verify" { older_than = "3m" }
pass "prestage" { older_than = "3 months" }
pass "full" {
  after = "prestge"
  start = "tomorrow"
  cutover = true
}
archive { }
report { html = "r-{wave}.html" }
