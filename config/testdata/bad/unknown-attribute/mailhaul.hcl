endpoint "imap" "old" {
  host = "old.example.com"
  prot = 993
  admin {
    user    = "m"
    pasword = "canary-misspelt"
  }
  certificate = "x"
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
