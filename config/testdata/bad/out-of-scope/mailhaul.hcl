endpoint "imap" "old" {
  host = "old.example.com"
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from     = endpoint.imap.old
  to       = endpoint.imap.new
  csv      = "users.csv"
  contacts = true
}
mailbox "anna@old.example" {
  archive = true
}
folders {
  public_folders = ["x"]
  calendars {}
}
