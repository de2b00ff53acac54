endpoint "imap" "hub" {
  host        = "old.example.com"
  connections = 1 # per_mailbox is then 1 by itself
}
users "staff" {
  from = endpoint.imap.hub
  to   = endpoint.imap.hub
  csv  = "users.csv"
}
