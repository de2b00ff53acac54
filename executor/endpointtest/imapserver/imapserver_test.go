package imapserver_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/imapserver"
)

// client speaks to the server octet by octet.
type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, s *imapserver.Server) *client {
	t.Helper()
	n, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	_ = n.SetDeadline(time.Now().Add(10 * time.Second))
	c := &client{t, n, bufio.NewReader(n)}
	c.line("* OK")
	c.send("a LOGIN anna secret\r\n")
	c.line("a OK")
	return c
}

func (c *client) send(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		c.t.Fatal(err)
	}
}

// line reads one line, which has to begin so.
func (c *client) line(want string) {
	c.t.Helper()
	got, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(got, want) {
		c.t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// end wants the connection to end without another word.
func (c *client) end() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Fatalf("got %q, %v, want the end", rest, err)
	}
}

func start(t *testing.T, p imapserver.Profile) (*imapserver.Server, *imapserver.Mailbox) {
	s := imapserver.Start(t, p, imapserver.Options{})
	return s, s.Mailbox("anna", "secret")
}

func want(t *testing.T, b *imapserver.Mailbox, bodies ...string) {
	t.Helper()
	var got []string
	for _, m := range b.Messages("INBOX") {
		got = append(got, string(m.Octets))
	}
	if fmt.Sprint(got) != fmt.Sprint(bodies) {
		t.Errorf("the folder holds %q, want %q", got, bodies)
	}
}

// TestAppends: pipelined in one write, each is answered in turn; a group is stored whole or not at all.
func TestAppends(t *testing.T) {
	p := imapserver.Dovecot()
	p.Refuse = func(_ string, m imapserver.Message) string {
		if string(m.Octets) == "bad" {
			return "NO [LIMIT] not that"
		}
		return ""
	}
	s, b := start(t, p)
	c := dial(t, s)
	c.send("1 APPEND INBOX (\\Seen Label) \"04-Mar-2020 05:06:07 +0545\" {4+}\r\na\r\nb\r\n2 APPEND inbox {1+}\r\nc {2+}\r\nde\r\n" +
		"3 APPEND INBOX {1+}\r\nf {3+}\r\nbad\r\n4 APPEND Nowhere {1+}\r\nx\r\n5 NOOP\r\n")
	c.line("1 OK [APPENDUID 1001 1]")
	c.line("2 OK [APPENDUID 1001 2:3]")
	c.line("3 NO [LIMIT]")
	c.line("4 NO [TRYCREATE]")
	c.line("5 OK")
	want(t, b, "a\r\nb", "c", "de")
	first := b.Messages("INBOX")[0]
	if fmt.Sprint(first.Flags) != `[\Seen Label]` || first.Date.Format(time.RFC3339) != "2020-03-04T05:06:07+05:45" {
		t.Errorf("stored with %v %v", first.Flags, first.Date)
	}
	if n := b.Counts(); n.Commands["APPEND"] != 4 || n.Appended != 6 || n.Stored != 3 {
		t.Errorf("counted %+v", n)
	}
}

// TestFaults: each fault strikes at its APPEND, and the answers before it arrive.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind   imapserver.Kind
		answer string // instead of the OK; empty: the connection ends
		stored bool
	}{
		{imapserver.Swallow, "", true},
		{imapserver.BreakBefore, "", false},
		{imapserver.ByeInside, "* BYE", false},
		{imapserver.Refuse, "2 NO not", false},
		{imapserver.Unavailable, "2 NO [UNAVAILABLE]", true},
	} {
		s, b := start(t, imapserver.Dovecot())
		b.Set(imapserver.Faults{Append: map[int]imapserver.Kind{2: c.kind}})
		k := dial(t, s)
		k.send("1 APPEND INBOX {1+}\r\na\r\n2 APPEND INBOX {2+}\r\nbb\r\n3 APPEND INBOX {1+}\r\nc\r\n")
		k.line("1 OK")
		after := []string{"a"}
		if c.stored {
			after = append(after, "bb")
		}
		if c.answer != "" {
			k.line(c.answer)
		}
		if strings.HasPrefix(c.answer, "2") {
			k.line("3 OK")
			after = append(after, "c")
		} else {
			k.end()
		}
		want(t, b, after...)
		if n := b.Struck(); n != 1 {
			t.Errorf("%d faults struck", n)
		}
	}
}

// TestLiars: the servers that answer OK and do not do what that means.
func TestLiars(t *testing.T) {
	send := func(p imapserver.Profile, bodies ...string) *imapserver.Mailbox {
		s, b := start(t, p)
		c := dial(t, s)
		for _, body := range bodies {
			c.send("1 APPEND INBOX {%d+}\r\n%s\r\n", len(body), body)
			c.line("1 OK")
		}
		return b
	}
	p := imapserver.Dovecot()
	p.ForgetEvery = 2
	want(t, send(p, "a", "b", "c", "d", "e"), "a", "c", "e")
	p = imapserver.Dovecot()
	p.Deduplicate = true
	want(t, send(p, "a", "b", "a"), "a", "b")
	p = imapserver.Dovecot()
	p.Rewrite = bytes.ToUpper
	want(t, send(p, "a", "b"), "A", "B")
}

// TestLate: what lost its answer is stored later, by the clock or by hand.
func TestLate(t *testing.T) {
	p := imapserver.Dovecot()
	for _, held := range []bool{false, true} {
		p.Held, p.LateBy = held, time.Millisecond
		s, b := start(t, p)
		b.Set(imapserver.Faults{Append: map[int]imapserver.Kind{1: imapserver.Swallow}})
		c := dial(t, s)
		c.send("1 APPEND INBOX {1+}\r\na\r\n")
		c.end()
		if held {
			want(t, b)
		}
		s.Settle()
		b.Release()
		want(t, b, "a")
	}
}

// TestAliens: a literal that nobody consented to, or a second message where there is no MULTIAPPEND, ends the connection
// and is kept as misuse: what follows can't be told from mail.
func TestAliens(t *testing.T) {
	small := imapserver.Dovecot().Without("LITERAL+", "MULTIAPPEND")
	for _, c := range []struct {
		profile imapserver.Profile
		command string
	}{
		{small, "1 APPEND INBOX {1+}\r\na\r\n"},
		{small.With("LITERAL-"), "1 APPEND INBOX {4097+}\r\n"},
		{small.With("LITERAL-"), "1 APPEND INBOX {1+}\r\na {1+}\r\nb\r\n"},
	} {
		s, b := start(t, c.profile)
		k := dial(t, s)
		k.send("%s", c.command)
		k.line("* BYE")
		want(t, b)
		if len(s.Misuse()) == 0 {
			t.Errorf("%q is not kept as misuse", c.command)
		}
	}
}

// TestConsent: a synchronizing literal gets a continuation, or a refusal before its octets come.
func TestConsent(t *testing.T) {
	s, b := start(t, imapserver.Dovecot().Without("LITERAL+"))
	c := dial(t, s)
	c.send("1 APPEND Nowhere {1}\r\n")
	c.line("1 NO [TRYCREATE]")
	c.send("2 APPEND INBOX {1}\r\n")
	c.line("+ ")
	c.send("a\r\n3 WHAT {3+}\r\n)\r\n\r\n4 UID FETCH 1 (UID)\r\n5 SELECT INBOX\r\n")
	c.line("2 OK")
	c.line("3 BAD")
	c.line("4 BAD")
	want(t, b, "a")
	if len(s.Misuse()) > 0 {
		t.Errorf("misuse %v", s.Misuse())
	}
}
