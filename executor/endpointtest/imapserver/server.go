// Package imapserver is an IMAP server for tests (RFC 3501 and the extensions that mailhaul knows), in the process of the
// test and in memory. It is made to misbehave on purpose: it forgets, stores late, folds equal messages, refuses, rewrites
// and breaks connections where a test wants it, and is otherwise exact: octets, dates and flags come back as they came.
//
// Start with Start and a Profile, which says what kind of server it is; Mailbox gives the mail of a user, where Faults are
// set and what was asked for is counted. Clients connect to Addr, plain or, with Options.TLS, by STARTTLS or TLS from the
// first octet. Commands may be pipelined. What a client must never do, as a literal without consent where none is offered,
// is kept as Misuse.
//
// It shares no code with what it tests, and knows the standard library only. The parser reads the wire as the grammar
// has it, one token after the other (read.go), so that a literal streams and a fault can strike within it.
package imapserver

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// Options say how the server listens.
type Options struct {
	// TLS offers STARTTLS, or TLS from the first octet with Implicit; nil: plain text only.
	TLS      *tls.Config
	Implicit bool
}

// Server serves mailboxes. It is safe for use by several goroutines.
type Server struct {
	profile  Profile
	options  Options
	listener net.Listener
	wait     sync.WaitGroup
	ended    chan struct{}

	mu        sync.Mutex
	mailboxes map[string]*Mailbox
	conns     map[net.Conn]struct{}
	misuse    []string
	closed    bool
	late      int        // appends that are stored later
	settled   *sync.Cond // late has become zero
}

// Start starts a server, which ends with the test.
func Start(t testing.TB, p Profile, o Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return StartOn(t, l, p, o)
}

// StartOn is Start with a listener of the test's own, whose address must be that of a TCP port.
func StartOn(t testing.TB, l net.Listener, p Profile, o Options) *Server {
	t.Helper()
	s := &Server{profile: p, options: o, listener: l, ended: make(chan struct{}), mailboxes: map[string]*Mailbox{},
		conns: map[net.Conn]struct{}{}}
	s.settled = sync.NewCond(&s.mu)
	s.wait.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

// Addr is where clients connect to.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Host is the server's address.
func (s *Server) Host() string { return "127.0.0.1" }

// Port is the server's port.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Profile is what kind of server it is.
func (s *Server) Profile() Profile { return s.profile }

// Mailbox gives the mailbox of a user, and makes it with the password if it is not there.
func (s *Server) Mailbox(user, password string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mailboxes[user] == nil {
		s.mailboxes[user] = newMailbox(s, user, password)
	}
	return s.mailboxes[user]
}

// signIn gives the mailbox, or nil. A master opens that of the authorization identity.
func (s *Server) signIn(authzid, user, password string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.mailboxes[user]
	good := authzid == "" && b != nil && b.password == password
	if master, ok := s.profile.Masters[user]; ok && authzid != "" {
		b = s.mailboxes[authzid]
		good = b != nil && master == password
	}
	if !good {
		return nil
	}
	b.count(func(c *Counts) { c.Connections++ })
	return b
}

// Misuse lists what clients did that no client may do.
func (s *Server) Misuse() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.misuse...)
}

func (s *Server) misused(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misuse = append(s.misuse, fmt.Sprintf(format, args...))
}

// Settle waits until everything is stored that Profile.LateBy has delayed.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.late > 0 {
		s.settled.Wait()
	}
}

// later stores after Profile.LateBy, or when the mailbox is told to.
func (s *Server) later(b *Mailbox, store func()) {
	if s.profile.Held {
		b.mu.Lock()
		b.held = append(b.held, store)
		b.mu.Unlock()
		return
	}
	s.mu.Lock()
	s.late++
	s.mu.Unlock()
	s.wait.Go(func() { // one goroutine that counts runs already
		if s.passes(s.profile.LateBy) {
			store()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.late--
		s.settled.Broadcast()
	})
}

// passes waits, and tells whether the server still lives then.
func (s *Server) passes(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ended:
		return false
	}
}

func (s *Server) accept() {
	for {
		n, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = n.Close()
			return
		}
		s.conns[n] = struct{}{}
		s.wait.Go(func() { s.serve(n) })
		s.mu.Unlock()
	}
}

func (s *Server) serve(n net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, n)
		s.mu.Unlock()
		_ = n.Close()
	}()
	c := newConn(s, n)
	if s.options.TLS != nil && s.options.Implicit {
		c.encrypt(tls.Server(n, s.options.TLS))
	}
	c.run()
}

func (s *Server) close() {
	s.mu.Lock()
	s.closed = true
	close(s.ended)
	for n := range s.conns {
		_ = n.Close() // a connection that has gone already needs none
	}
	s.mu.Unlock()
	_ = s.listener.Close() // accept ends
	s.wait.Wait()
}
