# Move Contoso's mail from the old server to Microsoft 365.

endpoint "imap" "old" {
  host = "mail.contoso.example" # port 993 and TLS unless you say otherwise
}

endpoint "microsoft365" "new" {
  tenant_id     = "contoso.onmicrosoft.com"
  client_id     = "11111111-2222-3333-4444-555555555555"
  client_secret = env("M365_CLIENT_SECRET")
}

users "staff" {
  from = endpoint.imap.old
  to   = endpoint.microsoft365.new
  csv  = "users.csv" # columns: source, password, destination
}

folders {
  rename "^INBOX/" { to = "" } # INBOX/Projects becomes Projects
}

pass "verify" {}
pass "prestage" { older_than = "90d" }
pass "full" {}
pass "retry" {}
