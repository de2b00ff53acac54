// Package rawcopy is the bound that the protocol sets: the least that can copy a folder from one IMAP server to another.
// One range FETCH is streamed from the source into APPENDs with non-synchronizing literals, which are written without
// waiting for any answer. It keeps no ledger and no digest, recovers from nothing and understands one kind of server.
// Benchmarks hold mailhaul against it; start at Copy.
package rawcopy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Side is a mailbox on a server.
type Side struct {
	Addr, User, Password string
	TLS                  *tls.Config // nil: no TLS
}

// Job says what Copy does.
type Job struct {
	From, To Side
	Folder   string // the same on both sides, without octets that need quoting
	// Group is how many messages one APPEND takes (RFC 3502); zero and one: each message is a command of its own.
	Group int
}

// Copy copies a folder with flags and dates to a mailbox that has the folder already, and counts the messages. Every
// command of both sides has been answered OK if there is no error.
func Copy(ctx context.Context, j Job) (int, error) {
	signedIn := make(chan dialed, 1)
	go func() { // ends with dial, which heeds ctx
		c, err := dial(ctx, j.To)
		signedIn <- dialed{c, err}
	}()
	from, err := dial(ctx, j.From)
	to := <-signedIn
	defer func() { from.close(); to.close() }()
	if err := errors.Join(err, to.err); err != nil {
		return 0, err
	}
	a := to.appends(j.Folder, j.Group)
	if err := from.say("x EXAMINE %s\r\nf UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])", j.Folder); err != nil {
		return 0, err
	}
	return a.finish(from.fetch(a))
}

// Message is one message for Fill.
type Message struct {
	Flags string // as they stand on the wire, without parentheses
	Date  time.Time
	Text  []byte
}

// Fill appends messages to a folder as Copy does, for servers that a benchmark needs full. next gives false at the end.
func Fill(ctx context.Context, to Side, folder string, next func() (Message, bool)) (int, error) {
	c, err := dial(ctx, to)
	defer c.close()
	if err != nil {
		return 0, err
	}
	if folder != "INBOX" {
		if err := errors.Join(c.say("c CREATE %s", folder), c.expect("c")); err != nil {
			return 0, err
		}
	}
	a := c.appends(folder, 50)
	for m, ok := next(); ok; m, ok = next() {
		a.begin("("+m.Flags+")", strconv.Quote(m.Date.Format("02-Jan-2006 15:04:05 -0700")), int64(len(m.Text)))
		_, _ = c.w.Write(m.Text) // finish says what went wrong
	}
	return a.finish(nil)
}

// conn is a signed-in connection.
type conn struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

type dialed struct {
	*conn
	err error
}

func dial(ctx context.Context, s Side) (*conn, error) {
	n, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	if s.TLS != nil {
		n = tls.Client(n, s.TLS)
	}
	c := &conn{Conn: n, r: bufio.NewReaderSize(n, 1<<18), w: bufio.NewWriterSize(n, 1<<18)}
	_ = n.SetDeadline(time.Now().Add(10 * time.Minute)) // a connection without deadlines does not exist here
	if greeting, err := c.line(); err != nil || !strings.HasPrefix(greeting, "* OK") {
		return c, fmt.Errorf("no greeting but %q: %w", greeting, err)
	}
	if err := c.say("l LOGIN %q %q", s.User, s.Password); err != nil {
		return c, err
	}
	return c, c.expect("l")
}

func (c *conn) close() {
	if c != nil {
		_ = c.Close() // all that counts was answered
	}
}

func (c *conn) say(format string, args ...any) error {
	_, _ = fmt.Fprintf(c.w, format+"\r\n", args...) // Flush says what went wrong
	return c.w.Flush()
}

func (c *conn) line() (string, error) {
	line, err := c.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// expect reads up to the tagged answer, which has to be OK. Nothing before it may hold a literal.
func (c *conn) expect(tag string) error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		rest, ok := strings.CutPrefix(line, tag+" ")
		if !ok {
			continue
		}
		return isOK(rest)
	}
}

func isOK(answer string) error {
	if strings.HasPrefix(answer, "OK") {
		return nil
	}
	return errors.New(answer)
}
