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
  include = ["^Inbox/(?=x)", "(?<!a)b"]
  exclude = ["(open", "a**", "", "(.)\\1"]
  rename "^INBOX/(?!Projects)(.*)$" { to = "$1" }
  rename "^(A)(?<=x)" { to = "$1" }
  rename "[z-a]" { to = "" }
}
