package executor_test

import (
	"strings"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// TestTheSideThatFailed: what ends the copy of a mailbox is told of the side that said it, although the other one is cut off
// in the middle of a long answer because of it.
func TestTheSideThatFailed(t *testing.T) {
	for _, kind := range []mail.Kind{mail.Quota, mail.Auth} {
		r := newRig(t, "anna")
		r.fill("INBOX", 3000)
		stored := 0 // under the store's lock
		r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
			if stored++; stored < 300 {
				return nil
			}
			return &mail.Error{Op: "append message", Kind: kind, Code: mail.CodeQuotaFull, Text: "no"}
		}})
		out := r.mustApply("full")
		refused := 0
		if kind == mail.Auth {
			refused = 1
		}
		if out.Blocked != 1 || out.RefusedSource != 0 || out.RefusedDestination != refused {
			t.Errorf("%s: %+v", kind, out)
		}
		for _, e := range r.events {
			if f, is := e.(executor.MailboxFailed); is && (f.Side != executor.SideDestination || f.Kind != kind || !strings.HasSuffix(f.Text, "no")) {
				t.Errorf("%s: %+v", kind, f)
			}
		}
		r.dst().Mend()
		r.untilDone()
		r.sameMail()
	}
}
