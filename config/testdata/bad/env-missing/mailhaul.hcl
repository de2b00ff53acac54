endpoint "imap" "old" {
  host = "old.example.com"
  admin {
    user     = env("NOT_SET")
    password = file("missing.txt")
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
