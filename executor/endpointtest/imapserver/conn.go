package imapserver

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// conn is one connection. One goroutine serves it.
type conn struct {
	server *Server
	raw    net.Conn
	net    net.Conn // raw, or TLS over it
	in     *bufio.Reader
	out    *bufio.Writer

	mailbox  *Mailbox // nil before sign-in
	selected *selected
	tag      string
	verb     string
	over     bool // LOGOUT was said
	errors   int  // answers that were errors

	leave       func() // gives a place in the crowd back; nil: there is none
	user, token string // of a sign-in with a token
	apart       bool   // signed in, and not connected
}

func newConn(s *Server, n net.Conn) *conn {
	return &conn{server: s, raw: n, net: n, in: bufio.NewReaderSize(n, 32<<10), out: bufio.NewWriterSize(n, 32<<10)}
}

// encrypt puts TLS over the connection; what came before in plain text is forgotten.
func (c *conn) encrypt(t net.Conn) {
	c.net = t
	c.in.Reset(t)
	c.out.Reset(t)
}

// say writes one line. A connection that takes nothing more shows at the next flush.
func (c *conn) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.out, format, args...)
	_, _ = c.out.WriteString("\r\n")
}

// answer writes the tagged answer, from the status on.
func (c *conn) answer(format string, args ...any) { c.say(c.tag+" "+format, args...) }

// capabilities are those of now.
func (c *conn) capabilities() []string {
	if c.mailbox != nil {
		return c.server.profile.After
	}
	caps := c.server.profile.Before
	if _, encrypted := c.net.(*tls.Conn); c.server.options.TLS != nil && !encrypted {
		caps = append([]string{"STARTTLS"}, caps...)
	}
	return caps
}

func (c *conn) can(capability string) bool { return has(c.capabilities(), capability) }

// errBroken ends a connection that a fault has broken already.
var errBroken = errors.New("connection broken")

// run serves until the client leaves.
func (c *conn) run() {
	defer func() {
		if c.leave != nil {
			c.leave()
		}
	}()
	if w := c.server.profile.Crowd; w != nil && w.atGreeting() && !c.join("") {
		c.say("* %s", w.Words)
		_ = c.out.Flush() // the connection ends either way
		return
	}
	c.say("* OK [CAPABILITY %s] ready", strings.Join(c.capabilities(), " "))
	for !c.over {
		err := c.command()
		var syntax *syntaxError
		var no *refusal
		switch {
		case err == nil:
		case errors.As(err, &syntax):
			c.answer("BAD %s", syntax.text)
			if err := errors.Join(c.skip(), c.erred()); err != nil {
				_ = c.out.Flush() // the connection ends either way
				return
			}
		case errors.As(err, &no):
			c.answer("%s", no.answer)
			if c.erred() != nil {
				_ = c.hangUp() // likewise
				return
			}
		case errors.Is(err, errAlien):
			c.server.misused("%s %s: the command breaks the framing", c.tag, c.verb)
			c.say("* BYE this is no IMAP")
			_ = c.out.Flush() // the connection ends either way
			return
		default:
			return
		}
	}
	_ = c.out.Flush() // likewise
}

// skip drops the rest of a command that can't be understood, with the literals in it.
func (c *conn) skip() error {
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return err
		}
		text := strings.TrimRight(line, "\r\n")
		var size int64
		at := strings.LastIndexByte(text, '{')
		if at < 0 || !strings.HasSuffix(text, "+}") {
			return nil
		}
		if _, err := fmt.Sscanf(text[at:], "{%d+}", &size); err != nil {
			return nil //nolint:nilerr // it only looked like a literal
		}
		if _, err := io.CopyN(io.Discard, c.in, size); err != nil {
			return err
		}
	}
}

// command reads and carries out one command.
func (c *conn) command() (err error) {
	c.tag, c.verb = "*", ""
	if c.tag, err = c.word(" "); err != nil {
		return err
	}
	if err := c.space(); err != nil {
		return err
	}
	if c.verb, err = c.atom(); err != nil {
		return err
	}
	c.verb = strings.ToUpper(c.verb)
	if c.verb == "UID" {
		if err := c.space(); err != nil {
			return err
		}
		second, err := c.atom()
		if err != nil {
			return err
		}
		c.verb += " " + strings.ToUpper(second)
	}
	if c.mailbox != nil {
		c.mailbox.count(func(n *Counts) { n.Commands[c.verb]++ })
	}
	if err := c.barred(); err != nil {
		return err
	}
	do, state := commands(c.verb)
	switch {
	case do == nil:
		return bad("unknown command")
	case state == signedIn && c.mailbox == nil, state == opened && c.selected == nil, state == signedOut && c.mailbox != nil:
		return bad("not now")
	}
	return do(c)
}

// state is when a command may be given.
type state int

const (
	always state = iota
	signedOut
	signedIn
	opened
)

