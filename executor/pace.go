package executor

import (
	"context"
	"math"
	"sync"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// pace is how fast one thing, messages or their octets, goes to or comes from one mailbox, or all of an endpoint, where its
// server asks for less than the machine can. Nothing but the ceiling limits it until a server refuses. Then it learns: what
// was taken between two refusals, in the time of sending and the time asked for, is about what the server's budget gives,
// or more than that: what was taken in the end, where that was more than the server was thought to take.
// After a refusal it goes on at half of that, climbs back to a little below it, and stays there, the longer the more often
// it was refused, since a refusal costs the time asked for again. Then it tries for more, in steps that grow until the next
// refusal.
type pace struct {
	now     func() time.Time
	least   time.Duration // the shortest time that counts as asked for
	of      state.Measure
	ceiling float64 // a second, as configured; zero: none
	line    line    // of those who share it; its lock is taken before this one's

	mu      sync.Mutex
	limited bool
	code    mail.Code // of the last refusal
	lessons int
	top     float64       // a second that the server takes, as far as is known
	since   time.Time     // when sending began after the last refusal; zero: it has not
	taken   float64       // since the last refusal
	count   int           // of messages, likewise
	typical float64       // of one message
	until   time.Time     // the server asked to wait until
	span    time.Duration // how long that was
	changed bool          // something was learnt that is not kept yet
	marks   []mark        // of what was taken lately, oldest first
}

// newPace makes the pace of a scope that nothing is known of.
func newPace(now func() time.Time, least time.Duration, of state.Measure, ceiling float64) *pace {
	p := &pace{now: now, least: least, of: of, ceiling: ceiling}
	if of == state.Messages {
		p.typical = 1
	}
	p.line.now, p.line.rate, p.line.late = now, p.rateAt, late
	if ceiling > 0 {
		p.line.burst = time.Second // what goes unused in a second can be made up for in the next
	}
	return p
}

// What the pace does with what it learnt.
const (
	comfort  = 0.98 // of what the server takes, for the long while
	holding  = 30   // times the time asked for, at most, before more is tried
	bolder   = 0.01 // of what the server takes: the first step, which doubles
	enough   = 20   // messages that make a measure
	recent   = 4    // times the time asked for: what was taken in it tells what the server takes in the end
	maxGroup = 50 * time.Millisecond
	late     = time.Second // what a busy machine was late by is made good, up to this
)

// rateAt gives how much a second at a moment; zero: not limited.
func (p *pace) rateAt(at time.Time) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rate(at)
}

// rate is rateAt with the lock held. A server that refuses whatever the rate is must not slow the copy down without end:
// some messages always go in the time that it asks for.
func (p *pace) rate(at time.Time) float64 {
	if !p.limited {
		return p.ceiling
	}
	floor := enough * p.typical
	if p.of == state.Octets {
		floor = p.typical // messages are of all sizes
	}
	r := max(p.wanted(at), floor/p.span.Seconds())
	if p.ceiling > 0 {
		r = min(r, p.ceiling)
	}
	return r
}

// wanted is the rate that follows from what was learnt.
func (p *pace) wanted(at time.Time) float64 {
	spans := max(0, float64(at.Sub(p.until))/float64(p.span))
	hold := min(holding, math.Exp2(float64(p.lessons)))
	switch {
	case spans < 1:
		return p.top * (0.5 + (comfort-0.5)*spans)
	case spans < hold:
		return p.top * comfort
	}
	return p.top * (comfort + bolder*(math.Exp2(spans-hold)-1))
}

// group is how many of so many messages may leave together; amount tells how much each of them is.
func (p *pace) group(most int, amount func(i int) float64) int {
	// The rate grows without bound while nothing is refused: as an integer it would turn negative.
	room := p.rateAt(p.now()) * maxGroup.Seconds()
	if room <= 0 {
		return most
	}
	for i, sum := 0, 0.0; i < most; i++ {
		if sum += amount(i); sum > room {
			return max(1, i)
		}
	}
	return most
}

