endpoint "imap" "old" {
  host = "old.example.com"
  admin {
    user     = command("mailhaul-no-such-program")
    password = command("false")
  }
}
endpoint "imap" "new" {
  host = command("true")
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
