package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/imapserver"
)

// TestHardCase_P22_CrowdedServer moves six mailboxes from and to servers that take fewer connections than are configured, whatever they
// say to one more: no mailbox fails, the operator is told that the limit is lowered and who waits for how long, and the
// next run begins with what the state file has kept.
func TestHardCase_P22_CrowdedServer(t *testing.T) {
	for name, c := range map[string]struct {
		crowd *imapserver.Crowd
		waits bool // for their turn; else the mailboxes only go without a second connection
	}{
		"greeting": {&imapserver.Crowd{Most: 2, Words: "BYE Too many connections"}, true},
		"limit":    {&imapserver.Crowd{Most: 2, Words: "NO [LIMIT] no more sessions"}, true},
		"exchange": {&imapserver.Crowd{Most: 2, Words: "NO too many simultaneous connections"}, true},
		"dovecot": {&imapserver.Crowd{Most: 1, PerUser: true,
			Words: "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, crowd := newCrowd(t, c.crowd)
			waits, lowered := crowdTold(t, m.must(0, "apply", "--auto-approve", "--json").stdout)
			if c.waits != (waits > 0) || lowered == 0 {
				t.Errorf("%d waits and %d lowered limits were told", waits, lowered)
			}
			highest, before := crowd.Counted()
			if highest > c.crowd.Most || before == 0 {
				t.Errorf("the server had %d connections and refused %d", highest, before)
			}
			m.more(2)
			m.must(0, "apply", "--auto-approve")
			if _, after := crowd.Counted(); after > 1 {
				t.Errorf("the second run was refused %d times, the first %d times", after, before)
			}
			m.complete()
		})
	}
}

// TestRefusedAlone: a mailbox that is refused a connection while no other has one waits for nobody: the ordinary error
// comes, with the exit code of one that failed.
func TestRefusedAlone(t *testing.T) {
	m, _ := newCrowd(t, &imapserver.Crowd{Most: 0, Words: "BYE Too many connections"})
	r := m.must(3, "apply", "--auto-approve", "--mailbox", m.users[0])
	out := r.stdout + r.stderr
	if !strings.Contains(out, "IMAP-TOO-MANY-CONNECTIONS") {
		t.Errorf("the code is missing in:\n%s", out)
	}
}

// crowded is a project between two servers of the test's own, of which the source is crowded.
type crowded struct {
	*migration
	old, new *imapserver.Server
	added    int // to each folder
}

func newCrowd(t *testing.T, crowd *imapserver.Crowd) (*crowded, *imapserver.Crowd) {
	t.Helper()
	p := imapserver.Dovecot()
	p.Crowd = crowd
	m := &crowded{migration: &migration{t: t, dir: t.TempDir()}, old: imapserver.Start(t, p, imapserver.Options{}),
		new: imapserver.Start(t, imapserver.Dovecot(), imapserver.Options{})}
	csv := "source,password,destination\n"
	for i := range 6 {
		u := fmt.Sprintf("user%d@contoso.example", i)
		m.users = append(m.users, u)
		csv += u + ",CANARY," + u + "\n"
		m.new.Mailbox(u, "CANARY")
	}
	m.more(80) // enough that a second connection is worth its sign-in
	endpoint := func(name string, s *imapserver.Server) string {
		return fmt.Sprintf("endpoint \"imap\" %q {\n host = %q\n port = %d\n connections = 20\n %s\n}\n", name, s.Host(), s.Port(), plaintext)
	}
	m.put("mailhaul.hcl", endpoint("old", m.old)+endpoint("new", m.new)+
		"users \"staff\" {\n from = endpoint.imap.old\n to = endpoint.imap.new\n csv = \"users.csv\"\n}\npass \"full\" {}\n")
	m.put("users.csv", csv)
	return m, crowd
}

// more adds n messages to each of five folders of each mailbox.
func (m *crowded) more(n int) {
	for _, u := range m.users {
		for f := range 5 {
			for i := range n {
				m.old.Mailbox(u, "CANARY").Add(fmt.Sprintf("Folder %d", f), imapserver.Message{Date: old2020,
					Octets: fmt.Appendf(nil, "Subject: %d %d\r\n\r\nx\r\n", f, m.added+i)})
			}
		}
	}
	m.added += n
}

// complete wants every message at the destination once.
func (m *crowded) complete() {
	m.t.Helper()
	for _, u := range m.users {
		for f := range 5 {
			if n := len(m.new.Mailbox(u, "").Messages(fmt.Sprintf("Folder %d", f))); n != m.added {
				m.t.Errorf("%s has %d messages in folder %d, want %d", u, n, f, m.added)
			}
		}
	}
}

// crowdTold counts the events that say that a mailbox waits for its turn, with how long, and that a limit is lowered.
func crowdTold(t *testing.T, out string) (waits, lowered int) {
	t.Helper()
	for line := range strings.Lines(out) {
		var e struct {
			Event, Code, Kind, Text string
			Seconds                 float64
		}
		if json.Unmarshal([]byte(line), &e) != nil || e.Code != "IMAP-TOO-MANY-CONNECTIONS" {
			continue
		}
		switch e.Event {
		case "waiting":
			if waits++; e.Seconds <= 0 || e.Seconds > 3600 || !strings.Contains(e.Text, "takes no more connections") {
				t.Errorf("an operator can't tell how long that is: %s", line)
			}
		case "diagnostic":
			if lowered++; e.Kind != "warning" || !strings.Contains(e.Text, "goes on with") {
				t.Errorf("an operator can't tell what that means: %s", line)
			}
		}
	}
	return waits, lowered
}
