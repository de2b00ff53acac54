package executor

import (
	"context"
	"errors"
	"io"
	"time"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// flow is what passes to or from one mailbox, or all of an endpoint, counted in both ways that servers count.
type flow struct{ messages, octets *pace }

// gauge is one side of a mailbox between the paces that bound it: its own, and that of all mailboxes of the endpoint,
// which learns when several are refused at about the same time. Then the budget is one for all, and each stands in line
// for the next few messages, so that none goes short.
type gauge struct {
	limits         *Limits
	stop           <-chan struct{}
	scope, mailbox string
	whole, own     *flow
	told           func(mail.Code, time.Duration) // of a wait in line; nil: nobody is
}

// gauge gives that of a mailbox's side.
func (m *mailboxRun) gauge(ctx context.Context, side string) (*gauge, error) {
	scope, mailbox := m.mailbox.DestinationEndpoint, m.mailbox.Destination
	endpoint := scope
	if side == SideSource {
		endpoint, mailbox = m.mailbox.SourceEndpoint, m.mailbox.Name
		scope = plan.From + endpoint
	}
	whole, err := m.Limits.flow(ctx, scope, m.Limits.ceilings[endpoint].MessagesPerSecond)
	if err != nil {
		return nil, err
	}
	own, err := m.Limits.flow(ctx, scope+" "+mailbox, 0)
	if err != nil {
		return nil, err
	}
	told := func(code mail.Code, d time.Duration) {
		m.emit(Waiting{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Side: side, Code: code, Kind: mail.Throttled, Wait: d})
	}
	return &gauge{limits: m.Limits, stop: m.Stop, scope: scope, mailbox: mailbox, whole: whole, own: own, told: told}, nil
}

// paces are all that bound the side.
func (g *gauge) paces() [4]*pace {
	return [...]*pace{g.own.messages, g.own.octets, g.whole.messages, g.whole.octets}
}

// amount is how much of so many messages with so many octets a pace counts.
func (p *pace) amount(messages int, octets mail.Size) float64 {
	if p.of == state.Octets {
		return float64(octets)
	}
	return float64(messages)
}

// wait waits for room for some messages. A time that the server asked for is left to whoever tells of it: soon says how
// long it is. Nothing is taken then, nor where err says that somebody ends the wait.
func (g *gauge) wait(ctx context.Context, messages int, octets mail.Size) (soon *mail.Error, err error) {
	paces := g.paces()
	for i, p := range paces {
		asked, err := p.wait(ctx, g.stop, claim{who: g.mailbox, amount: p.amount(messages, octets), told: g.told})
		if asked == 0 && err == nil {
			continue
		}
		for _, q := range paces[:i] {
			q.line.back(q.amount(messages, octets)) // or the next ones would wait for what was never sent
		}
		return tooSoon(asked, p.refusedBy()), err
	}
	return nil, nil
}

// owe books so much without waiting; less than nothing is given back.
func (g *gauge) owe(messages int, octets mail.Size) {
	for _, p := range g.paces() {
		p.line.back(-p.amount(messages, octets))
	}
}

// left is how long the server still wants to be left alone, and by which code it said so.
func (g *gauge) left() (longest time.Duration, code mail.Code) {
	for _, p := range g.paces() {
		if d := p.left(); d > longest {
			longest, code = d, p.refusedBy()
		}
	}
	return longest, code
}

// landed counts a message that passed.
func (g *gauge) landed(size mail.Size) {
	for _, p := range g.paces() {
		p.landed(p.amount(1, size))
	}
}

// hear learns from an answer that asks to wait, in the measure that the server counts in. How many connections or requests
// it takes at one time is learnt elsewhere.
func (g *gauge) hear(err error) {
	e, is := asMail(err)
	if !is || e.Kind != mail.Throttled || e.Code == mail.CodeIMAPConnections || e.Limit == mail.LimitConnections || errors.Is(err, errTooSoon) {
		return
	}
	flow := g.own
	if g.limits.shared(g.scope, g.mailbox, e.Wait) {
		flow = g.whole
	}
	if e.Limit == mail.LimitOctets {
		flow.octets.refused(e.Wait, e.Code)
	} else {
		flow.messages.refused(e.Wait, e.Code)
	}
}

// tooSoon is why a message was not asked for or sent now, or is in doubt: for the reason that the server gave before.
func tooSoon(wait time.Duration, code mail.Code) *mail.Error {
	if code == "" {
		code = mail.CodeIMAPThrottled
	}
	return &mail.Error{Op: "use the server", Kind: mail.Throttled, Code: code, Wait: wait, Text: "the server asked to wait", Err: errTooSoon}
}

// errTooSoon marks what no server said: from it nothing is learnt.
var errTooSoon = errors.New("it is too soon")

// paced is a Destination that is not sent more than its server takes.
type paced struct {
	Destination
	*gauge
}

// paced puts the paces of the mailbox's destination before a session, which is closed where they are not known.
func (m *mailboxRun) paced(ctx context.Context, d Destination) (Destination, error) {
	g, err := m.gauge(ctx, SideDestination)
	if err != nil {
		_ = d.Close() // nothing was sent
		return nil, err
	}
	return &paced{d, g}, nil
}

// Append sends a few messages at a time. What the server would refuse now is not sent: it is absent, with how long to wait.
func (d *paced) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	sizes := make(map[int64]mail.Size, len(batch))
	for _, m := range batch {
		sizes[m.ID] = m.Size
	}
	for len(batch) > 0 {
		// A command that the last messages have left open would wait with them, longer than the server does.
		if err := d.flushBounded(ctx); err != nil {
			unsent(batch, done, err)
			return err
		}
		n, octets := d.group(batch)
		if soon, _ := d.wait(ctx, n, octets); soon != nil {
			unsent(batch, done, soon)
			return nil
		}
		began := d.limits.now() // what was waited before is not the server's time
		err := d.Destination.Append(ctx, f, batch[:n], func(a mail.Appended) {
			if a.Took == 0 {
				a.Took = d.limits.now().Sub(began)
			}
			done(d.heard(a, sizes[a.ID]))
		})
		batch = batch[n:]
		if err != nil {
			unsent(batch, done, err)
			return err
		}
	}
	return nil
}

