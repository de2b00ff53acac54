# Move Contoso's mail from the old IMAP server to the new one.

endpoint "imap" "old" {
  host = "mail.old.example" # port 993 and TLS unless you say otherwise
}

endpoint "imap" "new" {
  host = "mail.new.example"
}

users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv" # columns: source, password, destination, destination_password
}

folders {
  rename "^INBOX/" { to = "" } # INBOX/Projects becomes Projects
}

pass "verify" {}
pass "prestage" { older_than = "90d" }
pass "full" {}
pass "retry" {}
