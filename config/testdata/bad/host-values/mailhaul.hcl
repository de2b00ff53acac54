endpoint "imap" "old" {
  host = "imaps://old.example.com"
}
endpoint "imap" "new" {
  host = "new.example.com:993"
}
endpoint "imap" "b" {
  host = "not a host"
}
endpoint "imap" "c" {}
endpoint "imap" "d" {
  host = ""
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
