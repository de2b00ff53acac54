mailbox "anna@old.example" {
  wave                 = true
  username             = ""
  password             = "canary-literal"
  destination_password = 5
  destination          = "anna"
  windows              = []
  skip                 = false
  merge                = "perhaps"
  folders {
    under   = "/x"
    special = "off"
    rename "(" { to = "x" }
  }
  messages {
    max_size = "1 MB!"
  }
  from = endpoint.imap.old
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
