variable "pw" {
  sensitive = true
  default   = "canary-default"
  validation {
    condition     = strlen(var.pw) > 100
    error_message = "${var.pw} is too short"
  }
}
variable "short" {
  sensitive = true
  default   = "x7"
}
variable "typed" {
  type      = number
  sensitive = true
  default   = "canary-typed"
}
variable "from_env" {
  default = env("TEST_PASSWORD")
}
locals {
  spelled = "${upper(var.pw)}-${var.from_env}"
  number  = parseint(var.short, 10)
  parsed  = jsondecode(local.spelled)
}
mailhaul {
  mailboxes = parseint(local.spelled, 10)
  version   = local.spelled
}
endpoint "imap" "old" {
  host  = local.spelled
  tls   = var.pw
  grace = var.from_env
  port  = regex(var.short, var.short)
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = var.pw
}
