package check

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// The values of Server.TLS.
const (
	TLSImplicit = "implicit"
	TLSStart    = "starttls"
	TLSNone     = "none"
)

// Limiter lets so many octets pass when their time has come.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// Server says how one side of a mailbox is reached and who signs in. Host, Port and User are needed, or Web.
type Server struct {
	Web  *Web // nil: it is reached by IMAP
	Host string
	Port int
	TLS  string // TLSImplicit if empty
	// RootCAs are the issuers to trust; nil: those of the system.
	RootCAs *x509.CertPool
	// PinSHA256 are the SHA-256 of server certificates in hex. If there are any, the server's own certificate must be
	// one of them, and issuer, name and dates are not looked at.
	PinSHA256 []string
	User      string
	AuthzID   string // whose mailbox is opened, where User is an administrator (RFC 4616)
	Password  string
	// Token gives an access token that signs in to the mailbox of User in place of a password (XOAUTH2); nil: there is none.
	Token func(ctx context.Context) (string, error)
	// Refused is told a token that the server did not take, and tells whether the next one may fare better; nil: it may not.
	Refused func(token string) bool
	// Connect waits until one more connection may be open; release gives it back. Nil: there is no limit.
	Connect func(ctx context.Context) (release func(), err error)
	// Bandwidth bounds the octets read; nil: no limit.
	Bandwidth Limiter
	// Trace begins a record of a session without secrets and bodies; nil, or a nil writer: none.
	Trace func() io.Writer
	// Literals sends folder names as literals, for servers that can't read quotes in a quoted string.
	Literals bool
	// Silence is how long the server may send nothing; zero: a minute.
	Silence time.Duration
}

// String keeps the password out of every format verb.
func (s Server) String() string { return "server " + s.address() }

// GoString does what String does.
func (s Server) GoString() string { return s.String() }

func (s Server) address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// conn is one signed-in session. One goroutine uses it, and every command waits for its answer.
type conn struct {
	server  Server
	socket  net.Conn
	net     net.Conn // socket, or TLS over it
	in      *bufio.Reader
	trace   io.Writer
	prefix  string // of tags: one that nobody guesses can't be put into a message or a greeting
	tags    int
	hush    bool // what is said now is a secret
	token   string
	caps    []string
	release func()
	// aside counts the octets that an answer brought beside bodies, and most bounds them; expected are the messages that
	// the next command is about.
	aside, most int64
	expected    int
}

// dial connects and signs in.
func dial(ctx context.Context, s Server) (*conn, error) {
	c := &conn{server: s, prefix: rand.Text()[:6], release: func() {}}
	if s.Connect != nil {
		release, err := s.Connect(ctx)
		if err != nil {
			return nil, err
		}
		c.release = release
	}
	if s.Trace != nil {
		c.trace = s.Trace()
	}
	err := c.askToken(ctx)
	if err == nil {
		err = c.open(ctx)
	}
	if err == nil {
		defer c.guard(ctx)()
		err = c.establish(ctx)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *conn) askToken(ctx context.Context) (err error) {
	if c.server.Token != nil {
		c.token, err = c.server.Token(ctx)
	}
	return err
}

const dialTime = 30 * time.Second

func (c *conn) open(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	n, err := (&net.Dialer{}).DialContext(limited, "tcp", c.server.address())
	if err != nil {
		return &mail.Error{Op: "connect to " + c.server.address(), Kind: mail.Transient, Code: mail.CodeIMAPConnect, Err: err}
	}
	c.socket = n
	c.use(&patient{Conn: n, silence: c.server.Silence, limit: c.server.Bandwidth})
	return nil
}

// guard lets the end of ctx end the connection, so that nothing blocks past it. The result ends the guard.
func (c *conn) guard(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { _ = c.socket.Close() }) // it is given up; nothing depends on how
	return func() { stop() }
}

func (c *conn) use(n net.Conn) { c.net, c.in = n, bufio.NewReaderSize(n, 64<<10) }

// establish goes from the open connection to a session.
func (c *conn) establish(ctx context.Context) error {
	if c.server.TLS == TLSImplicit || c.server.TLS == "" {
		if err := c.handshake(ctx); err != nil {
			return err
		}
	}
	r, err := c.next(nil)
	if err != nil {
		return c.lost("read greeting", err)
	}
	greeting := strings.ToUpper(r.text)
	if strings.HasPrefix(greeting, "* BYE") { // too many connections, or a server that is starting
		return &mail.Error{Op: "read greeting", Kind: mail.Transient, Code: mail.CodeIMAPGreeting, Text: cutText(r.text)}
	}
	if !strings.HasPrefix(greeting, "* OK") {
		return &mail.Error{Op: "read greeting", Kind: mail.Auth, Code: mail.CodeIMAPGreeting, Text: cutText(r.text)}
	}
	if c.server.TLS == TLSStart {
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
	return c.capability() // servers announce other capabilities after sign-in
}

// startTLS accepts nothing less than TLS. Octets that came with the answer are an injection.
func (c *conn) startTLS(ctx context.Context) error {
	if err := c.run("start TLS", "STARTTLS", nil, nil); err != nil {
		return err
	}
	if c.in.Buffered() > 0 {
		return &mail.Error{Op: "start TLS", Kind: mail.Auth, Code: mail.CodeIMAPPlaintext,
			Err: errors.New("the server sent more in plain text after agreeing to STARTTLS")}
	}
	return c.handshake(ctx)
}

func (c *conn) handshake(ctx context.Context) error {
	config := &tls.Config{ServerName: c.server.Host, MinVersion: tls.VersionTLS12, RootCAs: c.server.RootCAs}
	if pins := c.server.PinSHA256; len(pins) > 0 {
		config.InsecureSkipVerify = true // in favour of the pin, which VerifyConnection demands
		config.VerifyConnection = func(s tls.ConnectionState) error { return verifyPin(s, pins) }
	}
	t := tls.Client(c.net, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return &mail.Error{Op: "start TLS", Kind: mail.Auth, Code: mail.CodeIMAPTLS, Err: err}
	}
	c.use(t)
	return nil
}

func verifyPin(s tls.ConnectionState, pins []string) error {
	if len(s.PeerCertificates) > 0 {
		sum := sha256.Sum256(s.PeerCertificates[0].Raw)
		for _, pin := range pins {
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(pin), ":", ""), hex.EncodeToString(sum[:])) {
				return nil
			}
		}
	}
	return errors.New("the server's certificate is not the pinned one")
}

