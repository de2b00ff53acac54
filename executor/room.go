package executor

import (
	"context"
	"errors"
	"slices"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// room is how many connections an endpoint takes at once, or one mailbox of it. As many are opened as are configured until
// the server refuses one: then as many as it has just shown to take, and after a quiet while one more, until it refuses
// again or all are allowed. A server that refuses that one too is left alone for twice as long. The lock of Limits guards it.
type room struct {
	most     int            // as configured; zero: no bound
	limit    int            // what the server has shown to take; zero: it has refused none
	since    time.Time      // when the limit was learnt
	quiet    time.Duration  // from then on, until one more is tried
	said     string         // by the server, at the last refusal
	open     map[string]int // by mailbox
	total    int            // of open
	closed   map[string]int // how often a mailbox closed one
	closings int            // of all
	admitted int            // connections of mailboxes at work, open or not
	further  int            // connections that a mailbox has beside its first one
	changed  bool           // something was learnt that is not kept yet
}

// allowed is how many connections may be open at a moment.
func (r *room) allowed(now time.Time) int {
	if r.limit == 0 {
		return r.most
	}
	n := r.limit + max(0, int(now.Sub(r.since)/r.quiet))
	if r.most > 0 && n >= r.most {
		return r.most
	}
	return n
}

// refused learns that no more can be had than are open.
func (r *room) refused(now time.Time, said string, quiet time.Duration) {
	before := r.limit
	r.limit, r.since, r.said, r.changed = max(1, r.total), now, said, true
	if r.limit == before {
		quiet = min(2*r.quiet, longestQuiet*quiet)
	}
	r.quiet = quiet
}

// longestQuiet is how many times the first quiet while the longest is.
const longestQuiet = 12

// again is how long it is until one more is tried.
func (r *room) again(now time.Time) time.Duration {
	if r.limit == 0 {
		return r.quiet
	}
	return r.quiet - now.Sub(r.since)%r.quiet
}

// others tells whether anybody but this mailbox has a connection open.
func (r *room) others(mailbox string) bool { return r.total > r.open[mailbox] }

// freed is how often somebody else closed a connection.
func (r *room) freed(mailbox string) int { return r.closings - r.closed[mailbox] }

func (r *room) recall(known state.Pace, now time.Time) {
	if known.Most >= 1 && now.Sub(known.Learned) <= PaceKept {
		r.limit, r.since = int(known.Most), now
	}
}

func (r *room) lesson(scope string, now time.Time) (state.Pace, bool) {
	known := r.changed
	r.changed = false
	return state.Pace{Scope: scope, Of: state.Connections, Most: float64(r.limit), Learned: now}, known
}

// room gives that of a scope. The lock is held.
func (l *Limits) room(scope string) *room {
	r := l.rooms[scope]
	if r == nil {
		r = &room{quiet: l.quiet, most: l.ceilings[scope].Connections, open: map[string]int{}, closed: map[string]int{}}
		l.rooms[scope] = r
	}
	return r
}

// Opened counts a connection of a mailbox to an endpoint until closed is called.
func (l *Limits) Opened(endpoint, mailbox string) (closed func()) {
	l.count(endpoint, mailbox, 1)
	return func() { l.count(endpoint, mailbox, -1) }
}

func (l *Limits) count(endpoint, mailbox string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > 0 {
		delete(l.mute, endpoint)
	}
	for _, scope := range []string{endpoint, endpoint + " " + mailbox} {
		r := l.room(scope)
		r.total += n
		if r.open[mailbox] += n; r.open[mailbox] == 0 {
			delete(r.open, mailbox)
		}
		if n < 0 {
			r.closed[mailbox]++
			r.closings++
		} else if now := l.now(); r.limit > 0 && r.total > r.allowed(now) {
			r.limit, r.since, r.quiet, r.changed = r.total, now, l.quiet, true // it has shown to take more
		}
	}
	if n < 0 {
		l.wake()
	}
}

// lowered tells that fewer connections are used from now on than before.
type lowered struct {
	endpoint, mailbox string // mailbox is empty where the limit is one for all
	most              int
	said              string
	again             time.Duration // until one more is tried
}

// Refused learns from the error of a session that could not be opened. What has nothing to do with how many connections
// there are, or comes where none is open beside it, teaches nothing.
func (l *Limits) Refused(endpoint, mailbox string, err error) {
	if !crowded(err) {
		return
	}
	e, _ := asMail(err)
	news := lowered{endpoint: endpoint, said: e.Text}
	scope := endpoint
	if e.Limit == mail.LimitUserConnections {
		scope, news.mailbox = endpoint+" "+mailbox, mailbox
	}
	l.mu.Lock()
	r, now := l.room(scope), l.now()
	before := r.allowed(now)
	if r.total == 0 {
		l.mu.Unlock()
		return
	}
	r.refused(now, e.Text, l.quiet)
	news.most, news.again = r.limit, r.quiet
	told := l.told
	l.mu.Unlock()
	if before == 0 || news.most < before {
		told(news)
	}
}

// crowded tells whether a session could not be opened because there are too many. Only the server's own word for that
// counts: a server that is restarted, too, refuses connections while others still seem to be open, and to learn from it would
// slow down the rest of the migration.
func crowded(err error) bool {
	return mail.CodeOf(err) == mail.CodeIMAPConnections && passing(mail.KindOf(err))
}

// Allowed is how many connections an endpoint takes now; zero: nobody knows a bound.
func (l *Limits) Allowed(endpoint string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.room(endpoint).allowed(l.now())
}

// Beside tells whether a mailbox may open one more connection than it has.
func (l *Limits) Beside(endpoint, mailbox string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(endpoint + " " + mailbox)
	n := r.allowed(l.now())
	return n == 0 || r.total < n
}

// Further counts n connections more that mailboxes have beside their first ones.
func (l *Limits) Further(endpoint string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room(endpoint).further += n
	l.wake()
}

// wake lets everybody in the queue look again. The lock is held.
func (l *Limits) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// guest is a mailbox that wants to be at work: a connection at each of its endpoints.
type guest struct {
	mailbox string
	needs   []need
	seen    map[*room]int // how often somebody else had closed a connection when it was refused one
}

// need is what a mailbox wants of one room.
type need struct {
	room *room
	side string
	n    int
}

// guest makes one of a mailbox; the same endpoint on both sides means two connections there. What an earlier run has learnt
// of the endpoints is looked up.
func (l *Limits) guest(ctx context.Context, mailbox string, sides ...[2]string) (*guest, error) {
	g := &guest{mailbox: mailbox, seen: map[*room]int{}}
	for _, s := range sides {
		side, endpoint := s[0], s[1]
		r, err := l.recalled(ctx, endpoint)
		if err != nil {
			return nil, err
		}
		if _, err := l.recalled(ctx, endpoint+" "+mailbox); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(g.needs, func(n need) bool { return n.room == r }); i >= 0 {
			g.needs[i].n++
			continue
		}
		g.needs = append(g.needs, need{r, side, 1})
	}
	return g, nil
}

// recalled gives the room of a scope, as an earlier run has left it.
func (l *Limits) recalled(ctx context.Context, scope string) (*room, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(scope)
	if l.memory == nil || l.asked[scope] {
		return r, nil
	}
	known, err := l.memory.Pace(ctx, scope, state.Connections)
	if err != nil {
		return nil, err
	}
	if l.asked[scope] = true; r.limit == 0 {
		r.recall(known, l.now())
	}
	return r, nil
}

// Enter waits until there is room for a mailbox at both of its endpoints, as enter does; leave gives it back. It is for work
// that opens its connections by itself and tells Opened of them.
func (l *Limits) Enter(ctx context.Context, m state.Mailbox, waits func(side, said string, d time.Duration)) (leave func(), err error) {
	g, err := l.guest(ctx, m.Name, [2]string{SideSource, m.SourceEndpoint}, [2]string{SideDestination, m.DestinationEndpoint})
	if err == nil {
		err = l.enter(ctx, nil, g, waits)
	}
	return func() { l.leave(g) }, err
}

// enter waits until there is room for the mailbox at all of its endpoints at once: one that held a connection at one while
// it waits for another could be waited for in turn. Mailboxes are let in as they came. waits is told how long it is until
// one more connection is tried, each time anew.
func (l *Limits) enter(ctx context.Context, stop <-chan struct{}, g *guest, waits func(side, said string, d time.Duration)) error {
	l.mu.Lock()
	l.queue = append(l.queue, g)
	l.mu.Unlock()
	defer l.quit(g)
	var told time.Time // what was said holds until then
	for {
		full, changed := l.admit(g)
		if full == nil {
			return nil
		}
		if now := l.now(); !now.Before(told) {
			told = now.Add(full.again)
			waits(full.side, full.said, full.again)
		}
		if err := rest(ctx, stop, changed, full.again, true); err != nil {
			return err
		}
	}
}

// admit lets a mailbox in, or says what it waits for and when to look again.
func (l *Limits) admit(g *guest) (*full, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for _, n := range g.needs {
		if !l.fits(g, n, now) {
			return &full{n.side, n.room.said, n.room.again(now)}, l.changed
		}
	}
	for _, n := range g.needs {
		n.room.admitted += n.n
		delete(g.seen, n.room)
	}
	return nil, nil
}

// full is why a mailbox waits.
type full struct {
	side, said string
	again      time.Duration // until one more connection is tried, if nobody leaves before
}

// quit takes a mailbox out of the queue.
func (l *Limits) quit(g *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = slices.DeleteFunc(l.queue, func(o *guest) bool { return o == g })
	l.wake()
}

// leave gives back what enter gave.
func (l *Limits) leave(g *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range g.needs {
		n.room.admitted -= n.n
	}
	l.wake()
}

// fits tells whether a room has what the mailbox needs. Who came earlier and waits for it comes first. The lock is held.
func (l *Limits) fits(g *guest, n need, now time.Time) bool {
	r := n.room
	freed, turnedAway := g.seen[r]
	if turnedAway && freed == r.freed(g.mailbox) && r.others(g.mailbox) && now.Sub(r.since) < r.quiet {
		return false // nothing has changed since it was refused
	}
	return r.has(n.n, l.before(g, now)[r], now)
}

// has tells whether so many connections more are to be had, beside those that are kept for others.
func (r *room) has(n, kept int, now time.Time) bool {
	allowed, taken := r.allowed(now), r.admitted+r.further+kept
	return allowed == 0 || taken == 0 || taken+n <= allowed
}

// before gives what is kept of each room for those who came earlier. Who stands behind another at a room that is full
// can't come in yet, and keeps nothing elsewhere: its room may be full for hours. The first in line keeps its place at
// all, or it might never find room at both at the same moment. The lock is held.
func (l *Limits) before(g *guest, now time.Time) map[*room]int {
	kept := map[*room]int{}
	for _, o := range l.queue {
		if o == g {
			break
		}
		behind := slices.ContainsFunc(o.needs, func(n need) bool { return kept[n.room] > 0 && !n.room.has(n.n, kept[n.room], now) })
		for _, n := range o.needs {
			if !behind || !n.room.has(n.n, kept[n.room], now) {
				kept[n.room] += n.n
			}
		}
	}
	return kept
}

// awayError says that a mailbox is to wait for its turn: others have the connections that the server gives.
type awayError struct{ error }

// Unwrap gives the refusal.
func (e *awayError) Unwrap() error { return e.error }

func isAway(err error) bool {
	var away *awayError
	return errors.As(err, &away)
}

// judge makes an awayError of a session's refusal where others have what the server gives. Where nobody else has a
// connection, or the server counts those of this one user, the refusal is what it says. One without a word is a
// shutOutError (shutout.go).
func (l *Limits) judge(g *guest, endpoint string, err error) error {
	if e, is := asMail(err); !is || e.Limit == mail.LimitUserConnections || !crowded(err) {
		return l.wordless(g, endpoint, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(endpoint)
	if !r.others(g.mailbox) {
		return err
	}
	g.seen[r] = r.freed(g.mailbox)
	return &awayError{err}
}
