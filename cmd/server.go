package cmd

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/ews"
	"mailhaul/executor/graph"
	"mailhaul/executor/imap"
	"mailhaul/executor/oauth"
)

// server is one endpoint with what all its sessions share.
type server struct {
	*config.Endpoint
	slots     chan struct{} // one for each connection that may be open
	spare     int           // connections that no mailbox needs to begin with; guarded by endpoints.mu
	limits    *executor.Limits
	ahead     atomic.Pointer[ahead] // nil: none, or taken
	roots     *x509.CertPool
	bandwidth *executor.Share          // nil: no limit
	tokens    map[string]*oauth.Source // by transport; none: passwords sign in
	exchange  *ews.Service             // for the transport "ews"
	graph     *graph.Service           // for the transport "graph"
	traces    *traces                  // nil: no trace
	tell      func(string)             // shows a sentence to whoever sits there
}

func newServer(block *config.Endpoint) (*server, error) {
	s := &server{Endpoint: block, slots: make(chan struct{}, max(1, block.Connections)), tell: func(string) {},
		limits: executor.NewLimits(nil, nil)}
	if block.CAFile != "" {
		roots, err := trust(block.CAFile)
		if err != nil {
			return nil, err
		}
		s.roots = roots
	}
	if block.Bandwidth > 0 {
		s.bandwidth = executor.NewShare(float64(block.Bandwidth))
	}
	if block.Microsoft365 == nil {
		return s, nil
	}
	return s, s.newTransports(func(text string) { s.tell(text) })
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

// leave counts a mailbox's connection that is open now, and gives what gives it back, once.
func (s *server) leave(mailbox string) func() {
	closed := s.limits.Opened(s.Ref(), mailbox)
	return sync.OnceFunc(func() {
		closed()
		<-s.slots
	})
}

// silent tells that a mailbox waits for the server, which says nothing.
func (s *server) silent(mailbox, side string) func(left time.Duration) {
	return func(left time.Duration) { s.limits.Silent(s.Ref(), mailbox, side, left) }
}

// trace begins the trace of a session that speaks no IMAP.
func (s *server) trace(mailbox string) io.Writer {
	if file := s.traces.open("destination", mailbox); file != nil {
		return file
	}
	return nil
}

// options says how a session of one mailbox is opened.
func (s *server) options(l config.Login, trace *traceFile) imap.Options {
	o := imap.Options{Host: s.Host, Port: s.Port, TLS: string(s.TLS), RootCAs: s.roots, PinSHA256: s.PinSHA256,
		Compress: s.Compress, Login: s.login(l), Habits: habits(s.Endpoint), Literals: l.Literals, Dial: s.dial}
	if s.bandwidth != nil {
		o.Bandwidth = s.bandwidth.Of(l.Address)
	}
	if trace != nil {
		o.Trace = trace
	}
	return o
}

// login says who signs in to open the mailbox.
func (s *server) login(l config.Login) imap.Login {
	if tokens := s.tokens[config.TransportIMAP]; tokens != nil {
		return imap.Login{User: l.Username, Tokens: tokens} // the mailbox, whoever the token was issued to
	}
	if s.Admin == nil {
		return imap.Login{User: l.Username, Password: l.Password.Reveal()}
	}
	in := imap.Login{User: s.Admin.User, Password: s.Admin.Password.Reveal(), Hidden: hiddenUser(s.Admin)}
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

// hiddenUser is the administrator's name where nobody may see it.
func hiddenUser(a *config.Admin) string {
	if a.Hidden {
		return a.User
	}
	return ""
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
