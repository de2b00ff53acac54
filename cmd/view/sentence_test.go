package view

import (
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/state/mail"
)

// TestSentenceOfLittle: nothing at all and next to nothing are said as people say them.
func TestSentenceOfLittle(t *testing.T) {
	for want, e := range map[string]executor.Event{
		"pass retry started: no mailbox can be worked on": executor.PassStarted{Stamp: executor.Stamp{Pass: "retry"}},
		"waits a moment: the source can't be reached": executor.Waiting{Side: "source", Code: mail.CodeIMAPConnect,
			Kind: mail.Transient, Wait: 700 * time.Millisecond},
	} {
		if got := sentence(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
