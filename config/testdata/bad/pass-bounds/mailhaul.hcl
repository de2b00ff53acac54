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
pass "a" {
  kind       = "prestage"
  older_than = "90d"
  newer_than = "30d"
}
pass "b" {
  kind       = "full"
  older_than = "2025-01-01"
  newer_than = "2026-01-01"
}
