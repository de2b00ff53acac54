package executor

import (
	"context"
	"slices"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// line is where those stand who share a rate. Whoever has work gets an equal share of it, however much each takes at a
// time and however many connections it has: the next one is always the one that has had least while it stood in line
// (start-time fair queueing). Who was away has no claim to what it did not take.
type line struct {
	now func() time.Time
	// rate gives the units a second at a moment; zero: as many as anybody likes.
	rate func(at time.Time) float64
	// burst is how much time that went unused can be made up for. Within late, all of it can, and after a longer rest burst:
	// timers fire late on a busy machine.
	burst, late time.Duration

	mu      sync.Mutex
	next    time.Time          // when the rate has room again
	mark    float64            // where the one that went last stood
	last    map[string]float64 // where everybody stands next
	queue   []*turn            // who waits, first come first in the order of their places
	changed chan struct{}      // closed when the first of the queue is another one
}

// turn is one that waits.
type turn struct {
	place  float64
	amount float64
}

// claim is what somebody wants of a line.
type claim struct {
	who    string
	amount float64
	told   func(mail.Code, time.Duration) // of a wait that is worth telling; nil: nobody
	code   mail.Code                      // why there is one
}

// worthTelling is how long a wait in line must be for somebody to be told.
const worthTelling = 5 * time.Second

// wait takes what is claimed, when it is their turn. An error is the context's, or errStopped; nothing is taken then.
func (l *line) wait(ctx context.Context, stop <-chan struct{}, c claim) error {
	l.mu.Lock()
	if l.free(c.amount) {
		l.mu.Unlock()
		return nil
	}
	t := l.enter(c)
	if d := l.expected(t); c.told != nil && d >= worthTelling {
		l.mu.Unlock()
		c.told(c.code, d)
		l.mu.Lock()
	}
	for {
		changed, left, first := l.changed, l.next.Sub(l.now()), l.queue[0] == t
		if first && (left <= 0 || l.rate(l.now()) == 0) {
			l.leave(t)
			l.take(t.amount)
			l.mark = t.place
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		err := rest(ctx, stop, changed, left, first)
		l.mu.Lock()
		if err != nil {
			l.leave(t)
			l.mu.Unlock()
			return err
		}
	}
}

// rest waits until something changed, or the time has come for the first in line.
func rest(ctx context.Context, stop, changed <-chan struct{}, left time.Duration, first bool) error {
	var due <-chan time.Time
	if first {
		timer := time.NewTimer(left)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return errStopped
	case <-changed:
	case <-due:
	}
	return nil
}

// free takes n units where nobody bounds them. The lock is held.
func (l *line) free(n float64) bool {
	if len(l.queue) > 0 || l.rate(l.now()) > 0 {
		return false
	}
	l.take(n)
	return true
}

// enter gives somebody a place in line. The lock is held.
func (l *line) enter(c claim) *turn {
	if l.last == nil || len(l.queue) == 0 && len(l.last) > 1000 {
		l.last = map[string]float64{} // who is long gone needs no place
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	t := &turn{place: max(l.mark, l.last[c.who]), amount: c.amount}
	l.last[c.who] = t.place + c.amount
	at, _ := slices.BinarySearchFunc(l.queue, t, func(a, b *turn) int {
		if a.place <= b.place {
			return -1 // whoever came before stands before
		}
		return 1
	})
	l.queue = slices.Insert(l.queue, at, t)
	if at == 0 {
		l.wake()
	}
	return t
}

// expected is how long one in line will wait, if nobody comes that has had less. The lock is held.
func (l *line) expected(t *turn) time.Duration {
	now := l.now()
	r := l.rate(now)
	if r <= 0 {
		return 0
	}
	ahead := 0.0
	for _, o := range l.queue[:slices.Index(l.queue, t)] {
		ahead += o.amount
	}
	return max(0, l.next.Sub(now)) + time.Duration(ahead/r*float64(time.Second))
}

// leave takes somebody out of line. The lock is held.
func (l *line) leave(t *turn) {
	at := slices.Index(l.queue, t)
	l.queue = slices.Delete(l.queue, at, at+1)
	if at == 0 {
		l.wake()
	}
}

func (l *line) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// take books n units from now on. The lock is held.
func (l *line) take(n float64) {
	now := l.now()
	if l.next.Before(now.Add(-max(l.burst, l.late))) {
		l.next = now.Add(-l.burst)
	}
	if r := l.rate(now); r > 0 {
		l.next = l.next.Add(time.Duration(n / r * float64(time.Second)))
	}
}

// back gives units back that were taken and not used.
func (l *line) back(n float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.rate(l.now()); r > 0 {
		l.next = l.next.Add(-time.Duration(n / r * float64(time.Second)))
		l.wakeIfAny()
	}
}

// anew forgets what was booked: the rate is another one from now on.
func (l *line) anew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = time.Time{}
	l.wakeIfAny()
}

func (l *line) wakeIfAny() {
	if len(l.queue) > 0 {
		l.wake()
	}
}

// Share is a bound that the mailboxes of an endpoint share fairly. It is safe for use by several goroutines.
type Share struct{ line }

// NewShare bounds units a second. What goes unused in a second can be made up for in the next.
func NewShare(perSecond float64) *Share {
	return &Share{line{now: time.Now, rate: func(time.Time) float64 { return perSecond }, burst: time.Second}}
}

// Of gives the part of one mailbox; nil for a nil Share.
func (s *Share) Of(mailbox string) *Part {
	if s == nil {
		return nil
	}
	return &Part{s, mailbox}
}

// Part is the part of one mailbox in a Share.
type Part struct {
	share   *Share
	mailbox string
}

// WaitN waits until the mailbox may use n units more.
func (p *Part) WaitN(ctx context.Context, n int) error {
	return p.share.wait(ctx, nil, claim{who: p.mailbox, amount: float64(n)})
}
