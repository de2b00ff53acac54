endpoint "imap" "old" {
  host = "old.example.com"
}
endpoint "microsoft365" "new" {
  tenant_id = "contoso.example"
  client_id = "11111111-2222-3333-4444-555555555555"
  admin {
    user     = "admin@contoso.example"
    password = env("TEST_PASSWORD")
  }
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.microsoft365.new
  csv  = "users.csv"
}
