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
  rename "^A/(.*)$" { to = "$2" }
  rename "^B/(.*)$" { to = "$1x" }
  rename "^C" {}
  rename "^D" { to = "$name" }
  mapping = ["Old Sent", "^Old->$3", "^Ok (.*)->New/$1", "(->x"]
  under   = "/Old server/"
}
