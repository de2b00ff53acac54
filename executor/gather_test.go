package executor_test

import (
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestAnswersAreKeptWhileABatchIsGathered: a source that hands over little, while a batch waits behind the one that the
// destination is at, does not keep the ledger from learning what has landed.
func TestAnswersAreKeptWhileABatchIsGathered(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	var ledger *state.Ledger
	r.wrap = func(l *state.Ledger) executor.Ledger { ledger = l; return l }
	is := func(uid mail.UID, want state.State) bool {
		rows, err := ledger.Rows(t.Context(), 1, []mail.UID{uid})
		return err == nil && len(rows) == 1 && rows[0].State == want
	}
	until := func(done func() bool) (was bool) {
		for deadline := time.Now().Add(10 * time.Second); !was && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			was = done()
		}
		return was
	}
	sent, kept := 0, false
	busy, gathering := make(chan struct{}), make(chan struct{})
	settled := make(chan struct{})
	r.dst().Set(endpointtest.Faults{Meanwhile: func(*endpointtest.Store, string) {
		switch sent++; sent {
		case 14:
			close(busy)
			<-gathering
		case 15: // the one before it has been answered
			kept = until(func() bool { return is(14, state.StateLanded) })
			close(settled)
		}
	}})
	r.src().Set(endpointtest.Faults{VanishDuring: func(_ *endpointtest.Store, _ string, uid mail.UID) {
		switch uid {
		case 16: // all before it is with the destination
			<-busy
		case 17: // the one before it is a batch that waits
			until(func() bool { return is(16, state.StateIntent) })
		case 18: // the one before it is being gathered
			close(gathering)
			<-settled
		}
	}})
	r.mustApply("full")
	r.sameMail()
	if !kept {
		t.Error("while the destination took its time the ledger did not learn that a message has landed")
	}
}
