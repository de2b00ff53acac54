package executor_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
)

// TestAmendedInDoubtUnderNewUIDs dies at each write while repaired and disarmed messages are under way, and gives one side or
// both new UIDs before the next start: each message is there once all the same.
func TestAmendedInDoubtUnderNewUIDs(t *testing.T) {
	for _, side := range []string{"source", "destination", "both"} {
		for _, kind := range []endpointtest.DropKind{endpointtest.DropAfter, endpointtest.DropAfterAll} {
			for at := 1; at <= 26; at += 3 {
				t.Run(fmt.Sprintf("%s, kind %d, write %d", side, kind, at), func(t *testing.T) {
					t.Parallel()
					r := amendedRig(t)
					r.dst().Set(endpointtest.Faults{RefuseMessage: refuseOverlong, Drop: map[int]endpointtest.Drop{at/2 + 5: {Kind: kind}}})
					var left atomic.Int64
					left.Store(int64(at))
					r.wrap = func(l *state.Ledger) executor.Ledger { return crashing{l, &left, at%2 == 0} }
					_, _, _ = r.apply("full") // it dies
					r.wrap = nil
					if side != "destination" {
						r.src().ChangeUIDValidity("INBOX")
					}
					if side != "source" {
						r.dst().ChangeUIDValidity("INBOX")
					}
					r.untilDone()
					r.arrived()
					r.checkState()
				})
			}
		}
	}
}

// TestRefusedInDoubtIsNotAmended breaks the connection whenever a message is sent that asks for a receipt, until it is given
// up: nothing of it is there, so its row must not say that other octets are.
func TestRefusedInDoubtIsNotAmended(t *testing.T) {
	r := amendedRig(t)
	r.dst().Set(endpointtest.Faults{Poison: func(m endpointtest.Message) bool { return strings.Contains(string(m.Octets), "Subject: 3\r\n") }})
	if out := r.mustApply("full"); out.Failed.Messages != 1 {
		t.Fatalf("%+v", out.PassDone)
	}
	for _, row := range r.rows("INBOX") {
		if row.State == state.StateRefused && (row.Degraded&state.Amended != 0 || !row.H1.IsZero()) {
			t.Errorf("UID %d was refused and counts as changed: %v", row.UID, row.Degraded.Changes())
		}
	}
}
