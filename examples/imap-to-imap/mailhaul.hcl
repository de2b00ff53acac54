# Fabrikam moves from a Dovecot to another IMAP server, department by department. Administrators of both servers open
# the mailboxes, so nobody has to hand in a password.

mailhaul {
  version   = ">= 0.1"
  customer  = "Fabrikam GmbH"
  state     = "fabrikam.state"
  mailboxes = 8 # at work at the same time
}

# ------------------------------------------------------------ from where
endpoint "imap" "old" {
  host        = "imap.old.example"
  connections = 20    # the old machine is small
  grace       = "60s" # how long after a lost connection it may still store a message

  admin {
    user     = "migrator"
    password = env("OLD_ADMIN_PASSWORD")
    style    = "dovecot-master" # signs in as mailbox*migrator
  }
}

# -------------------------------------------------------------- to where
endpoint "imap" "new" {
  host        = "imap.new.example"
  per_mailbox = 2
  max_message = "50MB" # what the new server accepts

  admin {
    user     = "migrator"
    password = env("NEW_ADMIN_PASSWORD")
    style    = "sasl-plain" # AUTHENTICATE PLAIN in the name of the mailbox
  }
}

# ------------------------------------------------------------------- who
users "fabrikam" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
  columns {
    source      = "Old address"
    destination = "New address"
    wave        = "Department"
  }
}

# What differs for one mailbox stands here and nowhere else.
mailbox "archive@fabrikam.example" {
  folders { under = "Old server" } # everything goes below this folder
}
mailbox "test@fabrikam.example" {
  skip = "never used"
}

# --------------------------------------------------------- which folders
folders {
  special = "auto" # Sent goes to the new server's Sent folder, whatever its name
  exclude = ["^Trash(/|$)", "^Junk(/|$)"]
  rename "^INBOX/" { to = "" }                         # first match wins
  rename "^Archives/([0-9]{4})$" { to = "Archive/$1" } # one folder a year
  mapping = ["^Gesendete Objekte->Sent"]               # MigrationWiz's FolderMapping notation
  empty   = true                                       # folders without mail move too
  merge   = "report"                                   # two folders into one: stop and say so
}

messages {
  max_size  = "50MB"
  too_large = "report" # left out, counted and listed
  keywords  = "drop"   # flags that the new server can't hold
  existing  = "adopt"  # mail already there is recognised, not copied twice
}

# ---------------------------------------------------- in how many passes
pass "verify" {}
pass "prestage" {
  after      = "verify"
  older_than = "90d"
}
pass "full" {
  after = "prestage"
  order = "newest-first" # what people miss first comes first
}
pass "retry" {
  after    = "full"
  attempts = 3
  wait     = "5m"
}