func (c *conn) capability() error {
	return c.run("ask for capabilities", "CAPABILITY", nil, func(r response) {
		if words := strings.Fields(strings.ToUpper(r.text)); len(words) > 1 && words[1] == "CAPABILITY" {
			c.caps = words[2:]
		}
	})
}

func (c *conn) has(capability string) bool { return slices.Contains(c.caps, capability) }

// signIn sends the password once, by the best method that the server offers. The server's words are not kept: some
// repeat what they were sent.
func (c *conn) signIn() error {
	const op = "sign in"
	if _, encrypted := c.net.(*tls.Conn); !encrypted && c.server.TLS != TLSNone {
		return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeIMAPPlaintext, Err: errors.New("the connection is not encrypted")}
	}
	c.hush = true
	defer func() { c.hush = false }()
	s := c.server
	var err error
	switch {
	case c.token != "":
		// The last part answers the challenge with which a refusal is explained.
		err = c.exchange(op, []string{"AUTHENTICATE XOAUTH2", encoded("user=" + s.User + "\x01auth=Bearer " + c.token + "\x01\x01"), ""}, nil, nil)
	case c.has("AUTH=PLAIN"):
		err = c.exchange(op, []string{"AUTHENTICATE PLAIN", encoded(s.AuthzID + "\x00" + s.User + "\x00" + s.Password)}, nil, nil)
	case s.AuthzID == "" && !c.has("LOGINDISABLED"):
		err = c.exchange(op, quoted("LOGIN", s.User, s.Password), nil, nil)
	case s.AuthzID == "" && c.has("AUTH=LOGIN"):
		err = c.exchange(op, []string{"AUTHENTICATE LOGIN", encoded(s.User), encoded(s.Password)}, nil, nil)
	default:
		return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeIMAPSignInMethod,
			Err: errors.New("the server offers no method of signing in that can be used here")}
	}
	var refused *refusal
	if !errors.As(err, &refused) {
		return err
	}
	if e := notNow(op, err); e != nil {
		return e
	}
	return c.notSignedIn(op)
}

// The words and codes (RFC 5530) by which servers put a sign-in off, whoever it is. They are looked for and not kept.
var (
	crowdedWords = regexp.MustCompile(`(?i)^\[LIMIT\b|too many (simultaneous )?connections|maximum number of connections|connection limit|number of concurrent`)
	laterWords   = regexp.MustCompile(`(?i)^\[(UNAVAILABLE|INUSE|SERVERBUG)\b|temporar|try again later|server unavailable`)
)

// notNow is the error of a sign-in that may be taken later; nil: the refusal is about user or password.
func notNow(op string, err error) error {
	var e *mail.Error
	switch {
	case !errors.As(err, &e):
		return nil
	case crowdedWords.MatchString(e.Text):
		return &mail.Error{Op: op, Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Err: errors.New("the server takes no more connections")}
	case laterWords.MatchString(e.Text):
		return &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPUnavailable, Err: errors.New("the server can't sign anybody in now")}
	}
	return nil
}

// notSignedIn is the error of a refused sign-in. A token is given up, since it would be given out again until its time has
// come: it may have been taken back before.
func (c *conn) notSignedIn(op string) error {
	if c.token == "" {
		return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeIMAPLogin, Err: errors.New("the server refused user name or password")}
	}
	e := &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeM365SignIn, Err: errors.New("the server refused the token")}
	if c.server.Refused != nil && c.server.Refused(c.token) {
		e.Kind = mail.Transient
	}
	return e
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// close releases the connection; LOGOUT is a courtesy, and its answer is not waited for.
func (c *conn) close() {
	if c.net != nil {
		_ = c.net.SetWriteDeadline(time.Now().Add(time.Second)) // the connection ends either way
		_, _ = fmt.Fprintf(c.net, "%s-bye LOGOUT\r\n", c.prefix)
		_ = c.net.Close()
	}
	c.release()
	c.release = func() {}
}

func (c *conn) lost(op string, err error) error {
	e := &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPLost, Err: err}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		e.Code, e.Err = mail.CodeIMAPTimeout, errors.New("the server sent nothing for too long")
	}
	return e
}

// atOnce is how many octets are read at a time where there is a limit.
const atOnce = 64 << 10

// patient gives every read and write its own deadline and keeps to the bandwidth.
type patient struct {
	net.Conn
	silence time.Duration
	limit   Limiter
}

func (p *patient) until() time.Time {
	if p.silence == 0 {
		return time.Now().Add(time.Minute)
	}
	return time.Now().Add(p.silence)
}

func (p *patient) Read(b []byte) (int, error) {
	if p.limit != nil {
		b = b[:min(len(b), atOnce)]
	}
	if err := p.SetReadDeadline(p.until()); err != nil {
		return 0, err
	}
	n, err := p.Conn.Read(b)
	// A wait for the limit is short: b is small.
	if p.limit == nil || n == 0 {
		return n, err
	}
	return n, errors.Join(err, p.limit.WaitN(context.Background(), n))
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(p.until()); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}
