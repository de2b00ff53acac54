variable "tenant" {
  type = string
}
variable "port" {
  type    = number
  default = "many"
}
variable "shape" {
  type = strin
}
variable "hosts" {
  type    = list(string)
  default = ["a", { b = 1 }]
}
variable "wave" {
  default = var.tenant
}
variable "size" {
  default = "36MB"
  validation {
    condition     = length(var.size) > 10
    error_message = "the size ${var.size} is too short"
  }
  validation {
    condition = var.sise == ""
  }
  validation {
    error_message = "never seen"
  }
  validation {
    condition = "perhaps"
  }
}
variable "two words" {}
variable "tenant" {}
variable "odd" {
  defualt = 1
}
mailhaul {
  customer  = var.tennant
  mailboxes = var.port
  state     = var
}
endpoint "imap" "old" {
  host = var.size.nothing
}
endpoint "imap" "new" {
  host = "new.example.com"
}
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