// flushBounded flushes where what comes next may have to wait.
func (d *paced) flushBounded(ctx context.Context) error {
	for _, p := range d.paces() {
		if !p.unbounded() {
			return d.Flush(ctx)
		}
	}
	return nil
}

// heard learns from an answer to a message of that size, and gives what is to be made of it.
func (d *paced) heard(a mail.Appended, size mail.Size) mail.Appended {
	if a.Outcome == mail.Landed {
		d.landed(size)
	} else {
		d.hear(a.Err)
	}
	if a.Outcome == mail.Unknown && mail.CodeOf(a.Err).Lost() {
		if left, code := d.left(); left > 0 {
			a.Err = tooSoon(left, code) // it was on the wire when the server refused another one
		}
	}
	return a
}

// group is how many of the messages may leave together, and their octets.
func (d *paced) group(batch []mail.Outgoing) (n int, octets mail.Size) {
	n = len(batch)
	for _, p := range d.paces() {
		n = p.group(n, func(i int) float64 { return p.amount(1, batch[i].Size) })
	}
	for _, m := range batch[:n] {
		octets += m.Size
	}
	return n, octets
}

// unsent says of messages that nothing of them has left.
func unsent(batch []mail.Outgoing, done func(mail.Appended), err error) {
	for _, m := range batch {
		done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: err})
	}
}

// pacedSource is a Source that is not asked for more than its server gives.
type pacedSource struct {
	Source
	*gauge
}

// pacedSource puts the paces of the mailbox's source before a session, which is closed where they are not known.
func (m *mailboxRun) pacedSource(ctx context.Context, s Source) (Source, error) {
	g, err := m.gauge(ctx, SideSource)
	if err != nil {
		_ = s.Close() // nothing was asked
		return nil, err
	}
	return &pacedSource{s, g}, nil
}

// Fetch takes each body when its turn has come: until then it waits in the connection, and the server with it.
func (s *pacedSource) Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	if left, code := s.left(); left > 0 {
		if left >= worthTelling {
			s.told(code, left)
		}
		if err := sleep(ctx, s.stop, left); err != nil {
			return err
		}
	}
	sink := &pacedSink{Sink: to, gauge: s.gauge, ctx: ctx, left: len(uids)}
	err := s.Source.Fetch(ctx, f, uids, sink)
	if sink.paid {
		s.owe(-1, -sink.size)
	}
	s.hear(err)
	return err
}

// pacedSink holds each message back until there is room for it.
type pacedSink struct {
	mail.Sink
	*gauge
	ctx  context.Context // of the Fetch: a Sink has no other way to be stopped
	left int             // messages that are still to come
	size mail.Size       // of the body that came last
	paid bool            // there is room for one of that size
}

// Body waits for its turn, where it has not come before the server sent anything.
func (s *pacedSink) Body(size mail.Size, r io.Reader) error {
	if s.paid {
		s.owe(0, size-s.size)
	} else if err := s.turn(size); err != nil {
		return err
	}
	s.size, s.paid = size, false
	return s.Sink.Body(size, r)
}

// Message counts what came whole. What comes next is not read before there is room for one more of that size: the server
// counts what it sends, and not what is taken.
func (s *pacedSink) Message(m mail.Message, hasBody bool) error {
	if err := s.Sink.Message(m, hasBody); err != nil || !hasBody {
		return err
	}
	s.landed(s.size)
	if s.left--; s.left <= 0 {
		return nil
	}
	err := s.turn(s.size)
	s.paid = err == nil
	return err
}

// turn waits for room for one message.
func (s *pacedSink) turn(size mail.Size) error {
	soon, err := s.wait(s.ctx, 1, size)
	switch {
	case err != nil:
		return err
	case soon != nil:
		return soon
	}
	return nil
}

var (
	_ Destination = (*paced)(nil)
	_ Source      = (*pacedSource)(nil)
)
