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
folders {
  special = "of"
  merge   = "always"
}
messages {
  max_size  = "150"
  too_large = "skip"
  receipts  = "none"
  keywords  = "keep"
  existing  = "adapt"
}
