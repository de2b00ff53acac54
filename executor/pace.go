package executor

import (
	"math"
	"sync"
	"time"

	"mailhaul/state"
)

// pace is how fast messages are sent to one destination mailbox, or to all of an endpoint, where its server asks for less
// than the machine can. Nothing is limited until a server refuses. Then it learns: what was taken between two refusals, in
// the time of sending and the time asked for, is about what the server's budget gives. After a refusal it goes on at half
// of that, climbs back to a little below it, and stays there, the longer the more often it was refused, since a refusal
// costs the time asked for again. Then it tries for more, in steps that grow until the next refusal.
type pace struct {
	now   func() time.Time
	least time.Duration // the shortest time that counts as asked for

	mu      sync.Mutex
	limited bool
	lessons int
	top     float64       // messages a second that the server takes, as far as is known
	since   time.Time     // when sending began after the last refusal; zero: it has not
	taken   int           // since the last refusal
	until   time.Time     // the server asked to wait until
	span    time.Duration // how long that was
	next    time.Time     // when the next message may leave
	changed bool          // something was learnt that is not kept yet
}

// What the pace does with what it learnt.
const (
	comfort  = 0.98 // of what the server takes, for the long while
	holding  = 30   // times the time asked for, at most, before more is tried
	bolder   = 0.01 // of what the server takes: the first step, which doubles
	enough   = 20   // messages that make a measure
	maxGroup = 50 * time.Millisecond
	late     = time.Second // what a busy machine was late by is made good, up to this
)

// rate gives the messages a second at a moment; zero: not limited. A server that refuses whatever the rate is must not slow
// the copy down without end: some messages always go in the time that it asks for. The lock is held.
func (p *pace) rate(at time.Time) float64 {
	if !p.limited {
		return 0
	}
	return max(p.wanted(at), enough/p.span.Seconds())
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

// group is how many of so many messages may leave together.
func (p *pace) group(most int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	// The rate grows without bound while nothing is refused: as an integer it would turn negative.
	if room := p.rate(p.now()) * maxGroup.Seconds(); room > 0 && room < float64(most) {
		most = max(1, int(room))
	}
	return most
}

// reserve takes room for so many messages, and gives how long to wait for it. asked is how long the server wants to be left
// alone; then nothing is taken.
func (p *pace) reserve(n int) (wait, asked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if asked = p.until.Sub(now); asked > 0 {
		return 0, asked
	}
	if p.since.IsZero() {
		p.since = now
	}
	start := now
	if p.next.After(now.Add(-late)) {
		start = p.next
	}
	p.next = start
	if r := p.rate(start); r > 0 {
		p.next = start.Add(time.Duration(float64(n) / r * float64(time.Second)))
	}
	return max(0, start.Sub(now)), 0
}

// left is how long the server still wants to be left alone.
func (p *pace) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.until.Sub(p.now()))
}

// landed counts a message that the server took.
func (p *pace) landed() {
	p.mu.Lock()
	p.taken++
	p.mu.Unlock()
}

// refused learns from an answer that asks to wait. Answers that come while that time runs are of the same refusal.
func (p *pace) refused(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.until) {
		return
	}
	wait = max(wait, p.least)
	if !p.limited && p.taken < enough {
		p.until = now.Add(wait) // somebody else has used the budget up; the count goes on, and this wait belongs to it
		return
	}
	spent := p.span + time.Millisecond
	if !p.limited {
		spent += wait // what was saved up went at once: the time asked for is about what it takes to save it up again
	}
	if !p.since.IsZero() {
		spent += now.Sub(p.since)
	}
	switch {
	case p.taken >= enough:
		p.top, p.changed = float64(p.taken)/spent.Seconds(), p.limited
		p.lessons++
	default:
		p.top /= 2 // too few to measure
	}
	p.limited, p.since, p.taken = true, time.Time{}, 0
	p.until, p.span, p.next = now.Add(wait), wait, time.Time{}
}

// recall begins with what another run has learnt.
func (p *pace) recall(known state.Pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known.PerSecond <= 0 || p.now().Sub(known.Learned) > PaceKept {
		return
	}
	p.span = max(known.Wait, p.least)
	p.limited, p.lessons, p.top, p.until = true, 5, known.PerSecond, p.now().Add(-p.span)
}

// PaceKept is how old what was learnt may be: limits are lifted for a migration, and come back after it.
const PaceKept = 7 * 24 * time.Hour

// lesson gives what is to be kept; false: nothing new.
func (p *pace) lesson(scope string) (state.Pace, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.changed
	p.changed = false
	return state.Pace{Scope: scope, PerSecond: p.top, Wait: p.span, Learned: p.now()}, known
}
