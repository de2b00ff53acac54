// Package demo is what `mailhaul demo` migrates: small IMAP servers inside the process and awkward mail to fill them
// with. A Server keeps messages octet for octet, flags as they were written and INTERNALDATE with its zone, so that a copy
// can be judged exactly.
//
// It is no server for real mail: everything is in memory, only what a client names is ever removed, and it listens on loopback only.
// Start with NewServer, fill with Seed or Deliver, judge with Compare.
package demo

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"mailhaul/state/mail"
)

// Options say what server is wanted.
type Options struct {
	// Users are the mailboxes by user name, with their passwords.
	Users map[string]string
	// Delimiter stands between the levels of folder names; zero: "/".
	Delimiter rune
	// TLS is for TLS from the first octet; nil: no TLS.
	TLS *tls.Config
}

// Refuse says why a message is refused; an empty text takes it.
type Refuse func(user, folder string, m Message) string

// Server is a running server. It is safe for use by several goroutines.
type Server struct {
	listener  net.Listener
	imap      *imapserver.Server
	delimiter rune
	served    chan struct{}

	mu        sync.Mutex
	passwords map[string]string
	users     map[string]*account
	refuse    Refuse
	validity  uint32
	stats     Stats
}

// Stats count what clients did since the server started.
type Stats struct {
	SignIns, Fetched, Appended, Refused int
}

// NewServer starts a server on a loopback port of its own choice. Every user has an empty INBOX. Close must be called.
func NewServer(opts Options) (*Server, error) {
	s := &Server{delimiter: opts.Delimiter, passwords: maps.Clone(opts.Users), users: make(map[string]*account),
		validity: 1000, served: make(chan struct{})}
	if s.delimiter == 0 {
		s.delimiter = '/'
	}
	for user := range opts.Users {
		s.users[user] = &account{}
		s.makeFolder(s.users[user], mail.Path{"INBOX"}, mail.RoleNone)
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	if opts.TLS != nil {
		s.listener = tls.NewListener(s.listener, opts.TLS)
	}
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &session{server: s}, nil, nil
		},
		Caps:         capabilities(),
		Logger:       log.New(io.Discard, "", 0), // clients that hang up are no news
		InsecureAuth: true,
	})
	go func() {
		defer close(s.served)
		_ = s.imap.Serve(s.listener) // it ends when Close closes the listener
	}()
	return s, nil
}

func capabilities() imap.CapSet {
	set := make(imap.CapSet)
	for _, c := range []imap.Cap{imap.CapIMAP4rev1, imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch,
		imap.CapListExtended, imap.CapListStatus, imap.CapStatusSize, imap.CapChildren, imap.CapSpecialUse,
		imap.CapCreateSpecialUse, imap.CapLiteralPlus} {
		set[c] = struct{}{}
	}
	return set
}

// Close ends the server and every connection.
func (s *Server) Close() error {
	err := s.imap.Close()
	<-s.served
	return err
}

// Host is the address that the server listens on.
func (s *Server) Host() string { return "127.0.0.1" }

// Port is the port that the server listens on.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Addr is host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// SetPassword changes a user's password for later sign-ins.
func (s *Server) SetPassword(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[user] = password
}

// Rename gives a user another name; mail and password stay. Sessions that are open are not touched.
func (s *Server) Rename(user, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[to], s.passwords[to] = s.users[user], s.passwords[user]
	delete(s.users, user)
	delete(s.passwords, user)
}

// SetRefuse makes the server refuse messages; nil mends it.
func (s *Server) SetRefuse(refuse Refuse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

// Stats tells what clients did so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}
