pass "trial" {
  per_folder = 0
  max_bytes  = "5 apples"
  older_than = "1y"
}
pass "small" {
  kind    = "trail"
}
pass "prestage" {
  per_folder = 10
  wait       = "15m"
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
