endpoint "imap" "old" {
  host = "old.example.com"
  tls  = "none"
  ca_file = "ca.pem"
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
