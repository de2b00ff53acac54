endpoint "imap" "old" {
  host                = "mail.contoso.example"
  port                = 1143
  tls                 = "starttls"
  ca_file             = "ca.pem"
  pin_sha256          = ["AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB"]
  connections         = 20
  per_mailbox         = 3
  grace               = "1m30s"
  bandwidth           = "400Mbit"
  compress            = "always"
  messages_per_second = 50
  max_message         = "35MB"

  admin {
    user     = "migrator"
    password = file("pw.txt")
    style    = "dovecot-master"
  }
}

endpoint "imap" "lab" {
  host            = "127.0.0.1"
  tls             = "none"
  allow_plaintext = true
  max_message     = "36MiB"
}
