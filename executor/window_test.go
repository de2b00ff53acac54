package executor_test

import (
	"sync"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// TestWindowClosesDuringARun holds that what is in hand is finished and nothing new begun, that other mailboxes go on,
// that one whose window has closed before is not begun, and that the next run brings the rest, once.
func TestWindowClosesDuringARun(t *testing.T) {
	const n = 400
	r := newRig(t, "anna", "bo", "carla")
	for _, s := range r.endpoints.Sources {
		for i := range n {
			s.Add("INBOX", endpointtest.Message{Date: epoch.Add(time.Duration(i) * time.Minute), Octets: []byte("Subject: x\r\n\r\n" + string(rune('a'+i%26)))})
		}
	}
	closed := make(chan struct{})
	var once sync.Once
	// The first message of anna is in hand until her window has closed.
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error { <-closed; return nil }})
	said := 0
	r.heard = func(e executor.Event) {
		if c, ok := e.(executor.WindowClosed); ok && c.Window == "nights" {
			said++
			once.Do(func() { close(closed) })
		}
	}
	now := time.Now()
	r.closes = map[string]executor.Closing{"anna": {Window: "nights", At: now.Add(300 * time.Millisecond), Opens: now.Add(time.Hour)},
		"carla": {Window: "mornings", At: now.Add(-time.Second)}}
	out := r.mustApply("full")
	count := func(name string) int { return len(r.endpoints.Destinations[name].Messages("INBOX")) }
	if a := count("anna"); a == n || out.Closed != 2 || out.Interrupted || said != 1 {
		t.Errorf("anna has %d messages, %d mailboxes wait, interrupted %v, said %d times", a, out.Closed, out.Interrupted, said)
	}
	if count("bo") != n || count("carla") != 0 || out.Complete != 1 {
		t.Errorf("bo has %d messages, carla %d, complete %d", count("bo"), count("carla"), out.Complete)
	}
	r.closes = nil
	r.untilDone()
	r.sameMail()
}
