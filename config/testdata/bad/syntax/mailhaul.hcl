endpoint "imap" "old" {
  host = "old.example.com
}

pass "full" {
  after = = 3
}
