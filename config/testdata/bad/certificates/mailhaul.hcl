endpoint "imap" "old" {
  host = "old.example.com"
  ca_file = "missing.pem"
  pin_sha256 = ["abc", 5]
}
endpoint "imap" "new" {
  host       = "new.example.com"
  ca_file    = "ca.pem"
  pin_sha256 = "abc"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
