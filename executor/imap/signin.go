package imap

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"mailhaul/state/mail"
)

// signIn sends the password, by the best method that the server offers: AUTHENTICATE PLAIN, which takes any octets and
// an authorization identity; LOGIN; AUTHENTICATE LOGIN. It tries once: a second try with the same secret only brings a
// lockout nearer.
//
// go-imap conducts the exchange. It never touches the connection: the bridge gives it a greeting and answers in their
// plainest form, so that an odd answer costs nothing, and takes the session back after the tagged answer.
func (c *client) signIn() error {
	const op = "sign in"
	if c.opts.TLS != TLSNone && !c.link.encrypted() {
		return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeIMAPPlaintext, Err: errors.New("the connection is not encrypted")}
	}
	method, err := c.chooseMethod()
	if err != nil {
		return err
	}
	c.method = method.name
	c.in.hush = true
	defer func() { c.in.hush = false }()
	b := newBridge(c, method.name)
	b.begun = c.saslIR()
	b.greet(b.begun)
	lib := imapclient.New(b, nil)
	err = lib.WaitGreeting()
	if err == nil {
		err = method.run(lib)
	}
	return c.signedIn(b, lib, err)
}

// signedIn detaches go-imap and judges by what the bridge saw; go-imap's error counts only where nothing was answered.
func (c *client) signedIn(b *bridge, lib *imapclient.Client, err error) error {
	const op = "sign in"
	if !b.answered.Load() {
		c.link.cut(errors.New("sign-in broke off")) // go-imap's reader may wait on the connection
	}
	_ = lib.Close() // closes the bridge only
	switch {
	case b.fault != nil:
		return c.explain(op, b.fault)
	case !b.answered.Load():
		return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeIMAPSignInMethod, Err: fmt.Errorf("%s: %s", c.method, c.clean(err.Error()))}
	case b.status.verb != "OK":
		b.status.text = c.clean(b.status.text)
		e := c.classify(op, b.status, atSignIn)
		if c.token != "" && e.Kind == mail.Auth {
			return c.tokenRefused(e, b.explained)
		}
		if c.opts.Login.AuthzID != "" && e.Code == mail.CodeIMAPLogin && b.status.code == "" && mentionsAuthz(b.status.text) {
			e.Code = mail.CodeIMAPAdmin
		}
		return e
	}
	c.heard(b.status.capabilities())
	return nil
}

func mentionsAuthz(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "authoriz") || strings.Contains(text, "master") || strings.Contains(text, "not permitted")
}

// clean cuts the password, the token and a hidden name out of a server's words: some repeat what they were sent.
func (c *client) clean(text string) string {
	for _, secret := range []string{c.opts.Login.Password, c.token, c.opts.Login.Hidden} {
		if len(secret) < 4 {
			continue // would cut ordinary words to pieces and so tell the secret
		}
		text = strings.ReplaceAll(text, secret, "***")
		text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(secret)), "***")
	}
	return text
}

type method struct {
	name string
	run  func(*imapclient.Client) error
}

func (c *client) chooseMethod() (method, error) {
	l := c.opts.Login
	switch {
	case c.token != "":
		return c.tokenMethod()
	case c.caps.has("AUTH=PLAIN"):
		return method{"AUTHENTICATE PLAIN", func(lib *imapclient.Client) error {
			return lib.Authenticate(sasl.NewPlainClient(l.AuthzID, l.User, l.Password))
		}}, nil
	case l.AuthzID != "":
		return method{}, noMethod("the server does not offer AUTHENTICATE PLAIN, the only method in which one user can sign in for another")
	case !c.caps.has("LOGINDISABLED"):
		return method{"LOGIN", func(lib *imapclient.Client) error { return lib.Login(l.User, l.Password).Wait() }}, nil
	case c.caps.has("AUTH=LOGIN"):
		return method{"AUTHENTICATE LOGIN", func(lib *imapclient.Client) error { return lib.Authenticate(&saslLogin{l}) }}, nil
	case c.opts.TLS == TLSNone:
		return method{}, noMethod("the server takes no password without TLS (LOGINDISABLED)")
	}
	return method{}, noMethod("the server takes no password (LOGINDISABLED); it offers " + c.offered())
}

func noMethod(text string) error {
	return &mail.Error{Op: "sign in", Kind: mail.Auth, Code: mail.CodeIMAPSignInMethod, Err: errors.New(text)}
}

func (c *client) offered() string {
	var names []string
	for name := range c.caps {
		if mech, found := strings.CutPrefix(name, "AUTH="); found {
			names = append(names, mech)
		}
	}
	if len(names) == 0 {
		return "no method at all"
	}
	return strings.Join(names, ", ")
}

// maxInitial bounds an initial response: some servers take no line longer than about 1,000 octets.
const maxInitial = 900

func (c *client) saslIR() bool {
	l := c.opts.Login
	if c.token != "" {
		return c.caps.has("SASL-IR") && base64.StdEncoding.EncodedLen(len(l.User)+len(c.token)+32) <= maxInitialToken
	}
	return c.caps.has("SASL-IR") && base64.StdEncoding.EncodedLen(len(l.AuthzID)+len(l.User)+len(l.Password)+2) <= maxInitial
}

// saslLogin is the LOGIN mechanism (draft-murchison-sasl-login). That of go-sasl insists on an initial response, which
// the mechanism does not have. The prompts differ between servers and are not looked at.
type saslLogin struct{ l Login }

