window "nights" {
  from = "19:00"
  to   = "06:00"
}
window "weekend" {
  days = ["sat", "sun"]
}
pass "prestage" {
  windows = ["evenings", "weekends", "nights", "nights"]
  start   = "2026-13-01 19:00"
}
pass "full" {
  windows = "nights"
  start   = "2026-03-29 02:30 Europe/Stockholm"
}
mailbox "anna@old.example" {
  windows = ["night"]
}
mailbox "bo@old.example" {
  windows = [window.nights]
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
