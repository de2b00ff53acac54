package cmd

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailhaul/config"
)

// listening is a server that counts who connects, and an endpoints whose one mailbox has it on both sides.
func listening(t *testing.T) (*endpoints, *config.Mailbox, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	at := l.Addr().(*net.TCPAddr) //nolint:errcheck // of a TCP listener
	block := &config.Endpoint{Connections: 1, Host: at.IP.String(), Port: at.Port}
	m := &config.Mailbox{From: block, To: block}
	e, err := newEndpoints(&config.Config{Endpoints: []*config.Endpoint{block}, Mailboxes: []*config.Mailbox{m}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return e, m, l
}

// accepted waits for a connection.
func accepted(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestDialAhead: where there is no state file the first session gets the connection that was dialled before, and the
// second one of its own.
func TestDialAhead(t *testing.T) {
	e, m, l := listening(t)
	s := e.servers[m.From]
	e.dialAhead(t.Context(), filepath.Join(t.TempDir(), "none"), []*config.Mailbox{m})
	first := accepted(t, l) // nobody has asked for it yet
	for i, far := range []func() net.Conn{func() net.Conn { return first }, func() net.Conn { return accepted(t, l) }} {
		conn, err := s.dial(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := conn.LocalAddr().String(), far().RemoteAddr().String(); got != want {
			t.Errorf("session %d got the connection from %s, want that from %s", i, got, want)
		}
		_ = conn.Close()
	}
}

// TestDialAheadIsNotTaken: a connection that is too old is closed, and so is one that could not be opened in time; the
// session dials.
func TestDialAheadIsNotTaken(t *testing.T) {
	e, m, l := listening(t)
	s := e.servers[m.From]
	e.dialAhead(t.Context(), filepath.Join(t.TempDir(), "none"), []*config.Mailbox{m})
	old := accepted(t, l)
	a := s.ahead.Load()
	<-a.dialed
	a.until = time.Now().Add(-time.Second)
	conn, err := s.dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing was said on it
	if fresh := accepted(t, l); conn.LocalAddr().String() != fresh.RemoteAddr().String() {
		t.Error("the session did not get the connection that it dialled")
	}
	if n, err := old.Read(make([]byte, 1)); err == nil {
		t.Errorf("the old connection is open: read %d octets", n)
	}

	broken := &ahead{err: os.ErrDeadlineExceeded, dialed: make(chan struct{}), until: time.Now().Add(time.Hour)}
	close(broken.dialed)
	s.ahead.Store(broken)
	again, err := s.dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

// TestDialAheadOnlyAtTheBeginning: with a state file nobody knows yet which mailboxes are due, and for Microsoft 365 nobody
// knows by which transport they are reached.
func TestDialAheadOnlyAtTheBeginning(t *testing.T) {
	e, m, _ := listening(t)
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e.dialAhead(t.Context(), file, []*config.Mailbox{m})
	e.dialAhead(t.Context(), file+"none", nil)
	m.From.Microsoft365 = &config.Microsoft365{}
	e.dialAhead(t.Context(), file+"none", []*config.Mailbox{m})
	if e.servers[m.From].ahead.Load() != nil {
		t.Error("a connection is dialled")
	}
}
