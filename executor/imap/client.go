// Package imap reads and writes mailboxes over IMAP (RFC 3501, RFC 9051). It is the path all mail takes, and made for
// two things: to be exact about what is known, and to keep the wire full.
//
// Start with DialSource or DialDestination; a Visit takes the steps of a session one by one. A Source has no method that writes, and every command of a session passes
// client.begin, which refuses what a source must never send. Both follow the contracts of executor.Source and
// executor.Destination, without importing them.
//
// What is ours and what is go-imap's. The connection is ours: TLS, deadlines, limits, trace (dial.go, conn.go). go-imap
// signs in, behind a bridge that hands it clean lines only (signin.go). All that follows goes through the tolerant
// reader and the typed writer here, for three reasons that were measured: go-imap waits for a continuation on every
// APPEND above 4096 octets even with LITERAL+, one odd folder name or response code costs it the connection, and a body
// cut off by a disconnect looks whole to it.
//
// Rules of the reader (read.go, token.go, response.go). A line that can't be understood spoils one response, never the
// connection. Folder names are octets and go back as they came. Every line, literal and wait has a limit; memory grows
// with what arrives, not with what is announced. Literals of bodies stream to the sink.
//
// Rules of the appender (append.go, inflight.go): an outcome is Landed after a tagged OK only, Absent after a tagged NO
// or BAD, a missing continuation, or when the literal's last octet was never passed to the connection's Write, which
// link counts; all else is Unknown, and the connection is then reset.
//
// It retries nothing. Errors are *mail.Error, made in errors.go.
package imap

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// The values of Options.TLS.
const (
	TLSImplicit = "implicit"
	TLSStart    = "starttls"
	TLSNone     = "none"
)

// Options say how a session is opened. Host and Login are needed; all else has a default.
type Options struct {
	Host string
	Port int    // zero: 993 for implicit TLS, else 143
	TLS  string // TLSImplicit if empty
	// RootCAs are the issuers to trust; nil: those of the system.
	RootCAs *x509.CertPool
	// PinSHA256 are the SHA-256 of server certificates in hex; if there are any, the server's own certificate must be
	// one of them, and issuer, name and dates are not looked at.
	PinSHA256 []string
	Login     Login
	Timeouts  Timeouts
	// Trace gets the protocol with secrets and message bodies left out. Writes to it are never concurrent within one
	// session.
	Trace io.Writer
	// Silent is told that the server has given no session for ten seconds, and for how long it is still waited for; nil:
	// nobody is. It is called on a goroutine of its own.
	Silent func(left time.Duration)
	// Bandwidth bounds the octets in both directions together; nil: nothing does. Sessions may share one bound.
	Bandwidth Limiter
	// Habits are those of the kind of server that it is.
	Habits Habits
	// Late is shared by the sessions of one destination mailbox, for servers with the habit FlagAfter; nil: each session has
	// its own.
	Late *LateFlags
	// Compress asks for COMPRESS=DEFLATE where the server offers it. It pays on lines that are slower than either side's
	// processor, and only costs on others.
	Compress bool
	// Literals sends every folder name as a literal, for servers that can't read quotes and backslashes in a quoted string.
	Literals bool
	// Dial opens the connection beneath TLS; nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Limiter lets so many octets pass when their time has come.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// Login is who signs in. With AuthzID, User signs in and the mailbox of AuthzID is opened (SASL PLAIN, RFC 4616). With
// Tokens there is no password: a token opens the mailbox of User (XOAUTH2), and is asked for at each sign-in.
type Login struct {
	User     string
	AuthzID  string
	Password string
	Tokens   Tokens
	// Hidden is cut out of what the server says, as the password is; empty: nothing more.
	Hidden string
}

// Format keeps the password out of every verb.
func (l Login) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "login of "+l.User) }

// MarshalJSON keeps the password out of JSON.
func (l Login) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(l)) }

// Timeouts bound every wait. Zero fields have the defaults that stand beside them.
type Timeouts struct {
	Dial     time.Duration // 30 s: to connect
	Progress time.Duration // 60 s: without one octet while an answer is awaited
}

const (
	defaultDial     = 30 * time.Second
	defaultProgress = 60 * time.Second
)

// client is one signed-in session. One goroutine at a time uses it; the answers to APPEND are read by another.
type client struct {
	opts  Options
	link  *link
	in    *reader
	out   *writer
	trace *tracer
	tags  *tagger
	// readOnly is set for sources, erases for the session of an undo; they decide in begin.
	readOnly bool
	erases   bool
	caps     capabilities
	shown    []*x509.Certificate // by the server, the last time TLS was set up
	hello    string              // the greeting's words
	method   string              // how it signed in
	token    string              // with which it signed in; empty: with a password
	ends     time.Time           // of the token; zero: not known
	// spaces are known once introduced is set.
	spaces     namespaces
	introduced bool
	selected   selection

	mu   sync.Mutex
	dead error // why the session can't go on; nil while it can
}

