package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// night is the run of cli.md with everything that can happen in it, times and all.
func night() []executor.Event {
	stamp := func(clock string) executor.Stamp {
		return executor.Stamp{Time: at("2026-11-23 " + clock), Run: "7f3a", Pass: "prestage"}
	}
	all := counted(1_204_118, 318_400*mail.MB)
	return []executor.Event{
		executor.PassStarted{Stamp: stamp("18:00:02"), Kind: "prestage", Mailboxes: 208, Planned: all,
			Closes: at("2026-11-24 05:00:00")},
		executor.MailboxStarted{Stamp: stamp("18:00:09"), Mailbox: "bo@contoso.example", Destination: "bo@new.example",
			Transport: "imap", Planned: counted(40_977, 11_800*mail.MB)},
		executor.Step{Stamp: stamp("18:00:10"), Mailbox: "bo@contoso.example", Folder: "Projects/2019", FolderDone: 31_206,
			FolderPlanned: 40_977, Copied: counted(100, mail.MB)},
		executor.Waiting{Stamp: stamp("18:21:44"), Mailbox: "carla@contoso.example", Side: "destination",
			Code: mail.CodeIMAPThrottled, Kind: mail.Throttled, Text: "slow down " + nasty, Wait: 250 * time.Second},
		executor.Waiting{Stamp: stamp("18:21:50"), Mailbox: "carla@contoso.example", Side: "destination",
			Code: mail.CodeIMAPThrottled, Kind: mail.Throttled, Wait: 250 * time.Second},
		executor.Progress{Stamp: stamp("18:00:40"), Planned: all, Copied: counted(3, mail.MB), Mailboxes: 208, AtWork: 12},
		executor.Progress{Stamp: stamp("18:30:02"), Planned: all, Copied: counted(30_000, 7_740*mail.MB), Mailboxes: 208, AtWork: 12},
		executor.Progress{Stamp: stamp("18:30:12"), Planned: all, Copied: counted(30_100, 7_783*mail.MB), Mailboxes: 208, AtWork: 12},
		executor.MessageLeftOut{Stamp: stamp("18:31:00"), Mailbox: "bo@contoso.example", Destination: "bo@new.example",
			Transport: "imap", Folder: "INBOX", DestinationFolder: "INBOX", UID: 12, Bytes: 160 * mail.MB, Code: mail.CodeMessageTooLarge},
		executor.MailboxDone{Stamp: stamp("18:58:10"), Mailbox: "anna@contoso.example", Destination: "anna@contoso.example",
			Transport: "imap", Planned: counted(18_204, 4_100*mail.MB), Copied: counted(18_204, 4_100*mail.MB), Elapsed: 58 * time.Minute},
		executor.MessageFailed{Stamp: stamp("19:03:31"), Mailbox: "hugo@contoso.example", Destination: "hugo@contoso.example",
			Transport: "imap", Folder: "Sent", DestinationFolder: "Sent Items", UID: 4711, Bytes: 48211,
			Code: mail.CodeMessageMalformed, Kind: mail.Malformed, Text: nasty},
		executor.MessageFailed{Stamp: stamp("19:04:31"), Mailbox: "hugo@contoso.example", Destination: "hugo@contoso.example",
			Transport: "imap", Folder: "Sent", DestinationFolder: "Sent Items", UID: 4711, Bytes: 48211,
			Code: mail.CodeMessageMalformed, Kind: mail.Malformed},
		executor.MessageFailed{Stamp: stamp("19:05:31"), Mailbox: nasty, Destination: nasty, Transport: "imap", Folder: nasty,
			DestinationFolder: nasty, UID: 4712, Bytes: 0, Code: mail.CodeMessageDamaged, Kind: mail.Refused, Retry: true},
		executor.MailboxFailed{Stamp: stamp("19:06:00"), Mailbox: "eva@contoso.example", Destination: "eva@contoso.example",
			Transport: "imap", Side: "source", Code: mail.CodeIMAPLogin, Kind: mail.Auth, Text: nasty, Retry: true},
		executor.MailboxDone{Stamp: stamp("19:07:00"), Mailbox: "hugo@contoso.example", Destination: "hugo@contoso.example",
			Transport: "imap", Copied: counted(900, 62*mail.MB), Failed: counted(12, mail.MB), LeftOut: counted(3, 480*mail.MB),
			FlagsChanged: 4, Elapsed: 610 * time.Second},
		executor.MessageChanged{Stamp: stamp("19:07:29"), Mailbox: "bo@contoso.example", Destination: "bo@new.example",
			Transport: "imap", Folder: "INBOX", DestinationFolder: "INBOX", UID: 13, Bytes: 4711, Changes: state.DisarmedReceipts},
		executor.Interrupted{Stamp: stamp("19:07:30")},
		executor.PassDone{Stamp: stamp("19:07:31"), Planned: all, Copied: counted(1_000_001, 300*mail.GB), Failed: counted(41, 62*mail.MB),
			LeftOut: counted(14, 2_400*mail.MB), Complete: 206, Incomplete: 2, Blocked: 1, Elapsed: 67 * time.Minute, Interrupted: true},
	}
}

