package executor_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"

	"mailhaul/executor/endpointtest/imapserver"
)

// TestTwinsInDoubtKeepTheirOwnCopies: one mail came to the source over two paths in the same second, so that the two
// messages differ in their trace headers alone. The answers to both are lost, and only the second is stored. Its copy
// must go to its own row: if the first takes it, the second is sent again and the first is lost. It holds I5.
func TestTwinsInDoubtKeepTheirOwnCopies(t *testing.T) {
	p := imapserver.Dovecot().Without("MULTIAPPEND")
	var busy atomic.Bool
	p.Refuse = func(_ string, m imapserver.Message) string {
		if bytes.Contains(m.Octets, []byte("first path")) && busy.CompareAndSwap(false, true) {
			return "NO [UNAVAILABLE] busy"
		}
		return ""
	}
	w := newWire(t, imapserver.Dovecot(), p, "anna")
	for _, path := range []string{"first", "second"} {
		w.lanes[0].src.Add("INBOX", imapserver.Message{Date: epoch.AddDate(-1, 0, 0),
			Octets: []byte("Received: over the " + path + " path\r\nSubject: twin\r\n\r\ntwin\r\n")})
	}
	w.lanes[0].dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{2: imapserver.Swallow}})
	w.untilDone()
	w.sameMail()
}

// TestEqualMessagesAtARewritingServer: the answer to four equal messages is lost at a server that adds trace headers of
// its own to each copy. Which copy is whose can't be told and need not be: what is stored is counted, and what is
// missing is sent. It holds I4 and I5.
func TestEqualMessagesAtARewritingServer(t *testing.T) {
	for _, kind := range []imapserver.Kind{imapserver.Swallow, imapserver.BreakBefore} {
		p := imapserver.Dovecot()
		var copies atomic.Int64
		p.Rewrite = func(octets []byte) []byte {
			return append([]byte(fmt.Sprintf("Received: as number %d\r\n", copies.Add(1))), octets...)
		}
		w := newWire(t, imapserver.Dovecot(), p, "anna")
		for range 4 {
			w.lanes[0].src.Add("INBOX", imapserver.Message{Date: epoch.AddDate(-1, 0, 0), Octets: []byte("Subject: equal\r\n\r\nequal\r\n")})
		}
		w.lanes[0].dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{1: kind}})
		w.untilDone()
		if n := len(w.lanes[0].dst.Messages("INBOX")); n != 4 || w.failed > 0 {
			t.Errorf("%d messages are there, %d failed", n, w.failed)
		}
	}
}
