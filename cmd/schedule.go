package cmd

import (
	"fmt"
	"strings"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
)

// schedule says when the mailboxes of a pass may be worked on. A nil one lets everybody in: --ignore-window.
type schedule struct {
	// opens is when the first of those that were left out may be worked on; zero: never, or nobody was.
	opens  time.Time
	window string // which window that is, or the start of the pass
	shut   int    // how many were left out
}

// closed ends an apply for which no window is open; all is said in it.
type closed struct {
	pass  string
	opens time.Time
	what  string
	asked string // the words behind "apply" that chose the work; empty: it chose by itself
}

// Error says what is closed.
func (c *closed) Error() string {
	when := "It does not open again."
	if !c.opens.IsZero() {
		when = c.opens.Format("2006-01-02 15:04 MST")
	}
	return fmt.Sprintf("pass %q is to begin later: %s: %s", c.pass, c.what, when)
}

// admit leaves those mailboxes in due that may be worked on at the moment. If there are none, it is an error.
func (s *schedule) admit(due *plan.Due, mailboxes []*config.Mailbox, now time.Time) error {
	if s == nil || due.Pass == nil {
		return nil
	}
	s.opens, s.window, s.shut = time.Time{}, "", 0
	part := map[string]bool{}
	for _, name := range due.Mailboxes {
		part[name] = true
	}
	var open, shut []string
	for _, m := range mailboxes {
		if !part[m.Name()] {
			continue
		}
		next := due.Pass.Next(m, now)
		if next.Equal(now) {
			open = append(open, m.Name())
			continue
		}
		shut = append(shut, m.Name())
		s.left(due.Pass, m, next, now)
	}
	if len(open) == 0 && len(shut) > 0 {
		return &closed{due.Pass.Name, s.opens, s.window, ""}
	}
	due.Mailboxes, due.Later, s.shut = open, shut, len(shut)
	return nil
}

// waiting tells whether mailboxes were left out whose window is closed.
func (s *schedule) waiting() bool { return s != nil && s.window != "" }

// left notes the earliest opening.
func (s *schedule) left(p *config.Pass, m *config.Mailbox, next, now time.Time) {
	if s.window != "" && (next.IsZero() || !s.opens.IsZero() && !next.Before(s.opens)) {
		return
	}
	s.opens, s.window = next, windowsText(p.WindowsFor(m))
	if next.Equal(p.Start) && now.Before(p.Start) || s.window == "" {
		s.window = "its start"
	}
}

// windowsText names windows for people: `"nights"`.
func windowsText(ws config.Windows) string {
	var names []string
	for _, name := range ws.Names() {
		names = append(names, fmt.Sprintf("%q", name))
	}
	return strings.Join(names, ", ")
}

// closes says when the windows of the mailboxes of a plan close. Those that may not be worked on at all are closed now.
func (s *schedule) closes(p *plan.Plan, cfg *config.Config, at *time.Location, now time.Time) map[string]executor.Closing {
	pass := passOf(cfg, p.Pass.Name)
	if s == nil || pass == nil {
		return nil
	}
	out := map[string]executor.Closing{}
	for _, m := range cfg.Mailboxes {
		ws := pass.WindowsFor(m)
		end, open := ws.Until(now)
		c := executor.Closing{Window: windowsText(ws), At: end}
		switch {
		case now.Before(pass.Start) || !open:
			c.At, c.Opens = now, pass.Next(m, now)
		case end.IsZero():
			continue
		default:
			c.Opens = ws.Next(end)
		}
		c.At, c.Opens = c.At.In(at), c.Opens.In(at)
		out[m.Name()] = c
	}
	return out
}

// opensAfter gives the earliest opening that mailboxes of a run wait for.
func opensAfter(closes map[string]executor.Closing) (first executor.Closing) {
	for _, c := range closes {
		if first.Opens.IsZero() || !c.Opens.IsZero() && c.Opens.Before(first.Opens) {
			first = c
		}
	}
	return first
}

// zone is the one in which people are told when a pass may run; nil where that plays no part.
func (w *work) zone() *time.Location {
	if w.schedule == nil {
		return nil
	}
	return w.app.term.Location
}

func passOf(cfg *config.Config, name string) *config.Pass {
	for _, p := range cfg.Passes {
		if p.Name == name {
			return p
		}
	}
	return nil
}
