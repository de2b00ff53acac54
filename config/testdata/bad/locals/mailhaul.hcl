locals {
  a = local.b
  b = "${local.c}x"
  c = local.a
  d = local.a
  e = local.ee
  f = endpoint.imap.old
}
locals {
  e = 2
  g = upper(
    local.h, 1)
  h = 3
}
mailhaul {
  customer = local.ff
  state    = local.d
}
endpoint "imap" "old" {
  host = local["h"]
  port = local.h
  tls  = local.g
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
