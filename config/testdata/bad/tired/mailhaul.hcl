endpoint imap old {
  host = mail.old.example
  tls = "ssl"
}
endpoint "imap" "new" {
  host = "mail.new.example"
  admin {
    password = "canary-x"
  }
}
users "staff" {
  from = "endpoint.imap.old"
  to   = endpoint.imap.neu
  csv  = users.csv
}
pass "verfy" {}
pass "prestage" { older = "90d" }
pass "full" {}
window "nights" {
  days = "mon-fri"
  from = "7pm"
  to   = 6
  timezone = "CET+1"
}
folder { exclude = ["Trash"] }
notify "operators" {
  to = "it@contoso.example"
  on = "pass_done"
}
mailbox "a@x.example" { window = "nights" }
messages { max_size = 36 }
