endpoint "imap" "old" {
  host = 'mail.old.example'
  port = 993,
}
endpoint "imap" "new"
{
  host = "mail.new.example"
}
