package executor_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/imap"
)

// inMemory listens for connections that are made within the process, so that a test in simulated time can have them.
type inMemory struct {
	calls chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func newInMemory() *inMemory {
	return &inMemory{calls: make(chan net.Conn), ended: make(chan struct{})}
}

// Accept waits for a call.
func (l *inMemory) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *inMemory) Close() error { l.once.Do(func() { close(l.ended) }); return nil }

// Addr is that of no port.
func (l *inMemory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// dial calls; network and address play no part.
func (l *inMemory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, near := net.Pipe()
	far, theirs := net.Pipe()
	select {
	case l.calls <- theirs:
		go carry(near, far)
		go carry(far, near)
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// carry takes octets from one end to the other as a network does, which holds some of them. It ends with either end.
func carry(from, to net.Conn) {
	held := make(chan []byte, 64)
	go func() {
		defer close(held)
		for {
			b := make([]byte, 4096)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			held <- b[:n]
		}
	}()
	for b := range held {
		if _, err := to.Write(b); err != nil {
			_ = from.Close() // nothing depends on it
		}
	}
	_ = to.Close() // likewise
}

// newWireInMemory is newWire in simulated time: connections are in memory and speak no TLS.
func newWireInMemory(t *testing.T, source, destination imapserver.Profile, names ...string) *wire {
	t.Helper()
	from, to := newInMemory(), newInMemory()
	w := newWireBetween(t, imapserver.StartOn(t, from, source, imapserver.Options{}),
		imapserver.StartOn(t, to, destination, imapserver.Options{}), names...)
	w.timeouts = imap.Timeouts{Dial: time.Minute, Progress: time.Minute}
	w.dial = func(s *imapserver.Server) func(context.Context, string, string) (net.Conn, error) {
		if s == w.source {
			return from.dial
		}
		return to.dial
	}
	return w
}

// systemFlags are those that Exchange keeps.
func systemFlags(flags []string) (kept []string) {
	for _, f := range flags {
		if strings.HasPrefix(f, `\`) {
			kept = append(kept, f)
		}
	}
	return kept
}