// wait takes room for somebody when it is their turn. asked is how long the server wants to be left alone; then nothing is
// taken, and nothing after an error either. A wait that is worth telling of is told.
func (p *pace) wait(ctx context.Context, stop <-chan struct{}, c claim) (asked time.Duration, err error) {
	if p.unbounded() {
		return 0, nil
	}
	if asked = p.left(); asked > 0 {
		return asked, nil
	}
	if c.code = p.refusedBy(); c.code == "" {
		c.told = nil // it is as slow as it was told to be
	}
	if err = p.line.wait(ctx, stop, c); err != nil {
		return 0, err
	}
	if asked = p.left(); asked > 0 {
		p.line.back(c.amount) // it refused somebody else meanwhile
		return asked, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		p.since = p.now()
	}
	return 0, nil
}

// unbounded tells whether nothing bounds the pace, as with most servers: then a message costs no more than this look.
func (p *pace) unbounded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limited || p.ceiling > 0 || !p.until.IsZero() {
		return false
	}
	if p.since.IsZero() {
		p.since = p.now()
	}
	return true
}

// left is how long the server still wants to be left alone.
func (p *pace) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.until.Sub(p.now()))
}

// refusedBy gives the code of the last refusal; empty: nothing was refused that is known of.
func (p *pace) refusedBy() mail.Code {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code
}

// landed counts a message of that amount that the server took or gave.
func (p *pace) landed(amount float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken += amount
	p.count++
	p.note()
	if p.typical == 0 {
		p.typical = amount
	}
	p.typical += (amount - p.typical) / 100
}

// refused learns from an answer that asks to wait. Answers that come while that time runs are of the same refusal.
func (p *pace) refused(wait time.Duration, code mail.Code) {
	if p.learn(wait, code) {
		p.line.anew()
	}
}

func (p *pace) learn(wait time.Duration, code mail.Code) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.until) {
		return false
	}
	wait = max(wait, p.least)
	if !p.limited && p.count < enough {
		// Somebody else has used the budget up; the count goes on, and this wait belongs to it.
		p.until, p.code = now.Add(wait), code
		return false
	}
	spent := p.span + time.Millisecond
	if !p.limited {
		spent += wait // what was saved up went at once: the time asked for is about what it takes to save it up again
	}
	if !p.since.IsZero() {
		spent += now.Sub(p.since)
	}
	switch {
	case p.count >= enough:
		p.top, p.changed = max(p.taken/spent.Seconds(), p.lately(now)), p.limited
		p.lessons++
	default:
		p.top /= 2 // too few to measure
	}
	p.limited, p.since, p.taken, p.count, p.marks = true, time.Time{}, 0, 0, nil
	p.until, p.span, p.code = now.Add(wait), wait, code
	return true
}

// mark is how much was taken up to a moment.
type mark struct {
	at    time.Time
	taken float64
}

// note remembers how much was taken lately. The lock is held.
func (p *pace) note() {
	now := p.now()
	if n := len(p.marks); !p.limited || n > 0 && now.Sub(p.marks[n-1].at) < p.span/8 {
		return
	}
	if p.marks = append(p.marks, mark{now, p.taken}); len(p.marks) > 2+8*recent {
		p.marks = p.marks[1:]
	}
}

// lately is how much a second was taken in the end, where the rate had grown beyond what the server was thought to take;
// zero: it had not. The mean of all the time tells too little where most of it was too slow, and where a server saves up
// less in the time that it asks for than it gives in that time: of what it gives, more is lost then with each lesson.
func (p *pace) lately(now time.Time) float64 {
	if !p.limited || len(p.marks) == 0 || p.wanted(now) <= p.top {
		return 0
	}
	first := p.marks[0]
	for _, m := range p.marks {
		if now.Sub(m.at) >= recent*p.span {
			first = m
		}
	}
	if now.Sub(first.at) < recent*p.span {
		return 0
	}
	return (p.taken - first.taken) / now.Sub(first.at).Seconds()
}

// recall begins with what another run has learnt.
func (p *pace) recall(known state.Pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known.Most <= 0 || p.now().Sub(known.Learned) > PaceKept {
		return
	}
	p.span = max(known.Wait, p.least)
	p.code = mail.CodeIMAPThrottled // the run before knew better
	p.limited, p.lessons, p.top, p.until = true, 5, known.Most, p.now().Add(-p.span)
}

// PaceKept is how old what was learnt may be: limits are lifted for a migration, and come back after it.
const PaceKept = 7 * 24 * time.Hour

// lesson gives what is to be kept; false: nothing new.
func (p *pace) lesson(scope string) (state.Pace, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.changed
	p.changed = false
	return state.Pace{Scope: scope, Of: p.of, Most: p.top, Wait: p.span, Learned: p.now()}, known
}
