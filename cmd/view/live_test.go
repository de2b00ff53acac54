package view

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"mailhaul/cmd/viewtest"
	"mailhaul/executor"
	"mailhaul/state/mail"
)

// TestFrames shows the block at the bottom of some windows, in the middle of a night.
func TestFrames(t *testing.T) {
	for _, c := range []struct{ columns, rows, upTo int }{{100, 24, 81}, {80, 12, 81}, {40, 9, 81}, {100, 24, 1}, {100, 24, 0}, {80, 24, 99}} {
		term, _ := Record(c.columns, "")
		now := at("2026-11-23 19:07:20")
		term.Now = func() time.Time { return now }
		b := newBoard(term)
		b.resize(c.columns, c.rows)
		events := busy(night())
		var above []string
		for _, e := range events[:min(c.upTo, len(events))] {
			if line := b.take(e); line != "" {
				above = append(above, line)
			}
		}
		frame := b.frame()
		if len(frame) >= c.rows {
			t.Errorf("%d lines in a window of %d", len(frame), c.rows)
		}
		text := strings.Join(append(above, frame...), "\n") + "\n"
		fits(t, text, c.columns-1)
		harmless(t, text)
		golden(t, fmt.Sprintf("frame-%dx%d-%d.txt", c.columns, c.rows, c.upTo), text)
	}
}

// busy puts mailboxes at work into the night, one of them waiting.
func busy(night []executor.Event) []executor.Event {
	var at []executor.Event
	stamp := executor.Stamp{Time: night[0].(executor.PassStarted).Time.Add(67 * time.Minute), Run: "7f3a", Pass: "prestage"}
	for i, name := range []string{"carla@contoso.example", "gita@contoso.example", nasty, "ivan@contoso.example", "jo@contoso.example", "ki@contoso.example"} {
		at = append(at, executor.MailboxStarted{Stamp: stamp, Mailbox: name})
		for s := range 10 {
			step := executor.Step{Stamp: stamp, Mailbox: name, Folder: "Sent Items", FolderDone: int64(880 * i), FolderPlanned: 9_340,
				Copied: counted(int64(s), mail.Size(s*i)*mail.MB)}
			step.Time = step.Time.Add(time.Duration(s) * time.Second)
			at = append(at, step)
		}
	}
	wait := night[3].(executor.Waiting)
	wait.Stamp = stamp
	at = append(at, wait)
	events := append([]executor.Event{night[0]}, at...)
	return append(events[:1:1], append(night[1:14:14], append(at, night[14:]...)...)...)
}

