package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/state/mail"
)

// TestCrowdedIsShown: that a server takes no more connections, what that means, and who waits for it and for how long,
// stands on the screen, in lines and in JSON.
func TestCrowdedIsShown(t *testing.T) {
	stamp := executor.Stamp{Time: at("2026-11-23 19:07:20"), Run: "7f3a", Pass: "full"}
	events := []executor.Event{
		executor.PassStarted{Stamp: stamp, Mailboxes: 2},
		executor.MailboxStarted{Stamp: stamp, Mailbox: "carla@contoso.example", Destination: "carla@x.example", Transport: "imap"},
		executor.ConnectionsLowered{Stamp: stamp, Endpoint: "endpoint.imap.old", Most: 3, Text: nasty, Again: 5 * time.Minute},
		executor.ConnectionsLowered{Stamp: stamp, Endpoint: "endpoint.imap.old", Mailbox: "carla@contoso.example", Most: 1, Again: 5 * time.Minute},
		executor.Waiting{Stamp: stamp, Mailbox: "carla@contoso.example", Side: "source", Code: mail.CodeIMAPConnections,
			Kind: mail.Throttled, Text: nasty, Wait: 250 * time.Second},
	}
	term, rec := Record(80, "")
	term.Now = func() time.Time { return stamp.Time }
	b, lines := newBoard(term), NewLines(term.Err, time.UTC)
	b.resize(100, 24)
	var live []string
	var out bytes.Buffer
	j := NewJSON(&out, "test", term.Now)
	for _, e := range events {
		if line := b.take(e); line != "" {
			live = append(live, line)
		}
		lines.Event(e)
		j.Event(e)
	}
	screen := strings.Join(append(live, b.frame()...), "\n")
	for what, text := range map[string]string{"screen": screen, "lines": rec.Err.String(), "json": out.String()} {
		harmless(t, strings.ReplaceAll(text, `\u001b`, ""))
		for _, want := range []string{"endpoint.imap.old takes no more connections: goes on with 3, tries one more in 5m",
			"4m 10s: the source takes no more connections"} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("%s does not say %q:\n%s", what, want, text)
			}
		}
	}
	fits(t, screen, 99)
	for _, want := range []string{`"event":"diagnostic"`, `"kind":"warning"`, `"seconds":250`, `"code":"IMAP-TOO-MANY-CONNECTIONS"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("JSON lacks %s:\n%s", want, out.String())
		}
	}
	schema := compile(t, "events", true)
	for line := range bytes.Lines(out.Bytes()) {
		schema.check(t, line)
	}
}
