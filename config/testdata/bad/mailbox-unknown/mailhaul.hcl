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
mailbox "ana@old.example" {
  skip = "away"
}
mailbox "nobody" {}
mailbox "bo@old.example" {
  destination = "bo at new"
}
