package executor

import (
	"context"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// paces are those of one Run. Every mailbox has its own. An endpoint has one for all of its mailboxes, which learns when
// several are refused at about the same time: then the budget is one for all, and each sender waits in line for the
// next few messages, so that none goes short.
type paces struct {
	now   func() time.Time
	least time.Duration

	mu    sync.Mutex
	all   map[string]*pace
	ended map[string]refusal // the last one of each endpoint
}

// refusal is when a mailbox was refused, and how long that counts.
type refusal struct {
	mailbox string
	until   time.Time
}

func newPaces(now func() time.Time, least time.Duration) *paces {
	return &paces{now: now, least: least, all: map[string]*pace{}, ended: map[string]refusal{}}
}

// of gives the pace of a scope, as another run has left it.
func (s *paces) of(ctx context.Context, l Ledger, scope string) (*pace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.all[scope]; p != nil {
		return p, nil
	}
	p := &pace{now: s.now, least: s.least}
	known, err := l.Pace(ctx, scope)
	if err != nil {
		return nil, err
	}
	p.recall(known)
	s.all[scope] = p
	return p, nil
}

// shared tells whether another mailbox of the endpoint was refused a short while ago.
func (s *paces) shared(endpoint, mailbox string, wait time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, last := s.now(), s.ended[endpoint]
	s.ended[endpoint] = refusal{mailbox, now.Add(4 * max(wait, s.least))}
	return last.mailbox != "" && last.mailbox != mailbox && now.Before(last.until)
}

// paced is a Destination that is not sent more than its server takes.
type paced struct {
	Destination
	*paces
	stop              <-chan struct{}
	endpoint, mailbox string
	whole, own        *pace
}

// paced puts the paces of the mailbox's destination before a session.
func (m *mailboxRun) paced(ctx context.Context, d Destination) (Destination, error) {
	endpoint := m.mailbox.DestinationEndpoint
	whole, err := m.paces.of(ctx, m.Ledger, endpoint)
	if err != nil {
		return nil, err
	}
	own, err := m.paces.of(ctx, m.Ledger, endpoint+" "+m.mailbox.Destination)
	if err != nil {
		return nil, err
	}
	return &paced{Destination: d, paces: m.paces, stop: m.Stop, endpoint: endpoint, mailbox: m.mailbox.Destination, whole: whole, own: own}, nil
}

// keepPaces keeps what the mailbox has learnt.
func (m *mailboxRun) keepPaces(ctx context.Context) error {
	for _, scope := range []string{m.mailbox.DestinationEndpoint, m.mailbox.DestinationEndpoint + " " + m.mailbox.Destination} {
		p, err := m.paces.of(ctx, m.Ledger, scope)
		if err != nil {
			return err
		}
		if lesson, is := p.lesson(scope); is {
			if err := m.Ledger.PutPace(ctx, lesson); err != nil {
				return err
			}
		}
	}
	return nil
}

// Append sends a few messages at a time. What the server would refuse now is not sent: it is absent, with how long to wait.
func (d *paced) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	heard := func(a mail.Appended) {
		d.hear(a)
		if left := max(d.own.left(), d.whole.left()); a.Outcome == mail.Unknown && mail.CodeOf(a.Err).Lost() && left > 0 {
			a.Err = tooSoon(left) // it was on the wire when the server refused another one
		}
		done(a)
	}
	for len(batch) > 0 {
		n := min(d.own.group(len(batch)), d.whole.group(len(batch)))
		if soon := d.wait(ctx, n); soon != nil {
			unsent(batch, done, soon)
			return nil
		}
		err := d.Destination.Append(ctx, f, batch[:n], heard)
		batch = batch[n:]
		if err != nil {
			unsent(batch, done, err)
			return err
		}
	}
	return nil
}

// unsent says of messages that nothing of them has left.
func unsent(batch []mail.Outgoing, done func(mail.Appended), err error) {
	for _, m := range batch {
		done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: err})
	}
}

// wait waits for room for some messages. A time that the server asked for is left to whoever tells of it.
func (d *paced) wait(ctx context.Context, n int) *mail.Error {
	for _, p := range []*pace{d.own, d.whole} {
		wait, asked := p.reserve(n)
		if asked == 0 && wait > 0 {
			asked = wait
			if sleep(ctx, d.stop, wait) == nil {
				continue
			}
		}
		if asked > 0 {
			return tooSoon(asked)
		}
	}
	return nil
}

// tooSoon is why a message was not sent now, or is in doubt.
func tooSoon(wait time.Duration) *mail.Error {
	return &mail.Error{Op: "append message", Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Wait: wait, Text: "the server asked to wait"}
}

// hear learns from an answer.
func (d *paced) hear(a mail.Appended) {
	switch {
	case a.Outcome == mail.Landed:
		d.own.landed()
		d.whole.landed()
	case mail.KindOf(a.Err) == mail.Throttled:
		if wait := waitOf(a.Err); d.shared(d.endpoint, d.mailbox, wait) {
			d.whole.refused(wait)
		} else {
			d.own.refused(wait)
		}
	}
}

var _ Destination = (*paced)(nil)
