package plan

import (
	"time"

	"mailhaul/config"
)

// When is when a pass may work on the mailboxes of a plan, by its start and their windows, as of the moment that the
// plan was made. The plan itself is the same at any time.
type When struct {
	// Waiting counts the mailboxes that may not be worked on yet, Open the others.
	Waiting int `json:"waiting"`
	Open    int `json:"open"`
	// Opens is when the first of those that wait may be worked on; nil: never, or none waits. By is what it is that
	// opens then: names of windows; none: the start of the pass.
	Opens *time.Time `json:"opens,omitempty"`
	By    []string   `json:"by,omitempty"`
	// Closes is when the first of those that are open is to be left again; nil: not soon. Until are its windows.
	Closes *time.Time `json:"closes,omitempty"`
	Until  []string   `json:"until,omitempty"`
}

// WhenOf says when the pass may work on the mailboxes; nil where it may at any time.
func WhenOf(p *config.Pass, mailboxes []*config.Mailbox, now time.Time) *When {
	var w When
	known := map[*config.Windows]func(){} // most mailboxes share their windows
	for _, m := range mailboxes {
		if m.Skip != "" {
			continue
		}
		if known[m.Windows] == nil {
			known[m.Windows] = w.look(p, m, now)
		}
		known[m.Windows]()
	}
	if w.Waiting == 0 && w.Closes == nil {
		return nil
	}
	return &w
}

// look notes when the windows of a mailbox open or close, and gives what counts a mailbox that has them.
func (w *When) look(p *config.Pass, m *config.Mailbox, now time.Time) func() {
	windows := p.WindowsFor(m)
	closes, open := windows.Until(now)
	if open && !now.Before(p.Start) {
		if !closes.IsZero() && (w.Closes == nil || closes.Before(*w.Closes)) {
			w.Closes, w.Until = moment(closes), windows.Names()
		}
		return func() { w.Open++ }
	}
	if opens := p.Next(m, now); !opens.IsZero() && (w.Opens == nil || opens.Before(*w.Opens)) {
		w.Opens, w.By = moment(opens), windows.Names()
		if opens.Equal(p.Start) {
			w.By = nil
		}
	}
	return func() { w.Waiting++ }
}
