package executor

import (
	"context"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// Parked are sessions that a survey leaves open for the run that follows it: signing in costs half a dozen round trips
// on either side, which for a small mailbox on a long line is most of the work. It is used in place of the Endpoints
// that it wraps, and gives each parked session once. The zero value but for Endpoints works; it is safe for use by
// several goroutines. Close ends the sessions that nobody took.
//
// A parked session holds its connection. So a survey parks only where all its mailboxes can be at work together:
// otherwise those that wait their turn would hold what the others need.
type Parked struct {
	Endpoints
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	mu        sync.Mutex
	mailboxes map[string]*parkedMailbox
	filled    bool // the servers give fewer connections than would be parked: none is any more
}

// parkedMailbox is what is parked of one mailbox; what was taken is nil.
type parkedMailbox struct {
	source      Source
	destination Destination
	folders     []mail.Folder // of the destination, as it listed them
	since       time.Time
	timer       *time.Timer // ends what nobody took in time
}

// parkedFor is how long a parked session is trusted. Servers may end an idle session after half an hour (RFC 9051,
// 5.4), firewalls on the way forget it sooner, and a listing grows old.
const parkedFor = time.Minute

func (p *Parked) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// park keeps the sessions that are live. What was parked of the mailbox before is ended.
func (p *Parked) park(mailbox string, src retryingSource, dst retryingDestination, folders []mail.Folder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.filled {
		return
	}
	m := &parkedMailbox{folders: folders, since: p.now()}
	m.source, _ = src.release()
	m.destination, _ = dst.release()
	// While somebody thinks about a plan overnight, its sessions do not count against the users' at the servers.
	m.timer = time.AfterFunc(parkedFor, func() { p.expire(mailbox, m) })
	if p.mailboxes == nil {
		p.mailboxes = map[string]*parkedMailbox{}
	}
	if old := p.mailboxes[mailbox]; old != nil {
		old.close()
	}
	p.mailboxes[mailbox] = m
}

// expire ends what is still parked.
func (p *Parked) expire(mailbox string, m *parkedMailbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.close()
	if p.mailboxes[mailbox] == m {
		delete(p.mailboxes, mailbox)
	}
}

// Source gives the parked session, or opens one.
func (p *Parked) Source(ctx context.Context, mailbox string) (Source, error) {
	if s := take(p, mailbox, func(m *parkedMailbox) *Source { return &m.source }); s != nil {
		return s, nil
	}
	return p.Endpoints.Source(ctx, mailbox)
}

// Destination gives the parked session, or opens one.
func (p *Parked) Destination(ctx context.Context, mailbox string) (Destination, error) {
	if d := take(p, mailbox, func(m *parkedMailbox) *Destination { return &m.destination }); d != nil {
		return d, nil
	}
	return p.Endpoints.Destination(ctx, mailbox)
}

// take gives the session that pick names and leaves none; the zero session where there is none, or it is too old.
func take[T Reader](p *Parked, mailbox string, pick func(*parkedMailbox) *T) (session T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.mailboxes[mailbox]
	if m == nil {
		return session
	}
	if p.now().Sub(m.since) > parkedFor {
		m.close()
		delete(p.mailboxes, mailbox)
		return session
	}
	var none T
	session, *pick(m) = *pick(m), none
	return session
}

// listing gives the destination's folders as the survey saw them, once; nil: they are to be listed.
func (p *Parked) listing(mailbox string) (folders []mail.Folder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.mailboxes[mailbox]; m != nil && p.now().Sub(m.since) <= parkedFor {
		folders, m.folders = m.folders, nil
	}
	return folders
}

// Keep ends the sessions of all mailboxes but those named: the others take no part in the run.
func (p *Parked) Keep(mailboxes map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, m := range p.mailboxes {
		if !mailboxes[name] {
			m.close()
			delete(p.mailboxes, name)
		}
	}
}

// fill ends every session, and keeps others from being parked: somebody waits for a connection.
func (p *Parked) fill() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.filled = true
	p.mu.Unlock()
	p.Close()
}

// Close ends every session that nobody took. It may be called twice.
func (p *Parked) Close() { p.Keep(nil) }

func (m *parkedMailbox) close() {
	m.timer.Stop()
	if m.source != nil {
		_ = m.source.Close() // it was only read from
	}
	if m.destination != nil {
		_ = m.destination.Close() // nothing is in flight
	}
	m.source, m.destination = nil, nil
}

var _ Endpoints = (*Parked)(nil)
