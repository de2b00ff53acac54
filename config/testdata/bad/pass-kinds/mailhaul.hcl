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
pass "old-mail" {}
pass "prestge" {}
pass "x" { kind = "ful" }
pass "full" { kind = "prestage" }
pass "verify" { older_than = "90d" }
pass "retry" {
  attempts   = 0
  newer_than = "1y"
}
