package executor

import (
	"context"
	"sync"
	"time"
)

// Closing is when a mailbox is to be left alone again, because its window closes.
type Closing struct {
	Window string    // the names of its windows, for people
	At     time.Time // from this moment on nothing new is begun; a moment that is past begins nothing at all
	Opens  time.Time // when it opens again; zero: nobody knows
	Spent  bool      // no window closes: the time that the user gave is over
}

// closingCheck is how often the clock is looked at: a timer stands still while a laptop sleeps.
const closingCheck = time.Minute

// window gives the channel that stops the work on a mailbox: at the first interrupt, or when its window closes. release
// must be called when the mailbox is done with.
func (r *runner) window(ctx context.Context, mailbox string) (stop <-chan struct{}, release func()) {
	c, bounded := r.Closes[mailbox]
	if !bounded {
		return r.Stop, func() {}
	}
	closed, done := make(chan struct{}), make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		defer close(closed)
		for {
			left := c.At.Sub(r.Now())
			if left <= 0 {
				r.closes(c)
				return
			}
			t := time.NewTimer(min(left, closingCheck))
			select {
			case <-t.C:
				continue
			case <-r.Stop:
			case <-done:
			case <-ctx.Done():
			}
			t.Stop()
			return
		}
	})
	return closed, func() { close(done); watch.Wait() }
}

// firstClosing is the first moment at which a mailbox is stopped that may be worked on now; zero: none is.
func (r *runner) firstClosing() (first Closing) {
	now := r.Now()
	for _, c := range r.Closes {
		if c.At.After(now) && (first.At.IsZero() || c.At.Before(first.At)) {
			first = c
		}
	}
	return first
}

// shut tells whether the mailbox's window has closed by now.
func (r *runner) shut(mailbox string) bool {
	c, bounded := r.Closes[mailbox]
	return bounded && !r.Now().Before(c.At)
}

// waits counts a mailbox that is left for the next opening of its window.
func (r *runner) waits(mailbox string) {
	r.closes(r.Closes[mailbox])
	r.add(func(o *Outcome) { o.Closed++ })
}

// closes tells once that a window has closed.
func (r *runner) closes(c Closing) {
	r.mu.Lock()
	told := r.told[c.Window]
	r.told[c.Window] = true
	done := r.done
	r.mu.Unlock()
	if !told {
		r.emit(WindowClosed{Stamp: r.stamp(), Window: c.Window, Opens: c.Opens, Spent: c.Spent,
			MailboxesDone: done, Mailboxes: r.started})
	}
}

// stopping tells whether the work on this mailbox is to end: the first interrupt came, or its window closed.
func (m *mailboxRun) stopping() bool {
	select {
	case <-m.Stop:
		return true
	default:
		return false
	}
}
