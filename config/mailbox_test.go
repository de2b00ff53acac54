package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPrecedence holds: mailbox block over CSV column over users block over top level over built-in default, for each
// attribute by itself; and an override switches off as well as on.
func TestPrecedence(t *testing.T) {
	c := mustLoad(t, project(t, "a.hcl", oldEndpoint+newEndpoint+`
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
  folders {
    special = "auto"
    exclude = ["^Users"]
  }
  messages { max_size = "20MB" }
}
folders {
  special = "none"
  empty   = false
  under   = "Top"
  exclude = ["^Top"]
  rename "^A" { to = "B" }
}
messages {
  max_size = "10MB"
  keywords = "fail"
}
mailbox "anna@old.example" {
  destination          = "chief@new.example"
  username             = ""
  destination_username = "chief"
  password             = env("TEST_PASSWORD")
  wave                 = ""
  folders {
    under   = ""
    exclude = []
    empty   = true
    rename "(.*)" { to = "$1" }
  }
  messages { keywords = "drop" }
}
`, "users.csv", `source,username,password,destination,destination_username,destination_password,wave
anna@old.example,anna,canary-a,anna@new.example,anna,canary-b,first
bo@old.example,bo,canary-c,bo@new.example,,canary-d,second
`))
	type row struct {
		Destination, User, There, Wave, Special, Under, Keywords string
		Empty                                                    bool
		Exclude, Rename                                          []string
		Size                                                     int64
	}
	var got []row
	for _, m := range c.Mailboxes {
		r := row{m.Destination.Address, m.Source.Username, m.Destination.Username, m.Wave, m.Folders.Special, m.Folders.Under,
			m.Messages.Keywords, m.Folders.Empty, nil, nil, m.Messages.MaxSize}
		for _, x := range m.Folders.Exclude {
			r.Exclude = append(r.Exclude, x.Written)
		}
		for _, x := range m.Folders.Rename {
			r.Rename = append(r.Rename, x.Written)
		}
		got = append(got, r)
	}
	want := []row{
		{"chief@new.example", "anna@old.example", "chief", "", "auto", "", "drop", true, nil, []string{`rename "(.*)"`}, 20_000_000},
		{"bo@new.example", "bo", "bo@new.example", "second", "auto", "Top", "fail", false, []string{`"^Users"`}, []string{`rename "^A"`}, 20_000_000},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if a := c.Mailboxes[0]; a.Source.Password.Reveal() != "canary-of-env" || a.Destination.Password.Reveal() != "canary-b" {
		t.Error("the passwords are others")
	}
}
