package executor_test

import (
	"context"
	"testing"

	"mailhaul/executor"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// paceless is a ledger that can't be asked what a server takes.
type paceless struct{ *state.Ledger }

func (paceless) Pace(_ context.Context, _ string, of state.Measure) (state.Pace, error) {
	if of == state.Connections {
		return state.Pace{}, nil
	}
	return state.Pace{}, &mail.Error{Op: "read state", Kind: mail.Internal, Code: mail.CodeStateDamaged, Text: "no"}
}

// TestNoSessionIsLeftWithoutPaces: a session that was opened is closed, too, where what bounds it can't be read.
func TestNoSessionIsLeftWithoutPaces(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	r.wrap = func(l *state.Ledger) executor.Ledger { return paceless{l} }
	if _, _, err := r.apply("full"); err == nil {
		t.Error("the run went on without what the state file knows")
	}
	opened, closed := r.src().Ops("open source")+r.dst().Ops("open destination"), r.src().Ops("close")+r.dst().Ops("close")
	if opened != 4 || closed != opened { // those of the survey and those of the run
		t.Errorf("%d sessions were opened, and %d closed", opened, closed)
	}
}
