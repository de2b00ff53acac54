variable "tenant" {
  type = string
}
locals {
  x = 1
}
endpoint "microsoft365" "new" {
  tenant_id     = "contoso.onmicrosoft.com"
  client_id     = "11111111-2222-3333-4444-555555555555"
  client_secret = env("TEST_PASSWORD")
  transports    = ["ews", "imap"]
}
endpoint "imap" "old" {
  host = "old.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.microsoft365.new
  csv  = "users.csv"
}
window "nights" {
  from = "19:00"
}
mailbox "anna@old.example" {
  windows = ["nights"]
}
messages {
  repair   = true
  receipts = "disarm"
}
pass "trial" {
  per_folder = 10
}
pass "prestage" {
  start   = "2026-12-01 19:00"
  windows = ["nights"]
}
pass "full" {
  cutover = true
}
pass "small" { kind = "trial" }
cutover {}
smtp {}
notify "users" {}
report {}
