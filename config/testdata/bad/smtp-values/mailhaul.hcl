smtp {
  host     = "smtp.example.com:587"
  port     = 0
  username = "migration"
  from     = "Migration"
  tls      = true
}
notify "users" {
  to     = ["it@contoso.example"]
  before = "48h"
  on     = ["mailbox_done", "mailbox_faild"]
}
notify "operators" {
  to = ["it"]
  on = []
}
notify "nobody" {
  on = ["pass_done"]
}
report {
  html     = "reports/{pass}-{date}.html"
  json     = ""
  subjects = "sometimes"
  to       = ["it@contoso.example", "@"]
  hmtl     = "x"
}
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
