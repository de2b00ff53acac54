variable "endpoint" { default = "endpoint.imap.old" }
users "more" {
  from = var.endpoint
  to   = endpoint.imap[local.x]
  csv  = local.x
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
