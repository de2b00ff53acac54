package executor_test

import (
	"testing"
	"time"

	"mailhaul/executor"
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
