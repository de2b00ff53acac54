variable "pw" {
  sensitive = true
  default   = env("TEST_PASSWORD")
}
variable "name" { default = "x" }
mailhaul { customer = env("TEST_PASSWORD") }
folders {
  under   = var.pw
  exclude = [var.pw]
}
mailbox "anna@old.example" {
  skip        = command("printf", "canary-of-command")
  destination = "${env("TEST_SHORT")}@new.example"
}
endpoint "imap" "old" {
  host = "old.example.com"
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