// connect opens and signs in a session.
func connect(ctx context.Context, opts Options, readOnly bool) (*client, error) {
	opts = opts.withDefaults()
	for again := false; ; again = true {
		c, token, err := open(ctx, opts, readOnly)
		tokens := opts.Login.Tokens
		if err == nil || again || tokens == nil || mail.KindOf(err) != mail.Auth || token == "" || !tokens.Refused(token) {
			return c, err
		}
		// The token was not as good as was thought, by the server's clock for one; the next one shall try.
	}
}

// open opens and signs in a session, and gives the token that it used.
func open(ctx context.Context, opts Options, readOnly bool) (opened *client, token string, err error) {
	bare := &client{opts: opts}
	if err := bare.fetchToken(ctx); err != nil {
		return nil, "", err
	}
	answered := opts.watch(opts.Timeouts.Dial)
	conn, err := dial(ctx, opts)
	answered()
	if err != nil {
		return nil, "", err
	}
	defer opts.watch(opts.Timeouts.Progress)()
	c := newClient(opts, conn, readOnly)
	c.token, c.ends = bare.token, bare.ends
	stop := c.guard(ctx)
	defer stop()
	if err := c.establish(ctx); err != nil {
		c.kill(err)
		return nil, c.token, c.reason(ctx, err)
	}
	return c, c.token, nil
}

// silence is how long a server may take before somebody is told.
const silence = 10 * time.Second

// watch tells of a server that is waited for in silence, for so long at most. answered ends that.
func (o Options) watch(most time.Duration) (answered func()) {
	if o.Silent == nil || most <= silence {
		return func() {}
	}
	timer := time.AfterFunc(silence, func() { o.Silent(most - silence) })
	return func() { timer.Stop() }
}

func (o Options) withDefaults() Options {
	if o.TLS == "" {
		o.TLS = TLSImplicit
	}
	if o.Port == 0 {
		o.Port = 143
		if o.TLS == TLSImplicit {
			o.Port = 993
		}
	}
	if o.Timeouts.Dial == 0 {
		o.Timeouts.Dial = defaultDial
	}
	if o.Timeouts.Progress == 0 {
		o.Timeouts.Progress = defaultProgress
	}
	return o
}

func newClient(opts Options, conn net.Conn, readOnly bool) *client {
	l := newLink(conn, opts)
	t := newTracer(opts.Trace)
	return &client{opts: opts, link: l, in: newReader(l, t), out: newWriter(l, t), trace: t, tags: newTagger(),
		readOnly: readOnly}
}

// establish goes from the open connection to a session that knows its server.
func (c *client) establish(ctx context.Context) error {
	if c.opts.TLS == TLSImplicit {
		if err := c.handshake(ctx); err != nil {
			return err
		}
	}
	if err := c.greeting(); err != nil {
		return err
	}
	if c.opts.TLS == TLSStart {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if err := c.capability(); err != nil {
		return err
	}
	if err := c.signIn(); err != nil {
		return err
	}
	// Servers announce other capabilities after sign-in (RFC 9051, 6.2.3).
	if err := c.capability(); err != nil {
		return err
	}
	if err := c.connected(); err != nil {
		return err
	}
	return c.compress()
}

// guard makes the end of ctx cut the connection, so that no call blocks past it. The result ends the guard.
func (c *client) guard(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { c.link.cut(context.Cause(ctx)) })
	return func() { stop() }
}

// enter begins a call: it says why a dead session can't serve it, and guards it.
func (c *client) enter(ctx context.Context, op string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return nil, &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: c.dead}
	}
	return c.guard(ctx), nil
}

// reason gives the error of a call: where its context ended, that is the cause, whatever the connection said.
func (c *client) reason(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return &mail.Error{Op: "use connection", Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: context.Cause(ctx)}
}

// kill ends the session with a reset; only the first reason is kept.
func (c *client) kill(err error) {
	c.mu.Lock()
	if c.dead == nil {
		c.dead = err
	}
	c.mu.Unlock()
	c.link.cut(err)
}

// fatal kills the session and gives the error back.
func (c *client) fatal(err error) error {
	c.kill(err)
	return err
}

// close signs out and releases the connection. It may be called twice.
func (c *client) close() error {
	c.mu.Lock()
	dead := c.dead
	if dead == nil {
		c.dead = net.ErrClosed
	}
	c.mu.Unlock()
	if dead == nil {
		c.logout()
	}
	c.link.cut(net.ErrClosed)
	return nil
}

// logoutWait bounds the goodbye to a server that takes nothing.
const logoutWait = 2 * time.Second

// logout says goodbye and does not wait for the answer, which is a round trip: a next session needs several to get as far
// as the server's count of sessions, and by then this one has ended. It is a courtesy; its failure means nothing.
func (c *client) logout() {
	timer := time.AfterFunc(logoutWait, func() { c.link.cut(net.ErrClosed) })
	defer timer.Stop()
	if _, err := c.send(newCommand("LOGOUT")); err == nil {
		c.link.finish()
	}
}
