endpoint "imap" "old" {
  admin {
    user = "x"
    password = "canary-unterminated
  }
}
