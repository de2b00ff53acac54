endpoint "old" {
  host = "old.example.com"
}
folders "x" {}
pass {}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
pass "a b" { kind = "full" }
