endpoint "imap" "old" {
  host = uper("x")
  grace = "${upper()}s"
  port = max()
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
