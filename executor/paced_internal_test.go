package executor

import (
	"context"
	"fmt"
	"slices"
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
}

func (d *tenant) Append(_ context.Context, _ mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	lost := &mail.Error{Op: "append message", Kind: mail.Transient, Code: mail.CodeIMAPLost}
	for i, m := range batch {
		time.Sleep(time.Millisecond)
		if d.budget.Take(time.Now(), 1) {
			done(mail.Appended{ID: m.ID, Outcome: mail.Landed})
			continue
		}
		done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: &mail.Error{Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Wait: d.asks}})
		for _, m := range batch[i+1:] {
			done(mail.Appended{ID: m.ID, Outcome: mail.Absent, Err: lost})
		}
		return lost
	}
	return nil
}

// exchange is one that takes messages in requests, over EWS: it says ErrorServerBusy of the one that is over its budget, and
// does not look at those behind it.
type exchange struct{ tenant }

func (d *exchange) Append(_ context.Context, _ mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	busy := &mail.Error{Op: "append message", Kind: mail.Throttled, Code: mail.CodeEWSThrottled, Wait: d.asks}
	stopped := &mail.Error{Op: "append message", Kind: mail.Transient, Code: mail.CodeEWSUnavailable}
	for request := range slices.Chunk(batch, 25) {
		time.Sleep(20 * time.Millisecond)
		var over error
		for _, m := range request {
			a := mail.Appended{ID: m.ID, Outcome: mail.Landed}
			switch {
			case over != nil:
				a.Outcome, a.Err = mail.Absent, stopped
			case !d.budget.Take(time.Now(), 1):
				over = busy
				a.Outcome, a.Err = mail.Absent, busy
			}
			done(a)
		}
		if over != nil {
			return busy
		}
	}
	return nil
}

// forgetful is a ledger that knows of paces only.
type forgetful struct {
	Ledger
	known map[string]state.Pace
}

func (l *forgetful) Pace(_ context.Context, scope string) (state.Pace, error) {
	return l.known[scope], nil
}

// sender copies one mailbox as a pipeline does: batch after batch, and after a refusal it waits as it was asked to.
func sender(t *testing.T, s *paces, l Ledger, mailbox string, to Destination, messages int) {
	whole, err := s.of(t.Context(), l, "endpoint")
	own, err2 := s.of(t.Context(), l, "endpoint "+mailbox)
	if err != nil || err2 != nil {
		t.Error(err, err2)
		return
	}
	d := &paced{Destination: to, paces: s, endpoint: "endpoint", mailbox: mailbox, whole: whole, own: own}
	for messages > 0 {
		batch, wait := make([]mail.Outgoing, min(256, messages)), time.Duration(0)
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
// that time are used, and fewer than one request in a hundred is refused, for one mailbox and for several that share it.
// What a run has learnt the next one begins with.
func TestThrottledTenant(t *testing.T) {
	for _, c := range []struct {
		perSecond float64
		burst     int
		asks      time.Duration
		mailboxes int
		messages  int // of each
		ews       bool
	}{
		{4, 240, 10 * time.Second, 1, 50_000, false},
		{10, 600, 30 * time.Second, 1, 100_000, false},
		{20, 4_000, time.Minute, 4, 50_000, false},
		{10, 3_000, 5 * time.Minute, 1, 200_000, false},
		{50, 200, time.Second, 4, 50_000, false},
		{10, 600, 30 * time.Second, 1, 100_000, true},
		{20, 4_000, time.Minute, 4, 50_000, true},
	} {
		t.Run(fmt.Sprintf("%v a second, asks for %v, %d mailboxes, over EWS %v", c.perSecond, c.asks, c.mailboxes, c.ews), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget := &imapserver.Budget{PerSecond: c.perSecond, Burst: c.burst}
				s, l := newPaces(time.Now, time.Second), &forgetful{known: map[string]state.Pace{}}
				var work sync.WaitGroup
				for i := range c.mailboxes {
					work.Go(func() {
						to := tenant{budget: budget, asks: c.asks}
						if c.ews {
							sender(t, s, l, fmt.Sprint(i), &exchange{to}, c.messages)
							return
						}
						sender(t, s, l, fmt.Sprint(i), &to, c.messages)
					})
				}
				work.Wait()
				part, refused := budget.Used()
				t.Logf("%.1f %% of the budget, %.2f %% refused", 100*part, 100*refused)
				if part < 0.9 || refused >= 0.01 {
					t.Errorf("%.1f %% of the budget, want 90; %.2f %% refused, want less than 1", 100*part, 100*refused)
				}
				second(t, s, l, c.perSecond)
			})
		})
	}
}

// second wants a later run to begin at what the first one has learnt.
func second(t *testing.T, first *paces, l *forgetful, perSecond float64) {
	for scope, p := range first.all {
		if lesson, is := p.lesson(scope); is {
			l.known[scope] = lesson
		}
	}
	fastest := 0.0
	next := newPaces(time.Now, time.Second)
	for scope := range first.all {
		p, err := next.of(t.Context(), l, scope)
		if err != nil {
			t.Fatal(err)
		}
		fastest = max(fastest, p.rate(time.Now()))
	}
	if fastest < 0.5*perSecond || fastest > 1.5*perSecond {
		t.Errorf("the next run begins with %.1f messages a second, where the budget gives %.1f", fastest, perSecond)
	}
}