func TestLines(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	for name, start := range map[string]func(Output) *Lines{
		"lines": func(o Output) *Lines { return NewLines(o, zone) },
		"quiet": func(o Output) *Lines { return NewQuiet(o, zone) },
	} {
		text := rendered(t, 80, nil, func(o Output) error {
			l := start(o)
			for _, e := range night() {
				l.Event(e)
			}
			return errors.Join(l.Close(), l.Close())
		})
		golden(t, "progress-"+name+".txt", text)
		harmless(t, text)
	}
}

// failingWriter takes some writes and no more.
type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// TestEventsOutlastTheirReader: a closed pipe is told by Close, and nothing is written after it.
func TestEventsOutlastTheirReader(t *testing.T) {
	for name, start := range map[string]func(io.Writer) Events{
		"lines": func(w io.Writer) Events { return NewLines(Output{Writer: w, Width: 80}, time.UTC) },
		"json":  func(w io.Writer) Events { return NewJSON(w, "dev", time.Now) },
	} {
		w := &failingWriter{left: 3}
		v := start(w)
		for _, e := range night() {
			v.Event(e)
		}
		if err := v.Close(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: Close = %v, want %v", name, err, io.ErrClosedPipe)
		}
		if w.left != -1 {
			t.Errorf("%s: %d writes after the pipe was closed", name, -1-w.left)
		}
	}
}

// TestJSONEvents: each line is one object with the keys of cli.md, the first is version, the last is exit, and what was
// hostile is read back as it was but steers no terminal.
func TestJSONEvents(t *testing.T) {
	var buf bytes.Buffer
	now := at("2026-11-23 18:00:00")
	j := NewJSON(&buf, "1.0.0", func() time.Time { return now })
	j.Diagnostics(config.Diagnostics{
		{Code: config.CodeReference, Summary: `there is no window "evenings"`, Hint: `Did you mean "nights"?`,
			Snippets: []config.Snippet{{Range: place("mailhaul.hcl", 115, 17, 27)}}},
		{Severity: config.Warning, Code: config.CodeSecret, Summary: nasty},
	})
	j.Plan(contoso())
	for _, e := range night() {
		j.Event(e)
	}
	later := executor.Stamp{Time: now, Run: "7f3a", Pass: "prestage"}
	j.Event(executor.WindowClosed{Stamp: later, Window: nasty, Opens: now.Add(time.Hour), Mailboxes: 3})
	j.Event(executor.WindowClosed{Stamp: later, Spent: true, Mailboxes: 3})
	j.Event(executor.WindowOpened{Stamp: later, Window: nasty})
	j.Error(RunError{Summary: "the disk is full", Code: mail.CodeStateWrite})
	j.Exit(130, "interrupted")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "events.jsonl", buf.String())
	harmless(t, buf.String())

	schema := compile(t, "events", true)
	seen := map[string]bool{}
	var lines []map[string]any
	for _, line := range strings.Split(strings.TrimSuffix(buf.String(), "\n"), "\n") {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		lines = append(lines, got)
		seen[fmt.Sprint(got["event"])] = true
		schema.check(t, []byte(line))
	}
	if first, last := lines[0], lines[len(lines)-1]; first["event"] != "version" || first["v"] != EventsVersion ||
		last["event"] != "exit" || last["exit_code"] != 130.0 {
		t.Errorf("first %v, last %v", first, last)
	}
	for event := range eventKeys {
		if !seen[event] {
			t.Errorf("no %s event was tried", event)
		}
	}
	want := strings.ToValidUTF8(nasty, "\ufffd")
	if i := slices.IndexFunc(lines, func(l map[string]any) bool { return l["folder"] == want }); i < 0 {
		t.Errorf("no folder reads back as %q", want)
	}
}

