package imap_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// fake is an IMAP server that a test scripts: on replaces the answer to a verb, the rest behaves.
type fake struct {
	greeting string
	caps     string
	on       map[string]func(p *peer)

	tls      *tls.Config // nil: plain
	listener net.Listener
	once     sync.Once
	mu       sync.Mutex
	octets   strings.Builder // all that clients sent
	lines    []string        // of commands
	wait     sync.WaitGroup
}

// peer is one connection of the fake and the command being answered.
type peer struct {
	*fake
	conn net.Conn
	r    *bufio.Reader
	tag  string
	verb string
	rest string
}

const rev1 = "IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR UNSELECT NAMESPACE UIDPLUS"

func newFake(t testing.TB) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{greeting: "* OK ready\r\n", caps: rev1, on: map[string]func(*peer){}, listener: l}
	t.Cleanup(func() {
		_ = l.Close()
		f.wait.Wait()
	})
	return f
}

func (f *fake) options() imap.Options {
	return imap.Options{Host: "127.0.0.1", Port: f.listener.Addr().(*net.TCPAddr).Port, TLS: imap.TLSNone,
		Login:    imap.Login{User: "anna", Password: canary},
		Timeouts: imap.Timeouts{Dial: 5 * time.Second, Progress: 5 * time.Second},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			f.once.Do(func() { f.wait.Go(f.accept) })
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
}

// accept begins with the first client, when the script is complete.
func (f *fake) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		if f.tls != nil {
			conn = tls.Server(conn, f.tls)
		}
		f.wait.Go(func() { f.serve(conn) })
	}
}

// canary is the password that must show up nowhere.
const canary = "canary-7Q"

// Read notes what the client sends.
func (p *peer) Read(b []byte) (int, error) {
	n, err := p.conn.Read(b)
	p.mu.Lock()
	p.octets.Write(b[:n])
	p.mu.Unlock()
	return n, err
}

func (f *fake) sent() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.octets.String()
}

func (f *fake) commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.lines...)
}

func (f *fake) serve(conn net.Conn) {
	p := &peer{fake: f, conn: conn}
	defer conn.Close()
	p.r = bufio.NewReader(p)
	greeting, ends := strings.CutSuffix(f.greeting, "!")
	p.say("%s", greeting)
	if ends {
		p.hangUp()
		return
	}
	for p.command() {
		answer := f.on[p.verb]
		if answer == nil {
			answer = polite[p.verb]
		}
		if answer == nil {
			p.say("%s BAD unknown command\r\n", p.tag)
			continue
		}
		answer(p)
		if p.verb == "LOGOUT" {
			return
		}
	}
}

var literalEnd = regexp.MustCompile(`\{(\d+)(\+?)\}$`)

// command reads one command, its literals put in angle brackets.
func (p *peer) command() bool {
	var line strings.Builder
	for {
		part, err := p.r.ReadString('\n')
		if err != nil {
			return false
		}
		part = strings.TrimRight(part, "\r\n")
		m := literalEnd.FindStringSubmatch(part)
		// The literal of an APPEND's message is for its own handler.
		if m == nil || strings.Contains(part+line.String(), " APPEND ") && !strings.HasSuffix(part, " APPEND "+m[0]) {
			line.WriteString(part)
			break
		}
		if m[2] == "" {
			p.say("+ go on\r\n")
		}
		line.WriteString(strings.TrimSuffix(part, m[0]) + "<" + p.take(m[1]) + ">")
	}
	words := strings.SplitN(line.String(), " ", 3)
	if len(words) < 2 {
		return false
	}
	p.tag, p.verb, p.rest = words[0], words[1], strings.Join(words[2:], "")
	if p.verb == "UID" {
		kind, rest, _ := strings.Cut(p.rest, " ")
		p.verb, p.rest = "UID "+kind, rest
	}
	p.mu.Lock()
	p.lines = append(p.lines, p.verb+" "+p.rest)
	p.mu.Unlock()
	return true
}

func (p *peer) take(size string) string {
	n, _ := strconv.Atoi(size)
	data := make([]byte, n)
	if _, err := io.ReadFull(p.r, data); err != nil {
		return ""
	}
	return string(data)
}

// message reads the literal of an APPEND.
func (p *peer) message() (body string, whole bool) {
	m := literalEnd.FindStringSubmatch(p.rest)
	if m == nil {
		return "", false
	}
	if m[2] == "" {
		p.say("+ go on\r\n")
	}
	body = p.take(m[1])
	line, err := p.r.ReadString('\n')
	return body, err == nil && line == "\r\n"
}

func (p *peer) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.conn, format, args...) // a client that is gone shows in the next read
}

func (p *peer) ok() { p.say("%s OK done\r\n", p.tag) }

// reset ends the connection at once; what it sent and nobody read is gone.
func (p *peer) reset() {
	_ = p.conn.(*net.TCPConn).SetLinger(0)
	_ = p.conn.Close()
	p.r.Reset(p)
}

// says answers a verb with untagged lines and a tagged OK.
func says(untagged string) func(*peer) {
	return func(p *peer) {
		p.say("%s", untagged)
		p.ok()
	}
}

const folderData = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 10] n\r\n* OK [PERMANENTFLAGS (\\Seen \\Flagged $Label \\*)] p\r\n"

var polite = map[string]func(*peer){
	"CAPABILITY":   func(p *peer) { p.say("* CAPABILITY %s\r\n", p.caps); p.ok() },
	"AUTHENTICATE": func(p *peer) { p.ok() },
	"LOGIN":        func(p *peer) { p.ok() },
	"NAMESPACE":    says("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"),
	"LIST":         says("* LIST () \"/\" INBOX\r\n"),
	"STATUS":       says("* STATUS INBOX (MESSAGES 3 UIDNEXT 10 UIDVALIDITY 7)\r\n"),
	"EXAMINE":      says(folderData),
	"SELECT":       says(folderData),
	"UNSELECT":     func(p *peer) { p.ok() },
	"NOOP":         func(p *peer) { p.ok() },
	"LOGOUT":       says("* BYE\r\n"),
	"APPEND": func(p *peer) {
		if _, whole := p.message(); whole {
			p.say("%s OK [APPENDUID 7 11] done\r\n", p.tag)
		}
	},
}

func (f *fake) source(t testing.TB) *imap.Source {
	t.Helper()
	s, err := imap.DialSource(context.Background(), f.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (f *fake) destination(t testing.TB) *imap.Destination {
	t.Helper()
	d, err := imap.DialDestination(context.Background(), f.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

var inbox = mail.Folder{Raw: "INBOX", Path: mail.Path{"INBOX"}, Status: mail.Status{UIDValidity: 7}}
