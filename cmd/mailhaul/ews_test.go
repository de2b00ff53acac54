package main

import (
	"fmt"
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
	if r := c.run("check"); r.code != 1 || !strings.Contains(r.stderr, "reached by EWS") {
		t.Errorf("check ends with %d: %s", r.code, r.stderr)
	}
	if misuse := exchange.Misuse(); len(misuse) > 0 {
		t.Errorf("what no client may do: %q", misuse)
	}
}