// TestNewEvents: each wish gets what the terminal can do.
func TestNewEvents(t *testing.T) {
	for _, c := range []struct {
		wish           Progress
		terminal, live bool
		quiet          bool
		want           string
	}{
		{ProgressAuto, true, true, false, "live"}, {ProgressAuto, true, false, false, "lines"}, {ProgressAuto, false, false, false, "lines"},
		{ProgressLive, true, false, false, "live"}, {ProgressLive, false, false, false, "lines"}, {ProgressLines, true, true, false, "lines"},
		{ProgressNone, true, true, false, "quiet"}, {ProgressAuto, true, true, true, "quiet"}, {"", true, true, false, "live"},
	} {
		term, _ := Record(80, "")
		term.Err.IsTerminal, term.Live = c.terminal, c.live
		v := NewEvents(term, c.wish, c.quiet)
		got := "live"
		if l, is := v.(*Lines); is {
			got = map[bool]string{false: "lines", true: "quiet"}[l.quiet]
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

var (
	_ Events = (*Lines)(nil)
	_ Events = (*Live)(nil)
	_ Events = (*JSON)(nil)
	_        = plan.Start
	_        = state.Pending
)

// TestEstimateOutlivesAnOutage: while a server is away no time left is told, and afterwards the one from before holds.
func TestEstimateOutlivesAnOutage(t *testing.T) {
	m, now, bytes := meter{span: 10 * time.Minute}, at("2026-11-23 18:00:00"), mail.Size(0)
	pass := func(minutes int, each mail.Size) {
		for range minutes * 6 {
			now, bytes = now.Add(10*time.Second), bytes+each
			m.add(now, bytes)
		}
	}
	pass(20, 10*mail.MB)
	before := m.rate(now)
	pass(120, 0)
	if rate := m.rate(now); rate != 0 || m.idle != 2*time.Hour {
		t.Errorf("two hours without a server: %.0f octets/s, nothing moved for %v", rate, m.idle)
	}
	pass(1, 10*mail.MB)
	if after := m.rate(now); after < before*0.95 || after > before*1.05 {
		t.Errorf("%.0f octets/s before the outage, %.0f after it", before, after)
	}
}

// TestTimeLeftIsToldFromEnough: nothing is told of far more work than was seen, and one figure of more work than was seen.
func TestTimeLeftIsToldFromEnough(t *testing.T) {
	for _, c := range []struct {
		measured time.Duration
		left     mail.Size // at 1 MB/s
		want     string
	}{
		{10 * time.Second, 60 * mail.MB, ""},
		{time.Minute, 0, ""},
		{30 * time.Second, 40 * mail.MB, "less than 1m left"},
		{30 * time.Second, 250 * mail.MB, "about 4m left"},
		{30 * time.Second, 47 * 60 * mail.MB, "about 50m left"},
		{30 * time.Second, 172_800 * mail.MB, ""}, // two days
		{time.Minute, 95 * 60 * mail.MB, "about 2h left"},
		{30 * time.Minute, 63_000 * mail.MB, "about 20h left"},
		{50 * time.Minute, 28_080 * mail.MB, "about 7h 48m left"},
		{3 * time.Hour, 73_000 * mail.MB, "about 20h left"},
	} {
		m, began := meter{span: 10 * time.Minute}, at("2026-11-23 18:00:00")
		for s := time.Duration(0); s <= c.measured; s += 10 * time.Second {
			m.add(began.Add(s), mail.Size(s/time.Second)*mail.MB)
		}
		if got := m.timeLeft(c.left, began.Add(c.measured)); got != c.want {
			t.Errorf("after %s, %s left: %q, want %q", c.measured, Size(c.left), got, c.want)
		}
	}
}

// TestStopAfterIsNoWindow: where the user has said when to stop, no view speaks of a window.
func TestStopAfterIsNoWindow(t *testing.T) {
	start := night()[0].(executor.PassStarted)
	start.Spent = true
	term, _ := Record(100, "")
	term.Now = func() time.Time { return start.Time }
	b := newBoard(term)
	b.take(start)
	for what, text := range map[string]string{"a line": sentence(start), "the screen": strings.Join(b.frame(), "\n"),
		"the end": sentence(executor.WindowClosed{Stamp: start.Stamp, Spent: true})} {
		if strings.Contains(text, "window") || !strings.Contains(text, "--stop-after") {
			t.Errorf("%s says %q", what, text)
		}
	}
}

// TestLargeMessageIsNoStandstill: while a message is read or sent that takes minutes, lines don't say that nothing moves.
func TestLargeMessageIsNoStandstill(t *testing.T) {
	for name, large := range map[string]bool{"a server is away": false, "a large message": true} {
		var buf bytes.Buffer
		l := NewLines(Output{Writer: &buf, Width: 80}, time.UTC)
		start := night()[0].(executor.PassStarted)
		l.Event(start)
		for s := 10 * time.Second; s <= 5*time.Minute; s += 10 * time.Second {
			stamp := executor.Stamp{Time: start.Time.Add(s), Pass: start.Pass}
			if large {
				l.Event(executor.Step{Stamp: stamp, Mailbox: "bo@contoso.example", Read: mail.Size(s/time.Second) * 10, Reading: 150 * mail.MB})
			}
			l.Event(executor.Progress{Stamp: stamp, Planned: start.Planned, Mailboxes: 1, AtWork: 1})
		}
		if said := strings.Contains(buf.String(), "nothing moved"); said == large {
			t.Errorf("%s:\n%s", name, buf.String())
		}
	}
}
