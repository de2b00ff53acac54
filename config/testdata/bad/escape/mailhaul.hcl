folders {
  rename "^INBOX\." { to = "" }
  exclude = ["a\d"]
}
