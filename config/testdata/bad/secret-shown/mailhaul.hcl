variable "pw" {
  sensitive = true
  default   = env("TEST_PASSWORD")
}
variable "name" { default = "x" }
mailhaul {
  customer = env("TEST_PASSWORD")
  state    = env("TEST_PASSWORD")
}
folders {
  under   = var.pw
  exclude = [var.pw]
}
mailbox "anna@old.example" {
  skip        = command("printf", "canary-of-command")
  destination = "${env("TEST_SHORT")}@new.example"
}
endpoint "imap" "old" {
  host        = env("TEST_HOST")
  port        = strlen(env("TEST_PASSWORD"))
  tls         = var.pw
  connections = env("TEST_SHORT")
  ca_file     = env("TEST_PASSWORD")
}
endpoint "microsoft365" "cloud" {
  tenant_id     = env("TEST_HOST")
  client_id     = env("TEST_SECRET_ID")
  client_secret = env("TEST_PASSWORD")
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
  columns { source = var.pw }
}
users "more" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "${env("TEST_SHORT")}.csv"
}
pass "full" { start = env("TEST_PASSWORD") }
messages { max_size = "${env("TEST_SHORT")}MB" }
