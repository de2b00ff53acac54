package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/endpointtest/imapserver"
)

// TestMicrosoft365OverEWS carries the example out with the transport "ews", loses an answer on the way, and holds what the
// server has against what was sent.
func TestMicrosoft365OverEWS(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	exchange := ewsserver.Start(t)
	exchange.Admit(func(token string) bool {
		_, err := c.authority.Check(token)
		return err == nil
	})
	mailboxes := map[string]*ewsserver.Mailbox{}
	for _, p := range people {
		mailboxes[p[2]] = exchange.Mailbox(p[2])
	}
	c.fill()
	c.over(`["ews"]`, exchange, nil)

	var said strings.Builder
	if r := c.must(0, "verify", "--trace", "trace"); !strings.Contains(r.stdout, "2 ready") {
		t.Errorf("verify says:\n%s", r.stdout)
	}
	exchange.Behave(ewsserver.Habits{Lose: map[int]ewsserver.Lose{2: ewsserver.LoseAfter}})
	for range 4 {
		r := c.must(0, "apply", "--auto-approve", "--trace", "trace")
		said.WriteString(r.stdout + r.stderr)
	}
	c.noCanary()
	c.noToken(said.String(), "C: CreateItem")
	if exchange.Struck() == 0 {
		t.Error("no answer was lost")
	}
	for _, p := range people {
		for from, to := range map[string]string{"INBOX": "INBOX", "INBOX/Projects": "Projects", "Sent": "Gesendete Elemente",
			"Trash": "Gelöschte Elemente"} {
			var got, want []string
			for _, m := range mailboxes[p[2]].Messages(to) {
				got = append(got, fmt.Sprintf("%s %s", m.Date.UTC(), m.Octets))
			}
			for _, m := range c.old.Mailbox(p[0], p[1]).Messages(from) {
				want = append(want, fmt.Sprintf("%s %s", m.Date.UTC(), m.Octets))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("%s: %s (-source +Exchange):\n%s", p[2], to, diff)
			}
		}
	}
	c.judged(mailboxes[people[0][2]].Remove, func() int { return exchange.Requests("GetItem") })
	if misuse := exchange.Misuse(); len(misuse) > 0 {
		t.Errorf("what no client may do: %q", misuse)
	}
}

// TestEWSOnPremisesWithAPassword carries the example out to an Exchange Server that knows no OAuth: an account signs in with
// its password, over TLS, and nobody is asked for a token. Where the server offers NTLM only, the error says so.
func TestEWSOnPremisesWithAPassword(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	exchange := ewsserver.Start(t)
	mailboxes := map[string]*ewsserver.Mailbox{}
	for _, p := range people {
		mailboxes[p[2]] = exchange.Mailbox(p[2])
	}
	exchange.User(`CONTOSO\migrator`, "CANARY-basic")
	c.fill()
	c.over(`["ews"]`, exchange, nil)
	text, err := os.ReadFile(filepath.Join(c.dir, "mailhaul.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(text), "endpoint \"microsoft365\"")
	after = regexp.MustCompile("(?m)^  (tenant_id|client_id|authority|imap_host|imap_port) .*\n").ReplaceAllString(after, "")
	after = regexp.MustCompile("(?m)^  client_secret .*$").ReplaceAllString(after,
		"  admin {\n    user     = \"CONTOSO\\\\migrator\"\n    password = env(\"EWS_PASSWORD\")\n  }")
	c.put("mailhaul.hcl", before+"endpoint \"microsoft365\""+after)
	c.env = []string{"EWS_PASSWORD=CANARY-basic"}

	exchange.Behave(ewsserver.Habits{NTLMOnly: true})
	if r := c.must(4, "verify", "--destination-only"); !strings.Contains(r.stdout, "EWS-SIGN-IN-METHOD") || !strings.Contains(r.stdout, "NTLM") {
		t.Errorf("of a server with NTLM only verify says:\n%s", r.stdout)
	}
	exchange.Behave(ewsserver.Habits{})
	if r := c.must(0, "verify", "--json"); !strings.Contains(r.stdout, `"sign_in":"basic"`) && !strings.Contains(r.stdout, `"sign_in": "basic"`) {
		t.Errorf("verify says:\n%s", r.stdout)
	}
	for range 3 {
		c.must(0, "apply", "--auto-approve", "--trace", "trace")
	}
	for _, p := range people {
		if got, want := len(mailboxes[p[2]].Messages("INBOX")), len(c.old.Mailbox(p[0], p[1]).Messages("INBOX")); got != want || want == 0 {
			t.Errorf("%s: %d messages are in INBOX, want %d", p[2], got, want)
		}
	}
	c.judged(mailboxes[people[0][2]].Remove, func() int { return exchange.Requests("GetItem") })
	if r := c.must(1, "setup", "microsoft365"); !strings.Contains(r.stderr, "ApplicationImpersonation") {
		t.Errorf("setup says:\n%s%s", r.stdout, r.stderr)
	}
	if n := c.authority.Requests(); n != 0 {
		t.Errorf("%d tokens were asked for", n)
	}
	if misuse := exchange.Misuse(); len(misuse) > 0 {
		t.Errorf("what no client may do: %q", misuse)
	}
	c.noCanary()
}
