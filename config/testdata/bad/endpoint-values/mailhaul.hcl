endpoint "imap" "old" {
  host        = "old.example.com"
  port        = 70000
  tls         = "startls"
  connections = "many"
  per_mailbox = 0
  grace       = "60 zorks"
  bandwidth   = "fast"
  max_message = "-1MB"
  messages_per_second = 1.5
  allow_plaintext = "perhaps"
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
