endpoint "microsoft365" "cloud" {
  tenant_id     = "contoso.onmicrosoft.com"
  client_id     = "11111111-2222-3333-4444-555555555555"
  client_secret = env("TEST_PASSWORD")
  transports    = ["ews"]
}
endpoint "microsoft365" "both" {
  tenant_id     = "contoso.onmicrosoft.com"
  client_id     = "11111111-2222-3333-4444-555555555555"
  client_secret = env("TEST_PASSWORD")
  transports    = ["imap", "ews", "graph", "pop"]
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.microsoft365.cloud
  to   = endpoint.imap.new
  csv  = "users.csv"
}
