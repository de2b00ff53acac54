package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/imapserver"
)

// TestAllowQuoteInFolder: between servers that can't read a quote in a quoted string, allow_quote_in_folder moves the
// folders of the mailbox that has it, and check agrees; a mailbox without it is told so, and nothing of it is lost.
func TestAllowQuoteInFolder(t *testing.T) {
	for _, c := range []struct {
		name    string
		without []string
	}{{"pipelined", nil}, {"each literal asked for", []string{"LITERAL+", "MULTIAPPEND"}}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := imapserver.Dovecot().Without(c.without...)
			p.NoEscapes = true
			old, new := imapserver.Start(t, p, imapserver.Options{}), imapserver.Start(t, p, imapserver.Options{})
			folders := []string{"INBOX", `Say "Hello"`, `back\slash`, `INBOX/a "b`}
			users := []string{"anna@contoso.example", "bo@contoso.example"}
			for _, u := range users {
				from := old.Mailbox(u, "CANARY")
				new.Mailbox(u, "CANARY")
				for i, folder := range folders {
					from.Add(folder, imapserver.Message{Date: old2020, Octets: fmt.Appendf(nil, "Subject: %d\r\n\r\nx\r\n", i)})
				}
			}
			m := &migration{t: t, dir: t.TempDir()}
			endpoint := func(name string, s *imapserver.Server) string {
				return fmt.Sprintf("endpoint \"imap\" %q {\n host = %q\n port = %d\n %s\n}\n", name, s.Host(), s.Port(), plaintext)
			}
			m.put("mailhaul.hcl", endpoint("old", old)+endpoint("new", new)+`
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
mailbox "anna@contoso.example" { allow_quote_in_folder = true }
pass "full" {}
`)
			m.put("users.csv", "source,password,destination\n"+users[0]+",CANARY,"+users[0]+"\n"+users[1]+",CANARY,"+users[1]+"\n")
			m.must(3, "apply", "--auto-approve") // bo's folders can't be opened
			m.must(0, "check", users[0])
			for i, u := range users {
				for _, folder := range folders[1:] {
					if n := len(new.Mailbox(u, "").Messages(folder)); n != 1-i {
						t.Errorf("%s has %d messages in %q", u, n, folder)
					}
				}
			}
			made := new.Mailbox(users[0], "").Folders()
			slices.Sort(made)
			slices.Sort(folders)
			if diff := cmp.Diff(folders, made); diff != "" {
				t.Errorf("folders (-want +got):\n%s", diff)
			}
			for _, s := range []*imapserver.Server{old, new} {
				if misuse := s.Misuse(); len(misuse) > 0 {
					t.Errorf("the client broke the protocol: %q", misuse)
				}
			}
		})
	}
}
