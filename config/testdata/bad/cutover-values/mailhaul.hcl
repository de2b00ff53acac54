cutover {
  domains      = ["anna@contoso.example", "contoso", "contoso.example", 7]
  mx           = ["mail.*.example", "*.mx.microsoft"]
  autodiscover = "https://autodiscover.outlook.com"
  max_ttl      = "soon"
  settle       = "0s"
  resolvers    = ["192.0.2.53", "[2001:db8::53]:53", "a b"]
  domain       = "x"
}
pass "prestage" { cutover = true }
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
