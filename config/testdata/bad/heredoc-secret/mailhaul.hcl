endpoint "imap" "old" {
  host = "old.example.com"
  admin {
    user     = "m"
    password = <<EOT
canary${upper(1, 2)}
EOT
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
