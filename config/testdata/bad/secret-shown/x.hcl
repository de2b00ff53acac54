variable "second" {
  default   = file("none")
  sensitive = true
}
