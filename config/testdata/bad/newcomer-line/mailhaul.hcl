endpoint "imap" "old" { host = "mail.old.example" port = 993 }
users "staff" {
  from: endpoint.imap.old
  csv = "users.csv";
}
pass "full" {
