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
pass "prestage" { after = "verfy" }
pass "full" { after = "last" }
pass "a" {
  kind  = "full"
  after = "b"
}
pass "b" { kind = "full" }