// TestLiveScreen runs the screen on a fake terminal: what has ended stands above, in order, the last state below, the
// cursor is visible, every mode is as it was, and the next line is free.
func TestLiveScreen(t *testing.T) {
	term, rec := Record(90, "")
	term.Err.IsTerminal, term.Err.Color = true, true
	term.Env = []string{"TERM=xterm-256color"}
	l := startLive(term, tea.WithWindowSize(90, 24))
	for _, e := range night() {
		l.Event(e)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l.Event(executor.Interrupted{}) // after Close nothing is drawn and nothing hangs
	screen := viewtest.New(90)
	screen.Cooked = true
	screen.Write(rec.Err.String())
	if len(screen.Unknown) > 0 {
		t.Errorf("the test terminal does not know %q", screen.Unknown)
	}
	for mode, on := range screen.Modes {
		if on != (mode == "?25") {
			t.Errorf("mode %s is left %v", mode, on)
		}
	}
	if len(screen.Broken) > 0 {
		t.Errorf("wider than the window: %q", screen.Broken)
	}
	if column, below := screen.Cursor(); below != "" || column != 0 {
		t.Errorf("the cursor is left in column %d of %q", column, below)
	}
	golden(t, "live-end.txt", screen.String())
}

// TestLiveLeavesSignals: an interrupt reaches the command, and the screen goes on until it is closed.
func TestLiveLeavesSignals(t *testing.T) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	defer signal.Stop(interrupts)
	term, rec := Record(80, "")
	term.Err.IsTerminal = true
	l := startLive(term, tea.WithWindowSize(80, 24))
	l.Event(night()[0])
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-interrupts
	l.Event(executor.Interrupted{Stamp: stampOf(night()[0])})
	l.Event(executor.MailboxDone{Mailbox: "anna@contoso.example"})
	select {
	case <-l.done:
		t.Error("the screen ended by itself")
	default:
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(rec.Err.String(), "anna@contoso.example") {
		t.Errorf("nothing was drawn after the interrupt: %q", rec.Err.String())
	}
}

// counting counts what is written, write by write.
type counting struct {
	atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.Add(1)
	return len(p), nil
}

// TestLiveRedrawsSeldom: however fast events come, the screen is drawn ten times a second at most.
func TestLiveRedrawsSeldom(t *testing.T) {
	term, _ := Record(80, "")
	var drawn counting
	term.Err.IsTerminal, term.Err.Writer = true, &drawn
	l := startLive(term, tea.WithWindowSize(80, 24))
	start := night()[0].(executor.PassStarted)
	l.Event(start)
	l.Event(executor.MailboxStarted{Stamp: start.Stamp, Mailbox: "bo@contoso.example"})
	began, n := time.Now(), int64(0)
	for ; time.Since(began) < 800*time.Millisecond; n++ {
		l.Event(executor.Step{Stamp: start.Stamp, Mailbox: "bo@contoso.example", Folder: "Sent", FolderDone: n, FolderPlanned: 1 << 40,
			Copied: counted(n, mail.Size(n)*mail.KB)})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	const around = 5 // modes set and taken back, the last frame
	if most := int64(time.Since(began).Seconds()*10) + around; drawn.Load() > most || drawn.Load() < 3 {
		t.Errorf("%d events were drawn %d times, want at most %d", n, drawn.Load(), most)
	}
}

// TestBoardMovesWithinAMessage: a large message that is sent moves the bar and gives a rate before it has landed, and counts
// once; while it is read the bar stands, and its line says how far it is.
func TestBoardMovesWithinAMessage(t *testing.T) {
	term, _ := Record(80, "")
	b := newBoard(term)
	start := night()[0].(executor.PassStarted)
	start.Planned = counted(2, 200*mail.MB)
	b.take(start)
	b.take(executor.MailboxStarted{Stamp: start.Stamp, Mailbox: "bo@contoso.example"})
	reading := executor.Step{Stamp: start.Stamp, Mailbox: "bo@contoso.example", Folder: "Sent", FolderPlanned: 2, Read: 30 * mail.MB, Reading: 100 * mail.MB}
	b.take(reading)
	if frame := strings.Join(b.frame(), "\n"); !strings.Contains(frame, "0%   0.0 of 200.0 MB") || !strings.Contains(frame, "reading 30.0 of 100.0 MB") {
		t.Errorf("while it is read:\n%s", frame)
	}
	for i, want := range []string{"0.0 of 200.0 MB", "40.0 of 200.0 MB", "80.0 of 200.0 MB", "100.0 of 200.0 MB"} {
		s := executor.Step{Stamp: start.Stamp, Mailbox: "bo@contoso.example", Folder: "Sent", FolderPlanned: 2, Moving: mail.Size(i) * 40 * mail.MB}
		s.Time = s.Time.Add(time.Duration(i) * 10 * time.Second)
		term.Now, b.now = func() time.Time { return s.Time }, func() time.Time { return s.Time }
		if i == 3 {
			s.Moving, s.Copied, s.FolderDone = 0, counted(1, 100*mail.MB), 1
		}
		b.take(s)
		frame := strings.Join(b.frame(), "\n")
		if !strings.Contains(frame, want) || i > 0 && strings.Contains(frame, " 0 B/s") {
			t.Errorf("after %d steps, want %q:\n%s", i, want, frame)
		}
	}
}