func (s *saslLogin) Start() (mech string, initial []byte, err error) { return "LOGIN", nil, nil }

func (s *saslLogin) Next([]byte) ([]byte, error) {
	if s.l.User == "" {
		return []byte(s.l.Password), nil
	}
	user := s.l.User
	s.l.User = ""
	return []byte(user), nil
}

var _ sasl.Client = (*saslLogin)(nil)

// bridge is the net.Conn that go-imap gets. What go-imap writes goes to the link with a tag of ours, unseen by the
// trace; what the server answers goes to go-imap reduced to its meaning.
type bridge struct {
	c      *client
	method string
	toLib  bytes.Buffer // read by go-imap's reader only, after greet
	head   []byte       // the command's first words, until they are complete
	passed bool         // the head is through
	tag    string
	libTag string

	begun     bool   // XOAUTH2: the token is on its way
	explained string // XOAUTH2: the status in the challenge that explains a refusal

	answered atomic.Bool
	status   status
	fault    error

	mu      sync.Mutex
	change  *sync.Cond
	written bool // since the last continuation
	closed  bool
}

func newBridge(c *client, method string) *bridge {
	b := &bridge{c: c, method: method}
	b.change = sync.NewCond(&b.mu)
	return b
}

// awaitTurn waits until go-imap has written, and tells whether it still listens.
func (b *bridge) awaitTurn() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.written && !b.closed {
		b.change.Wait()
	}
	return !b.closed
}

// turn says whose turn it is, or that it is nobody's any more.
func (b *bridge) turn(written, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written, b.closed = written, b.closed || closed
	b.change.Broadcast()
}

// greet is the greeting for go-imap: with capabilities inside, so that it asks for none.
func (b *bridge) greet(saslIR bool) {
	caps := "IMAP4rev1"
	if saslIR {
		caps += " SASL-IR"
	}
	for _, name := range []string{"LITERAL+", "LITERAL-"} {
		if b.c.caps.has(name) {
			caps += " " + name
		}
	}
	fmt.Fprintf(&b.toLib, "* OK [CAPABILITY %s] ready\r\n", caps)
}

// Read waits for the server's next answer once go-imap has read all before.
func (b *bridge) Read(p []byte) (int, error) {
	for b.toLib.Len() == 0 {
		if b.answered.Load() || b.fault != nil || !b.awaitTurn() {
			return 0, io.EOF
		}
		r, err := b.c.in.next()
		if err != nil {
			b.fault = err
			return 0, io.EOF
		}
		b.pass(r)
	}
	return b.toLib.Read(p)
}

// pass hands an answer on.
func (b *bridge) pass(r *response) {
	if r.kind == goOn {
		b.turn(false, false)
	}
	switch {
	case r.kind == goOn && b.method == "AUTHENTICATE LOGIN":
		b.toLib.WriteString("+ Pw==\r\n")
	case r.kind == goOn && b.method == methodToken && b.begun:
		b.heardChallenge(r.status.text)
		b.toLib.WriteString("+ Pw==\r\n")
	case r.kind == goOn:
		// PLAIN has no challenge and a literal's consent no meaning beyond itself: words after "+" are for people.
		b.begun = true
		b.toLib.WriteString("+\r\n")
	case r.kind == untagged && r.verb == "BYE":
		b.fault = &byeError{status: r.status}
	case r.kind == tagged && b.tag != "" && r.tag == b.tag:
		b.status = r.status
		b.answered.Store(true)
		if r.verb == "OK" {
			fmt.Fprintf(&b.toLib, "%s OK [CAPABILITY IMAP4rev1] done\r\n", b.libTag)
		} else {
			fmt.Fprintf(&b.toLib, "%s NO refused\r\n", b.libTag)
		}
	case r.kind == tagged:
		b.fault = errForeignTag
	}
}

// Write passes what go-imap writes; the first two words become our tag and pass the gate.
func (b *bridge) Write(p []byte) (int, error) {
	n := len(p)
	if !b.passed {
		b.head = append(b.head, p...)
		words := bytes.SplitN(b.head, []byte(" "), 3)
		if len(words) < 3 {
			return n, nil
		}
		verb := string(words[1])
		tag, err := b.c.begin(verb, nil)
		if err != nil {
			return 0, err
		}
		b.passed, b.tag, b.libTag = true, tag, string(words[0])
		b.c.out.secret(tag+" "+verb+" ", tag+" "+b.method+" ***")
		p = words[2]
	} else {
		b.c.trace.line("C:", []byte("***"))
	}
	if b.method == methodToken && string(p) == "=\r\n" {
		p = []byte("\r\n") // go-imap writes an empty answer as "=", which is for the first line only (RFC 4959, 3)
	}
	b.turn(true, false) // before the answer can come
	b.c.out.put(string(p))
	return n, b.c.out.flush()
}

// Close leaves the link alone, and ends a Read that waits for its turn.
func (b *bridge) Close() error {
	b.turn(true, true)
	return nil
}

// The deadlines are the pacer's.
func (b *bridge) LocalAddr() net.Addr              { return b.c.link.pace.LocalAddr() }
func (b *bridge) RemoteAddr() net.Addr             { return b.c.link.pace.RemoteAddr() }
func (b *bridge) SetDeadline(time.Time) error      { return nil }
func (b *bridge) SetReadDeadline(time.Time) error  { return nil }
func (b *bridge) SetWriteDeadline(time.Time) error { return nil }
