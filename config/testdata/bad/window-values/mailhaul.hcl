window "nights" {
  days     = ["mon", "Tue", "wednesday", "thu"]
  from     = "7pm"
  to       = "25:00"
  timezone = "Europe/Stokholm"
}
window "never" {
  days = []
  from = "10:00"
  to   = "10:00"
}
window "late" {
  from = "24:00"
  to   = "12:61"
}
window "zone" { timezone = "Local" }
window "zone" {}
window {}
window "typo" { form = "10:00" }
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
