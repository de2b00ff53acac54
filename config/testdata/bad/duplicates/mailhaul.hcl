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
endpoint "imap" "old" {
  host = "old.example.com"
}
folders {
  empty = false
}
folders {
  rename "^A" { to = "B" }
  rename "^a" { to = "C" }
}
mailbox "anna@old.example" {}
mailbox "Anna@OLD.example" {}
pass "full" {}
pass "full" {}
