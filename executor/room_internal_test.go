package executor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/state/mail"
)

// house is a server that takes so many connections and refuses the next with some error.
type house struct {
	mu            sync.Mutex
	most          int
	open, refused int
	no            error
}

func (h *house) dial() error {
	time.Sleep(50 * time.Millisecond)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open >= h.most {
		h.refused++
		return h.no
	}
	h.open++
	return nil
}

func (h *house) hangUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
}

// inside tells how many are connected.
func (h *house) inside() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

// crowd moves mailboxes between two houses.
type crowd struct {
	limits   *Limits
	from, to *house
	mu       sync.Mutex
	waits    []time.Duration // that were told
	failed   []string
	ended    []string // mailboxes, in the order of their ends
}

// move works on one mailbox for so long, as a mailboxRun does.
func (c *crowd) move(ctx context.Context, mailbox string, work time.Duration) {
	g, err := c.limits.guest(ctx, mailbox, [2]string{SideSource, "from"}, [2]string{SideDestination, "to"})
	for err == nil {
		err = c.limits.enter(ctx, nil, g, func(_, _ string, d time.Duration) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.waits = append(c.waits, d)
		})
		if err == nil {
			err = c.once(g, work)
			c.limits.leave(g)
		}
		if !isAway(err) {
			break
		}
		err = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, mailbox)
	if err != nil {
		c.failed = append(c.failed, fmt.Sprint(mailbox, ": ", err))
	}
}

func (c *crowd) once(g *guest, work time.Duration) error {
	for endpoint, h := range map[string]*house{"from": c.from, "to": c.to} {
		if err := h.dial(); err != nil {
			c.limits.Refused(endpoint, g.mailbox, err)
			return c.limits.judge(g, endpoint, err)
		}
		closed := c.limits.Opened(endpoint, g.mailbox)
		defer func() { h.hangUp(); closed() }()
	}
	time.Sleep(work)
	return nil
}

// all moves mailboxes, so many at a time.
func (c *crowd) all(t *testing.T, works []time.Duration, parallel int) time.Duration {
	began := time.Now()
	slots := make(chan struct{}, parallel)
	var all sync.WaitGroup
	for i, work := range works {
		slots <- struct{}{}
		all.Go(func() { c.move(t.Context(), fmt.Sprint(i), work); <-slots })
	}
	all.Wait()
	return time.Since(began)
}

// TestHardCase_P22_CrowdedServers moves mailboxes of very different sizes, in simulated time, between servers that take fewer
// connections than are configured, whatever they say to one more: nobody fails, everybody gets a turn in the order of
// coming, few connections are refused, no room stays empty for long, and the next run begins with what was learnt.
func TestHardCase_P22_CrowdedServers(t *testing.T) {
	for name, no := range map[string]error{
		"too many connections": &mail.Error{Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Limit: mail.LimitConnections},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &crowd{from: &house{most: 3, no: no}, to: &house{most: 4, no: no}}
				known, ceilings := remembers{}, map[string]Ceiling{"from": {Connections: 20}, "to": {Connections: 20}}
				c.limits = newLimits(known, ceilings, time.Now, time.Second)
				works, sum := []time.Duration{2 * time.Hour}, 2*time.Hour
				for i := range 59 {
					works = append(works, time.Duration(1+i*7%20)*time.Minute)
					sum += works[i+1]
				}
				took := c.all(t, works, 12)
				if len(c.failed) > 0 {
					t.Fatalf("failed: %v", c.failed)
				}
				t.Logf("%v where %v would do; %d and %d refused, %d waits told", took, sum/3, c.from.refused, c.to.refused, len(c.waits))
				if took > sum*11/30 {
					t.Errorf("%v, where three at a time would need %v", took, sum/3)
				}
				if most := 20; c.from.refused > most || c.to.refused > most {
					t.Errorf("%d and %d refused", c.from.refused, c.to.refused)
				}
				if len(c.waits) == 0 || slices.Max(c.waits) > longestQuiet*Quiet || slices.Min(c.waits) <= 0 {
					t.Errorf("waits of %v", c.waits)
				}
				known.keep(c.limits)
				again := &crowd{from: &house{most: 3, no: no}, to: &house{most: 4, no: no}, limits: newLimits(known, ceilings, time.Now, time.Second)}
				again.all(t, slices.Repeat([]time.Duration{time.Minute}, 10), 10)
				if again.from.refused+again.to.refused > 1 || len(again.failed) > 0 {
					t.Errorf("the next run was refused %d and %d times; failed %v", again.from.refused, again.to.refused, again.failed)
				}
			})
		})
	}
}

// TestRoomOpensAgain: a server that takes more than it did is asked for one more after each quiet while, up to what is
// configured; who waits learns how long that is.
func TestRoomOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		no := &mail.Error{Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Limit: mail.LimitConnections}
		c := &crowd{from: &house{most: 2, no: no}, to: &house{most: 100}}
		c.limits = newLimits(nil, map[string]Ceiling{"from": {Connections: 5}, "to": {Connections: 5}}, time.Now, time.Second)
		var told atomic.Int32
		c.limits.listen(func(l lowered) {
			if told.Add(1); l.most != 2 || l.endpoint != "from" || l.again != Quiet {
				t.Errorf("told %+v", l)
			}
		})
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				c.move(t.Context(), fmt.Sprint(i), time.Hour)
			})
		}
		time.Sleep(time.Minute)
		if n := c.limits.Allowed("from"); n != 2 || c.from.inside() != 2 || told.Load() != 1 {
			t.Errorf("after the refusal %d are allowed, %d open, it was told %d times", n, c.from.inside(), told.Load())
		}
		c.from.mu.Lock()
		c.from.most = 5
		c.from.mu.Unlock()
		for want := 3; want <= 5; want++ {
			time.Sleep(Quiet)
			synctest.Wait()
			if n := c.from.inside(); n != want {
				t.Errorf("%d are open, want %d", n, want)
			}
		}
		all.Wait()
		if len(c.failed) > 0 || c.from.refused != 1 {
			t.Errorf("failed %v, %d refused", c.failed, c.from.refused)
		}
	})
}

