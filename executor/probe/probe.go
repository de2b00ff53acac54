// Package probe looks at one server from the outside: it takes the steps that lead to a session one after the other,
// times each, and stops at the first that fails.
//
// Start with Run. What it gives is data: a Report with Steps, each with Facts in the order in which they are worth
// reading. Whoever shows them makes them safe for a terminal, for almost every text here is the server's.
//
// What it is not. It reads no configuration and no state file, and it opens no folder. It sends no password unless
// Options.Login is set, and then once, over TLS and after the certificate was found right: the session is an imap.Visit,
// which follows the rules that a migration follows, so what succeeds here succeeds there.
//
// Why steps and not one dial. "It does not work" has its cause in the name, the firewall, the port, the certificate, the
// protocol or the password, and each is mended by somebody else. A dial that fails names one cause; the steps before it
// show that it is not another.
package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"mailhaul/executor/imap"
)

// Options say what is looked at. Host and Port are needed; all else has a default.
type Options struct {
	Host string // a name or an address
	Port int
	TLS  string // as imap.Options has it; empty: imap.TLSImplicit
	// Timeout bounds every wait: for a name, for a connection, for an octet of an answer; a whole step takes four times as
	// long at most. Zero: 10 s.
	Timeout time.Duration
	// Login signs in; nil: no password is sent.
	Login *imap.Login
	// Roots are the issuers to trust; nil: those of the system.
	Roots *x509.CertPool
	// Resolver looks names up; nil: the system's.
	Resolver Resolver
	// Dial opens connections; nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Trace gets the protocol without secrets; nil: nobody does.
	Trace io.Writer
	// Now is the clock that certificates are held against; nil: time.Now.
	Now func() time.Time
}

// Resolver asks for names as *net.Resolver does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// The names of steps, in the order in which they are taken.
const (
	StepDNS          = "dns"
	StepTCP          = "tcp"
	StepTLS          = "tls"          // before the greeting with TLSImplicit, behind StepSTARTTLS with TLSStart
	StepGreeting     = "greeting"     //
	StepSTARTTLS     = "starttls"     // what the server can do before TLS; only with TLSStart
	StepCapabilities = "capabilities" // before sign-in
	StepSignIn       = "sign_in"      // this and the rest only with Options.Login
	StepIdentity     = "id"           // ID and namespaces, which are asked for in one go
	StepQuota        = "quota"
)

// Step is one step and what it showed.
type Step struct {
	Name  string
	Took  time.Duration
	Facts []Fact
	// Notes are sentences about what deserves a look, whether or not the step failed.
	Notes []string
	// Err says why the step failed; nil: it did not. It is the last step then.
	Err error
}

// Fact is one thing that a step showed. No Values: there is none, and that was found out.
type Fact struct {
	Name   string
	Values []string
	Took   time.Duration // zero: it has no time of its own
}

// Report is what was seen.
type Report struct {
	Host  string
	Port  int
	TLS   string
	Steps []Step
	// PasswordSent tells whether a sign-in was begun.
	PasswordSent bool
}

// Failed gives the step that failed, or nil.
func (r *Report) Failed() *Step {
	if len(r.Steps) == 0 || r.Steps[len(r.Steps)-1].Err == nil {
		return nil
	}
	return &r.Steps[len(r.Steps)-1]
}

// visitor is one probe on its way.
type visitor struct {
	Options
	report    *Report
	addresses []netip.Addr
	conn      net.Conn
	visit     *imap.Visit
}

// mostWaits is how many timeouts a step may take: a server that talks on and on keeps nobody.
const mostWaits = 4

var errEndless = errors.New("the server comes to no end")

// Run takes the steps up to the first that fails. Each ends by itself, or with ctx.
func Run(ctx context.Context, opts Options) *Report {
	v := newVisitor(opts)
	defer v.close()
	for _, step := range v.steps() {
		begin := time.Now()
		s := Step{Name: step.name}
		limited, cancel := context.WithTimeoutCause(ctx, mostWaits*v.Timeout, errEndless)
		s.Err = step.take(limited, &s)
		cancel()
		s.Took = time.Since(begin)
		v.report.Steps = append(v.report.Steps, s)
		if s.Err != nil {
			break
		}
	}
	return v.report
}

func newVisitor(opts Options) *visitor {
	if opts.TLS == "" {
		opts.TLS = imap.TLSImplicit
	}
	if opts.Timeout == 0 {
		opts.Timeout = 10 * time.Second
	}
	if opts.Resolver == nil {
		opts.Resolver = net.DefaultResolver
	}
	if opts.Dial == nil {
		opts.Dial = (&net.Dialer{}).DialContext
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &visitor{Options: opts, report: &Report{Host: opts.Host, Port: opts.Port, TLS: opts.TLS}}
}

// step is a step still to be taken; take fills what it showed.
type step struct {
	name string
	take func(context.Context, *Step) error
}

// steps are those of this visit, in order.
func (v *visitor) steps() []step {
	all := []step{{StepDNS, v.lookUp}, {StepTCP, v.connect}}
	switch v.TLS {
	case imap.TLSImplicit:
		all = append(all, step{StepTLS, v.handshake}, step{StepGreeting, v.greeting})
	case imap.TLSStart:
		all = append(all, step{StepGreeting, v.greeting}, step{StepSTARTTLS, v.plainCapabilities}, step{StepTLS, v.startTLS})
	default:
		all = append(all, step{StepGreeting, v.greeting})
	}
	all = append(all, step{StepCapabilities, v.capabilities})
	if v.Login != nil {
		all = append(all, step{StepSignIn, v.signIn}, step{StepIdentity, v.identity}, step{StepQuota, v.quota})
	}
	return all
}

// close releases the connection; what had to be told has been told.
func (v *visitor) close() {
	switch {
	case v.visit != nil:
		_ = v.visit.Close()
	case v.conn != nil:
		_ = v.conn.Close()
	}
}
