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
mailhaul {
  mailboxes = "twelve"
  customer  = ["a"]
  state     = ""
}
folders {
  include = "^A"
  exclude = [["x"], true]
  empty   = "yes"
}
mailbox "anna@old.example" {
  skip  = true
  merge = 3
}
