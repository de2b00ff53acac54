package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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

func (d *tenant) Flush(context.Context) error { return nil }

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
		ews       bool
		least     float64 // of the budget; zero: nine tenths
	}{
		{4, 240, 10 * time.Second, 1, 50_000, 0, false, 0},
		{10, 600, 30 * time.Second, 1, 100_000, 0, false, 0},
		{20, 4_000, time.Minute, 4, 50_000, 0, false, 0},
		{10, 3_000, 5 * time.Minute, 1, 200_000, 0, false, 0},
		{50, 200, time.Second, 4, 50_000, 0, false, 0},
		{100_000, 10_000_000, 10 * time.Second, 1, 50_000, 20_000, false, 0},
		{1_000_000, 100_000_000, time.Minute, 4, 50_000, 50_000, false, 0},
		{10, 600, 30 * time.Second, 1, 100_000, 0, true, 0},
		{20, 4_000, time.Minute, 4, 50_000, 0, true, 0},
		// These save up less than they give in the time that they ask for: some of it is lost each time, and in the beginning.
		{10, 150, 30 * time.Second, 1, 50_000, 0, false, 0.85},
		{20, 600, time.Minute, 4, 20_000, 0, false, 0.8},
		{0.5, 5, time.Minute, 1, 10_000, 0, false, 0},
		{10, 60, 30 * time.Second, 1, 100_000, 0, true, 0.85},
	} {
		t.Run(fmt.Sprintf("%v a second, asks for %v, %d mailboxes, over EWS %v", c.perSecond, c.asks, c.mailboxes, c.ews), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget, known := &imapserver.Budget{PerSecond: c.perSecond, Burst: c.burst}, remembers{}
				l := newLimits(known, nil, time.Now, time.Second)
				var work sync.WaitGroup
				for i := range c.mailboxes {
					work.Go(func() {
						to := tenant{budget: budget, asks: c.asks, octets: c.size > 0}
						if c.ews {
							sender(t, l, fmt.Sprint(i), &exchange{to}, c.messages, c.size)
							return
						}
						sender(t, l, fmt.Sprint(i), &to, c.messages, c.size)
					})
				}
				work.Wait()
				part, refused := budget.Used()
				refused *= float64(max(1, c.size)) // the budget counts octets then
				t.Logf("%.1f %% of the budget, %.2f %% refused", 100*part, 100*refused)
				if least := cmp.Or(c.least, 0.9); part < least || refused >= 0.01 {
					t.Errorf("%.1f %% of the budget, want %.0f; %.2f %% refused, want less than 1", 100*part, 100*least, 100*refused)
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

// well is a source that gives messages of one size, and asks to wait where its budget of octets is used up.
type well struct {
	Source
	budget *imapserver.Budget // nil: it gives all it has
	size   mail.Size
}

func (w *well) Fetch(_ context.Context, _ mail.Folder, uids []mail.UID, to mail.Sink) error {
	for _, u := range uids {
		time.Sleep(time.Millisecond)
		if w.budget != nil && !w.budget.Take(time.Now(), int(w.size)) {
			return &mail.Error{Op: "fetch", Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Limit: mail.LimitOctets, Wait: time.Minute}
		}
		if err := to.Body(w.size, nil); err != nil {
			return err
		}
		if err := to.Message(mail.Message{UID: u}, true); err != nil {
			return err
		}
	}
	return nil
}

// counted counts the messages that come.
type counted struct{ n int }

func (c *counted) Body(mail.Size, io.Reader) error { return nil }

func (c *counted) Message(mail.Message, bool) error { c.n++; return nil }

// TestMessagesPerSecondOfASource: three mailboxes with messages of very different sizes share the rate that is configured
// for their source, in simulated time; each gets a third while all have work, and nothing is told, as nobody was refused.
func TestMessagesPerSecondOfASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(nil, nil, time.Now, time.Second)
		if _, err := l.flow(t.Context(), "endpoint", 5); err != nil {
			t.Fatal(err)
		}
		counts := make([]counted, 3)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var work sync.WaitGroup
		for i, size := range []mail.Size{100, 100_000, 30_000_000} {
			g := gaugeOf(t, l, fmt.Sprint(i))
			g.told = func(code mail.Code, d time.Duration) { t.Errorf("a wait of %v for %s was told", d, code) }
			for range 1 + i { // however many connections they have
				work.Go(func() {
					s := &pacedSource{&well{size: size}, g}
					if err := s.Fetch(ctx, mail.Folder{}, make([]mail.UID, 10_000), &counts[i]); !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
				})
			}
		}
		work.Wait()
		for i, c := range counts {
			if c.n < 980 || c.n > 1020 {
				t.Errorf("mailbox %d got %d messages, want a third of 3,000", i, c.n)
			}
		}
	})
}

