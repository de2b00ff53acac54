package executor_test

import (
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state/mail"
)

// TestMicrosoft365_P21_Budget has a small budget of messages a second, over the wire, and a server that throttles by closing
// the connection: waits are told, no message is given up as one that breaks connections, and all mail arrives once. How
// much of a budget is used and how few are refused is held in simulated time (TestThrottledTenant): here it would say how
// busy the machine is. It runs alone, since a machine that is too slow for the budget is never refused.
func TestMicrosoft365_P21_Budget(t *testing.T) {
	budget := &imapserver.Budget{PerSecond: 40, Burst: 30}
	c := newCloud(t, func(p *imapserver.Profile) { p.Budget = budget }, "anna")
	c.patience.First = 20 * time.Millisecond
	for i := range 300 {
		c.lanes[0].src.Add("INBOX", wireMessage(i, 200))
	}
	waits := 0
	c.heard = func(e executor.Event) {
		if w, is := e.(executor.Waiting); is && w.Kind == mail.Throttled {
			waits++
		}
	}
	c.untilDone()
	c.sameMail()
	part, refused := budget.Used()
	t.Logf("%.1f %% of what the budget allows, %.2f %% refused", 100*part, 100*refused)
	if waits == 0 || c.failed > 0 {
		t.Errorf("%.2f %% refused, and %d waits were told; %d messages failed", 100*refused, waits, c.failed)
	}
}

// TestExchange_P21_Budget has a budget of items at an Exchange that answers ErrorServerBusy in the middle of a request and says
// how long to wait: all mail arrives once, nothing is asked for before that time is over, and what is told of waiting is
// what was asked for.
func TestExchange_P21_Budget(t *testing.T) {
	const asked = 250 * time.Millisecond
	budget := &imapserver.Budget{PerSecond: 60, Burst: 40}
	x := newExchange(t)
	x.page = 500
	x.restart()
	x.fill(300)
	waits := 0
	x.heard = func(e executor.Event) {
		switch e := e.(type) {
		case executor.Waiting:
			if e.Kind == mail.Throttled {
				waits++
			}
			if e.Code == mail.CodeEWSThrottled && e.Wait < asked*9/10 {
				t.Errorf("waits %s where %s was asked for", e.Wait, asked)
			}
		case executor.MessageFailed:
			t.Errorf("a message failed: %+v", e)
		}
	}
	x.server.Behave(ewsserver.Habits{Budget: budget, BackOff: asked})
	began := time.Now()
	x.settled()
	x.sameMail()
	part, refused := budget.Used()
	t.Logf("%.1f %% of what the budget allows, %.2f %% refused, in %s", 100*part, 100*refused, time.Since(began))
	if waits == 0 || x.server.Early() > 0 {
		t.Errorf("%d waits were told; %d requests came too early", waits, x.server.Early())
	}
}
