endpoint "imap" "old" {
  host = "old.example.com"
  admin {
    user     = "m"
    password = parseint("canary-inner", 10)
  }
}
endpoint "imap" "new" {
  host = "new.example.com"
  port = parseint(env("TEST_PASSWORD"), 10)
  admin {
    user     = env("TEST_PASSWORD")
    password = upper(env("TEST_PASSWORD"), 3)
    style    = env("TEST_PASSWORD")
  }
}
mailhaul {
  version = env("TEST_PASSWORD")
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