// TestThrottledSource reads from a source with a budget of octets, in simulated time: it is used well, few messages are
// refused, and a wait that the pace brings is told with its length.
func TestThrottledSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 200_000
		budget := &imapserver.Budget{PerSecond: 20_000, Burst: 2_000_000}
		g := gaugeOf(t, newLimits(nil, nil, time.Now, time.Second), "anna")
		var told []time.Duration
		g.told = func(code mail.Code, d time.Duration) {
			if told = append(told, d); code != mail.CodeIMAPThrottled {
				t.Errorf("code %s", code)
			}
		}
		s, got := &pacedSource{&well{budget: budget, size: size}, g}, counted{}
		for got.n < 5_000 {
			if err := s.Fetch(t.Context(), mail.Folder{}, make([]mail.UID, 5_000-got.n), &got); err != nil {
				time.Sleep(waitOf(err))
			}
		}
		part, refused := budget.Used()
		if part < 0.9 || refused*size > 0.01 {
			t.Errorf("%.1f %% of the budget, %.2f %% refused", 100*part, 100*refused*size)
		}
		if len(told) == 0 || slices.Max(told) > 30*time.Second || slices.Min(told) < worthTelling {
			t.Errorf("waits of %v were told, where one message takes 10 s", told[:min(10, len(told))])
		}
	})
}

// TestTooManyAtOnceIsNoRate: a server that has too many requests or connections at one time says nothing of how many messages
// it takes in a time.
func TestTooManyAtOnceIsNoRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gaugeOf(t, newLimits(nil, nil, time.Now, time.Second), "anna")
		for range 2 * enough {
			g.landed(1000)
		}
		time.Sleep(time.Hour)
		g.hear(&mail.Error{Kind: mail.Throttled, Code: mail.CodeGraphThrottled, Limit: mail.LimitConnections, Wait: time.Second})
		if rate := g.own.messages.rateAt(time.Now()); rate != 0 {
			t.Errorf("%.3f messages a second from now on", rate)
		}
	})
}

// TestRoomIsGivenBack: what a mailbox booked of its own pace and did not use, since the endpoint is to be left alone, does
// not keep it waiting later; the answer has the code of the server that refused.
func TestRoomIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gaugeOf(t, newLimits(nil, nil, time.Now, time.Second), "anna")
		g.own.messages.refused(time.Second, mail.CodeEWSThrottled)
		time.Sleep(time.Minute)
		g.whole.messages.refused(time.Minute, mail.CodeGraphThrottled)
		for range 100 {
			soon, err := g.wait(t.Context(), 1, 1000)
			if err != nil || soon == nil || soon.Wait != time.Minute || soon.Code != mail.CodeGraphThrottled {
				t.Fatalf("%+v, %v", soon, err)
			}
		}
		time.Sleep(time.Minute)
		began := time.Now()
		if soon, err := g.wait(t.Context(), 1, 1000); soon != nil || err != nil || time.Since(began) > time.Second {
			t.Errorf("%+v, %v after %v", soon, err, time.Since(began))
		}
	})
}
