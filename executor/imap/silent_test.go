package imap_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// TestSilentServer: of a server that takes the connection and says nothing it is told soon, and not only when it is given up.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		began := time.Now()
		var mu sync.Mutex // the teller is a timer's
		var told []time.Duration
		_, err := imap.DialSource(t.Context(), imap.Options{Host: "old.example", Port: 143, TLS: imap.TLSNone,
			Login: imap.Login{User: "anna", Password: canary},
			Dial:  func(context.Context, string, string) (net.Conn, error) { return near, nil },
			Silent: func(left time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, time.Since(began), left)
			}})
		if took := time.Since(began); mail.CodeOf(err) != mail.CodeIMAPTimeout || took != time.Minute {
			t.Errorf("it ended after %v with %v", took, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(told) != 2 || told[0] != 10*time.Second || told[1] != 50*time.Second {
			t.Errorf("told %v", told)
		}
	})
}
