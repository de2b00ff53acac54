package executor

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// tenant is a destination that is throttled: it refuses what is over its budget, asks to wait, and ends the session.
type tenant struct {
	Destination
	budget *imapserver.Budget
	asks   time.Duration
	octets bool // what it counts
}

func (d *tenant) Append(_ context.Context, _ mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	lost := &mail.Error{Op: "append message", Kind: mail.Transient, Code: mail.CodeIMAPLost}
	refused := &mail.Error{Kind: mail.Throttled, Code: mail.CodeEWSThrottled, Wait: d.asks}
	if d.octets {
		refused.Limit = mail.LimitOctets
	}
	for i, m := range batch {
		time.Sleep(time.Millisecond)
		n := 1
		if d.octets {
			n = int(m.Size)
		}
		if d.budget.Take(time.Now(), n) {
			done(mail.Appended{ID: m.ID, Outcome: mail.Landed})
			continue
		}
		done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: refused})
		for _, m := range batch[i+1:] {
			done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: lost})
		}
		return lost
	}
	return nil
}

// remembers is a memory of its own.
type remembers map[string]state.Pace

func (r remembers) Pace(_ context.Context, scope string, of state.Measure) (state.Pace, error) {
	return r[string(of)+" "+scope], nil
}

func (r remembers) keep(l *Limits) {
	for _, p := range l.lessons() {
		r[string(p.Of)+" "+p.Scope] = p
	}
}

// gaugeOf gives the gauge of a mailbox as a run makes it.
func gaugeOf(t *testing.T, l *Limits, mailbox string) *gauge {
	whole, err := l.flow(t.Context(), "endpoint", 0)
	own, err2 := l.flow(t.Context(), "endpoint "+mailbox, 0)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return &gauge{limits: l, scope: "endpoint", mailbox: mailbox, whole: whole, own: own}
}

// sender copies one mailbox as a pipeline does: batch after batch, and after a refusal it waits as it was asked to.
func sender(t *testing.T, l *Limits, mailbox string, to Destination, messages int, size mail.Size) {
	d := &paced{to, gaugeOf(t, l, mailbox)}
	for messages > 0 {
		batch, wait := make([]mail.Outgoing, min(256, messages)), time.Duration(0)
		for i := range batch {
			batch[i] = mail.Outgoing{ID: int64(i), Size: size}
		}
		_ = d.Append(t.Context(), mail.Folder{}, batch, func(a mail.Appended) { // what counts is told of each message
			if a.Outcome == mail.Landed {
				messages--
			}
			wait = max(wait, waitOf(a.Err))
		})
		if wait > 0 {
			time.Sleep(wait + 200*time.Millisecond) // and a sign-in
		}
	}
}

// TestThrottledTenant copies to tenants with budgets, in simulated time: more than nine tenths of what the budget allows in
// that time are used, and fewer than one message in a hundred is refused, for one mailbox and for several that share it,
// whether the tenant counts messages or octets.
// What a run has learnt the next one begins with.
func TestThrottledTenant(t *testing.T) {
	for _, c := range []struct {
		perSecond float64
		burst     int
		asks      time.Duration
		mailboxes int
		messages  int       // of each
		size      mail.Size // of each, where the tenant counts octets
	}{
		{4, 240, 10 * time.Second, 1, 50_000, 0},
		{10, 600, 30 * time.Second, 1, 100_000, 0},
		{20, 4_000, time.Minute, 4, 50_000, 0},
		{10, 3_000, 5 * time.Minute, 1, 200_000, 0},
		{50, 200, time.Second, 4, 50_000, 0},
		{100_000, 10_000_000, 10 * time.Second, 1, 50_000, 20_000},
		{1_000_000, 100_000_000, time.Minute, 4, 50_000, 50_000},
	} {
		t.Run(fmt.Sprintf("%v a second, asks for %v, %d mailboxes", c.perSecond, c.asks, c.mailboxes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget, known := &imapserver.Budget{PerSecond: c.perSecond, Burst: c.burst}, remembers{}
				l := newLimits(known, nil, time.Now, time.Second)
				var work sync.WaitGroup
				for i := range c.mailboxes {
					work.Go(func() {
						sender(t, l, fmt.Sprint(i), &tenant{budget: budget, asks: c.asks, octets: c.size > 0}, c.messages, c.size)
					})
				}
				work.Wait()
				part, refused := budget.Used()
				refused *= float64(max(1, c.size)) // the budget counts octets then
				t.Logf("%.1f %% of the budget, %.2f %% refused", 100*part, 100*refused)
				if part < 0.9 || refused >= 0.01 {
					t.Errorf("%.1f %% of the budget, want 90; %.2f %% refused, want less than 1", 100*part, 100*refused)
				}
				second(t, l, known, c.perSecond)
			})
		})
	}
}

// second wants a later run to begin at what the first one has learnt.
func second(t *testing.T, first *Limits, known remembers, perSecond float64) {
	known.keep(first)
	fastest := 0.0
	next := newLimits(known, nil, time.Now, time.Second)
	for scope := range first.flows {
		f, err := next.flow(t.Context(), scope, 0)
		if err != nil {
			t.Fatal(err)
		}
		fastest = max(fastest, f.messages.rateAt(time.Now()), f.octets.rateAt(time.Now()))
	}
	if fastest < 0.5*perSecond || fastest > 1.5*perSecond {
		t.Errorf("the next run begins with %.1f a second, where the budget gives %.1f", fastest, perSecond)
	}
}
