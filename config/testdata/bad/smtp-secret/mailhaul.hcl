smtp {
  host     = "smtp.example.com"
  password = "canary-literal"
}
smtp {
  host     = "smtp.example.com"
  from     = env("TEST_PASSWORD")
  username = "x"
  password = env("TEST_NONE")
}
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
