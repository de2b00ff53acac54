endpoint "microsoft365" "none" {
  archive_mailbox = true
  host            = "outlook.office365.com"
}
endpoint "microsoft365" "two" {
  tenant_id     = "common"
  client_id     = "mailhaul"
  client_secret = env("TEST_PASSWORD")
  device_code   = true
  transports    = ["imap", "owa", "imap"]
  imap_host     = "outlook.office365.com:993"
  authority     = "http://login.example.com"
  ews_url       = "mail.example.com/EWS"
}
endpoint "microsoft365" "files" {
  tenant_id   = "contoso"
  client_id   = "11111111-2222-3333-4444-555555555555"
  certificate = "absent.pem"
  connections = 1
  per_mailbox = 2
  transports  = []
}
endpoint "microsoft365" "keyless" {
  tenant_id   = "contoso.example"
  client_id   = "11111111-2222-3333-4444-555555555555"
  certificate = "users.csv"
  per_mailbox = 5
}
endpoint "microsoft365" "id" {
  tenant_id     = "99999999-2222-3333-4444-555555555555"
  client_id     = "11111111-2222-3333-4444-555555555555"
  client_secret = env("TEST_SECRET_ID")
}
endpoint "microsoft365" "person" {
  tenant_id = "contoso.example"
  client_id = "11111111-2222-3333-4444-555555555555"
  admin {
    user  = "admin@contoso.example"
    style = "exchange"
  }
  public_folders {}
}
endpoint "microsoft356" "typo" {
}
users "staff" {
  from = endpoint.microsoft365.none
  to   = endpoint.microsoft365.two
  csv  = "users.csv"
}
