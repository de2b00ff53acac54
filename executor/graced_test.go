package executor_test

import (
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// TestGraceIsNotOfOurOwnLine: what a message waits for its turn says nothing of how late the server may store it.
func TestGraceIsNotOfOurOwnLine(t *testing.T) {
	r := newRig(t, "anna")
	r.limits = executor.NewLimits(nil, map[string]executor.Ceiling{"endpoint.imap.new": {MessagesPerSecond: 2}})
	r.grace = time.Millisecond
	for _, body := range []string{"a", "b", "c", "d", "e"} {
		r.src().Add("INBOX", letterOf(epoch, body))
	}
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{5: {Kind: endpointtest.DropBefore}}})
	var waited time.Duration
	r.heard = func(e executor.Event) {
		if w, is := e.(executor.Waiting); is && w.Code == mail.CodeMessageUnknown {
			waited = max(waited, w.Wait)
		}
	}
	r.mustApply("full")
	r.sameMail()
	if waited > time.Second {
		t.Errorf("it waited %s for a server that answers at once", waited)
	}
}