// commands gives what a verb does, and when it may be given.
func commands(verb string) (func(*conn) error, state) {
	switch verb {
	case "CAPABILITY":
		return (*conn).capability, always
	case "NOOP":
		return (*conn).noop, always
	case "LOGOUT":
		return (*conn).logout, always
	case "ID":
		return (*conn).id, always
	case "STARTTLS":
		return (*conn).startTLS, signedOut
	case "AUTHENTICATE":
		return (*conn).authenticate, signedOut
	case "LOGIN":
		return (*conn).login, signedOut
	}
	return mailCommands(verb)
}

func mailCommands(verb string) (func(*conn) error, state) {
	switch verb {
	case "NAMESPACE":
		return (*conn).namespace, signedIn
	case "LIST":
		return (*conn).listFolders, signedIn
	case "STATUS":
		return (*conn).status, signedIn
	case "CREATE":
		return (*conn).create, signedIn
	case "SUBSCRIBE":
		return (*conn).subscribe, signedIn
	case "SELECT", "EXAMINE":
		return (*conn).open, signedIn
	case "APPEND":
		return (*conn).append, signedIn
	case "UNSELECT":
		return (*conn).unselect, opened
	case "UID FETCH":
		return (*conn).fetch, opened
	case "UID SEARCH":
		return (*conn).search, opened
	case "UID STORE":
		return (*conn).storeFlags, opened
	case "UID EXPUNGE":
		return (*conn).expunge, opened
	case "DELETE":
		return (*conn).delete, signedIn
	}
	return nil, always
}

func (c *conn) capability() error {
	if err := c.endLine(); err != nil {
		return err
	}
	c.say("* CAPABILITY %s", strings.Join(c.capabilities(), " "))
	c.answer("OK done")
	return nil
}

func (c *conn) noop() error {
	if err := c.endLine(); err != nil {
		return err
	}
	c.news()
	c.answer("OK done")
	return nil
}

func (c *conn) logout() error {
	if err := c.endLine(); err != nil {
		return err
	}
	c.over = true
	c.say("* BYE see you")
	c.answer("OK done")
	return nil
}

func (c *conn) id() error {
	if _, err := c.rest(); err != nil {
		return err
	}
	if err := c.endLine(); err != nil {
		return err
	}
	c.say(`* ID ("name" "imapserver")`)
	c.answer("OK done")
	return nil
}

func (c *conn) startTLS() error {
	if err := c.endLine(); err != nil {
		return err
	}
	if !c.can("STARTTLS") {
		return &refusal{"NO there is no TLS"}
	}
	c.answer("OK begin")
	if err := c.out.Flush(); err != nil {
		return err
	}
	c.encrypt(tls.Server(c.raw, c.server.options.TLS))
	return nil
}

// authenticate is AUTHENTICATE PLAIN (RFC 4616) and XOAUTH2.
func (c *conn) authenticate() error {
	if err := c.space(); err != nil {
		return err
	}
	mechanism, err := c.atom()
	if err != nil {
		return err
	}
	switch mechanism = strings.ToUpper(mechanism); {
	case !c.can("AUTH=" + mechanism):
		return bad("unknown mechanism")
	case mechanism == "XOAUTH2":
		return c.withToken()
	case mechanism != "PLAIN":
		return bad("unknown mechanism")
	}
	response, err := c.response()
	if err != nil {
		return err
	}
	plain, err := base64.StdEncoding.DecodeString(response)
	words := strings.Split(string(plain), "\x00")
	if err != nil || len(words) != 3 {
		return &refusal{"BAD that is no response"}
	}
	return c.enter(words[0], words[1], words[2])
}

// response takes what proves the user, with the command where SASL-IR allows it (RFC 4959), or after it.
func (c *conn) response() (string, error) {
	if c.is(' ') && !c.can("SASL-IR") {
		c.server.misused("an initial response came where none is offered")
		return "", bad("no initial response")
	}
	if c.is('\r') {
		if err := c.endLine(); err != nil {
			return "", err
		}
		c.say("+ ")
	} else if err := c.space(); err != nil {
		return "", err
	}
	response, err := c.rest()
	if err != nil {
		return "", err
	}
	return response, c.endLine()
}

func (c *conn) login() error {
	var words [2]string
	for i := range words {
		if err := c.space(); err != nil {
			return err
		}
		word, err := c.astring()
		if err != nil {
			return err
		}
		words[i] = word
	}
	if err := c.endLine(); err != nil {
		return err
	}
	if c.can("LOGINDISABLED") {
		return &refusal{"NO [PRIVACYREQUIRED] not in plain text"}
	}
	return c.enter("", words[0], words[1])
}

func (c *conn) enter(authzid, user, password string) error {
	b := c.server.signIn(authzid, user, password)
	if b == nil {
		return &refusal{"NO [AUTHENTICATIONFAILED] no such user or password"}
	}
	if w := c.server.profile.Crowd; w != nil && !w.atGreeting() && !c.join(b.user) {
		return &refusal{w.Words}
	}
	c.mailbox = b
	c.answer("OK [CAPABILITY %s] welcome", strings.Join(c.capabilities(), " "))
	return nil
}

// join takes a place in the crowd; false: there is none.
func (c *conn) join(user string) (ok bool) {
	c.leave, ok = c.server.profile.Crowd.come(user)
	return ok
}