// TestRefusedAlone: where nobody else has a connection, or the server counts those of this one user, there is no turn to
// wait for, and the refusal is what it says.
func TestRefusedAlone(t *testing.T) {
	l := newLimits(nil, nil, time.Now, time.Second)
	g, err := l.guest(t.Context(), "anna", [2]string{SideSource, "from"}, [2]string{SideDestination, "to"})
	if err != nil {
		t.Fatal(err)
	}
	no := &mail.Error{Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Limit: mail.LimitConnections}
	user := &mail.Error{Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Limit: mail.LimitUserConnections}
	own := l.Opened("from", "anna")
	if isAway(l.judge(g, "from", no)) {
		t.Error("anna waits for herself")
	}
	defer l.Opened("from", "bo")()
	if !isAway(l.judge(g, "from", no)) || isAway(l.judge(g, "to", no)) {
		t.Error("anna is to wait for bo where he is, and nowhere else")
	}
	if isAway(l.judge(g, "from", user)) || isAway(l.judge(g, "from", &mail.Error{Kind: mail.Auth, Code: mail.CodeIMAPLogin})) {
		t.Error("anna waits for bo, who has nothing to do with it")
	}
	l.Refused("from", "anna", user)
	if l.Beside("from", "anna") || !l.Beside("from", "bo") || l.Allowed("from") != 0 {
		t.Error("anna's own limit is that of anna's connections, and of nobody else's")
	}
	own()
	if !l.Beside("from", "anna") {
		t.Error("with no connection of her own anna may open one")
	}
}

// TestFirstComesFirst: a mailbox that needs a connection at two servers, each of which takes one at a time, is not passed by
// those that came later and need one of the two only: both are never free at the same moment by chance.
func TestFirstComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(nil, map[string]Ceiling{"a": {Connections: 1}, "b": {Connections: 1}}, time.Now, time.Second)
		began := time.Now()
		var all sync.WaitGroup
		var waited time.Duration
		visit := func(after time.Duration, mailbox string, endpoints ...string) {
			all.Go(func() {
				time.Sleep(after)
				var sides [][2]string
				for _, e := range endpoints {
					sides = append(sides, [2]string{SideSource, e})
				}
				g, err := l.guest(t.Context(), mailbox, sides...)
				if err == nil {
					err = l.enter(t.Context(), nil, g, func(string, string, time.Duration) {})
				}
				if err != nil {
					t.Error(err)
					return
				}
				if len(endpoints) == 2 {
					waited = time.Since(began)
				}
				time.Sleep(time.Hour)
				l.leave(g)
			})
		}
		visit(0, "a0", "a")
		visit(30*time.Minute, "b0", "b")
		visit(40*time.Minute, "both", "a", "b")
		for i := 1; i < 4; i++ {
			visit(50*time.Minute, fmt.Sprint("a", i), "a")
			visit(50*time.Minute, fmt.Sprint("b", i), "b")
		}
		all.Wait()
		if waited != 90*time.Minute {
			t.Errorf("its turn came after %v, want that of the first two: 1h30m", waited)
		}
	})
}

// TestOnlyTheFirstInLineKeepsRoomElsewhere: those who wait behind another at a server that is full do not keep others from
// connections of a second server, which they could not use now. The first in line keeps its own there.
func TestOnlyTheFirstInLineKeepsRoomElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(nil, map[string]Ceiling{"full": {Connections: 1}, "to": {Connections: 3}}, time.Now, time.Second)
		began := time.Now()
		var all sync.WaitGroup
		came := map[string]time.Duration{}
		var mu sync.Mutex
		visit := func(after time.Duration, mailbox, from string) {
			all.Go(func() {
				time.Sleep(after)
				g, err := l.guest(t.Context(), mailbox, [2]string{SideSource, from}, [2]string{SideDestination, "to"})
				if err == nil {
					err = l.enter(t.Context(), nil, g, func(string, string, time.Duration) {})
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				came[mailbox] = time.Since(began).Truncate(time.Minute)
				mu.Unlock()
				time.Sleep(time.Hour)
				l.leave(g)
			})
		}
		for i := range 4 {
			visit(time.Duration(i)*time.Second, fmt.Sprint("full", i), "full")
		}
		visit(time.Minute, "other0", "free")
		visit(2*time.Minute, "other1", "free")
		all.Wait()
		want := map[string]time.Duration{"full0": 0, "full1": time.Hour, "full2": 2 * time.Hour, "full3": 3 * time.Hour,
			"other0": time.Minute, "other1": time.Hour}
		came["other1"] = came["other1"].Truncate(time.Hour) // it comes with the second of those in line, or when the first other one leaves
		if !maps.Equal(came, want) {
			t.Errorf("they came in after %v, want %v", came, want)
		}
	})
}
