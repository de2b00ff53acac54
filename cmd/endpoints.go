package cmd

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// endpoints opens the sessions of a configuration: the one place that turns its blocks into connections.
type endpoints struct {
	mailboxes map[string]*config.Mailbox // by name
	servers   map[*config.Endpoint]*server
	traces    *traces // nil: no trace
}

// server is one endpoint with what all its sessions share.
type server struct {
	*config.Endpoint
	slots     chan struct{} // one for each connection that may be open
	roots     *x509.CertPool
	bandwidth *rate.Limiter
	appends   *rate.Limiter
}

// newEndpoints prepares the servers; nothing is contacted yet. The traces go into a directory if one is named.
func newEndpoints(cfg *config.Config, traceDir string) (*endpoints, error) {
	e := &endpoints{mailboxes: map[string]*config.Mailbox{}, servers: map[*config.Endpoint]*server{}}
	for _, m := range cfg.Mailboxes {
		e.mailboxes[m.Name()] = m
	}
	for _, block := range cfg.Endpoints {
		s, err := newServer(block)
		if err != nil {
			return nil, err
		}
		e.servers[block] = s
	}
	if traceDir == "" {
		return e, nil
	}
	if err := os.MkdirAll(traceDir, 0o700); err != nil {
		return nil, fail("CONFIG-FILE", "the directory for traces can't be made", sentence(err))
	}
	e.traces = &traces{dir: traceDir}
	return e, nil
}

func newServer(block *config.Endpoint) (*server, error) {
	s := &server{Endpoint: block, slots: make(chan struct{}, max(1, block.Connections))}
	if block.CAFile != "" {
		roots, err := trust(block.CAFile)
		if err != nil {
			return nil, err
		}
		s.roots = roots
	}
	if block.Bandwidth > 0 {
		// A burst of a second lets a full window of APPENDs leave at once.
		s.bandwidth = rate.NewLimiter(rate.Limit(block.Bandwidth), int(max(block.Bandwidth, 64<<10)))
	}
	if block.MessagesPerSecond > 0 {
		s.appends = rate.NewLimiter(rate.Limit(block.MessagesPerSecond), block.MessagesPerSecond)
	}
	return s, nil
}

// trust adds a file of certificates to those of the system.
func trust(file string) (*x509.CertPool, error) {
	octets, err := os.ReadFile(file)
	if err != nil {
		return nil, fail("CONFIG-FILE", "ca_file can't be read", sentence(err))
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a machine without certificates of its own
	}
	if !roots.AppendCertsFromPEM(octets) {
		return nil, fail("CONFIG-FILE", fmt.Sprintf("ca_file %s holds no certificate", file),
			"It must be in PEM form, with lines that say BEGIN CERTIFICATE.")
	}
	return roots, nil
}

// Source opens the mailbox for reading.
func (e *endpoints) Source(ctx context.Context, mailbox string) (executor.Source, error) {
	m, err := e.find(mailbox)
	if err != nil {
		return nil, err
	}
	s := e.servers[m.From]
	return open(ctx, s, func() (executor.Source, error) {
		session, err := imap.DialSource(ctx, s.options(m.Source, e.traces.open("source", mailbox)))
		if err != nil {
			return nil, err
		}
		return &source{session, s.leave()}, nil
	})
}

// Destination opens the mailbox for writing.
func (e *endpoints) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	m, err := e.find(mailbox)
	if err != nil {
		return nil, err
	}
	s := e.servers[m.To]
	return open(ctx, s, func() (executor.Destination, error) {
		session, err := imap.DialDestination(ctx, s.options(m.Destination, e.traces.open("destination", mailbox)))
		if err != nil {
			return nil, err
		}
		return &destination{session, s.leave()}, nil
	})
}

func (e *endpoints) find(mailbox string) (*config.Mailbox, error) {
	if m := e.mailboxes[mailbox]; m != nil {
		return m, nil
	}
	return nil, &mail.Error{Op: "find mailbox", Kind: mail.Refused, Code: mail.Code(config.CodeReference),
		Text: mailbox + " is not in the configuration"}
}

// open waits for a free connection; a session that can't be opened gives it back.
func open[T any](ctx context.Context, s *server, dial func() (T, error)) (T, error) {
	var none T
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	session, err := dial()
	if err != nil {
		<-s.slots
		return none, err
	}
	return session, nil
}

// leave gives a connection back, once.
func (s *server) leave() func() { return sync.OnceFunc(func() { <-s.slots }) }

// source is a session that counts against its server's connections.
type source struct {
	*imap.Source
	leave func()
}

// Close ends the session and gives its connection back.
func (s *source) Close() error {
	defer s.leave()
	return s.Source.Close()
}

// destination is a session that counts against its server's connections.
type destination struct {
	*imap.Destination
	leave func()
}

// Close ends the session and gives its connection back.
func (d *destination) Close() error {
	defer d.leave()
	return d.Destination.Close()
}

// options says how a session of one mailbox is opened.
func (s *server) options(l config.Login, trace *traceFile) imap.Options {
	o := imap.Options{Host: s.Host, Port: s.Port, TLS: string(s.TLS), RootCAs: s.roots, PinSHA256: s.PinSHA256,
		Bandwidth: s.bandwidth, AppendRate: s.appends, Login: s.login(l)}
	if trace != nil {
		o.Trace = trace
	}
	return o
}

// login says who signs in to open the mailbox.
func (s *server) login(l config.Login) imap.Login {
	if s.Admin == nil {
		return imap.Login{User: l.Username, Password: l.Password.Reveal()}
	}
	in := imap.Login{User: s.Admin.User, Password: s.Admin.Password.Reveal()}
	switch s.Admin.Style {
	case config.StyleDovecotMaster:
		in.User = l.Username + "*" + s.Admin.User
	case config.StyleExchange:
		in.User = exchangeUser(s.Admin.User, l.Username)
	case config.StyleSASLPlain:
		in.AuthzID = l.Username
	}
	return in
}

// exchangeUser writes "domain/admin/alias", the form in which Exchange lets an administrator open a mailbox. The
// administrator may be written admin@domain, domain\admin or domain/admin; alone, the mailbox's domain is taken.
func exchangeUser(admin, mailbox string) string {
	alias, domain, _ := strings.Cut(mailbox, "@")
	name := admin
	if at := strings.IndexAny(admin, `\/`); at >= 0 {
		domain, name = admin[:at], admin[at+1:]
	} else if n, d, ok := strings.Cut(admin, "@"); ok {
		name, domain = n, d
	}
	return domain + "/" + name + "/" + alias
}
