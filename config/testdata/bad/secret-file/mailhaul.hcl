endpoint "imap" "old" {
  host = "old.example.com"
  admin {
    user     = "m"
    password = tostring(parseint(file("pw.txt"), 10))
  }
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
