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
pass "prestage" {
  older_than = "3m"
  newer_than = "2026-13-01"
  order      = "oldest"
}
pass "full" {
  older_than = "2026-03-29 02:30 Europe/Stockholm"
  newer_than = "2026-01-01 10:00 Mars/Olympus"
}
pass "a" {
  kind       = "full"
  older_than = "0d"
  newer_than = "900y"
}
pass "retry" { wait = "soon" }
