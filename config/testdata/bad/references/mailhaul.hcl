endpoint "imap" "old" {
  host = "old.example.com"
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.odl
  to   = "endpoint.imap.new"
  csv  = users.csv
}
users "b" {
  from = endpoint.old
  csv  = endpoint.imap.old
}
mailhaul {
  customer = var.customer
  state    = contoso
}
