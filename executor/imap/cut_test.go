package imap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// cutAfter takes n octets from the peer's command on and resets. It tells how many of the bodies came whole.
func (p *peer) cutAfter(n int) (took int) {
	text := p.tag + " APPEND " + p.rest + "\r\n" // what was read as the first line
	rest := make([]byte, max(0, n-len(text)))
	_ = p.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // n may be beyond the session's end
	k, _ := io.ReadFull(p.r, rest)
	text = (text + string(rest[:k]))[:min(n, len(text)+k)]
	for _, body := range []string{"\r\naaaa", "\r\nbbbb", "\r\ncccc"} {
		if strings.Contains(text, body) {
			took++
		}
	}
	p.reset()
	return took
}

// TestHardCase_P01_P02_CutWhileReading: the server takes n octets of a pipelined session and resets. What it took whole may
// not be called absent, and nothing landed.
func TestHardCase_P01_P02_CutWhileReading(t *testing.T) {
	f := newFake(t)
	stop, whole := make(chan int, 1), make(chan int, 1)
	f.on["APPEND"] = func(p *peer) { whole <- p.cutAfter(<-stop) }
	length := 3 * (len(`abcdef-12 APPEND "INBOX" "04-Mar-2020 05:06:07 +0545" {4+}`) + 8)
	for n := range length {
		d := f.destination(t)
		stop <- n
		got, err := send(t, d, "aaaa", "bbbb", "cccc")
		if mail.KindOf(err) != mail.Transient {
			t.Fatalf("cut at %d: %v", n, err)
		}
		took := <-whole
		for id, a := range got {
			if a.Outcome == mail.Landed || a.Outcome == mail.Absent && int(id) < took {
				t.Fatalf("cut at %d, server has %d: %+v", n, took, a)
			}
		}
	}
}

// TestHardCase_P01_CutWhileAnswering: the server has all and cuts its answers after n octets.
func TestHardCase_P01_CutWhileAnswering(t *testing.T) {
	f := newFake(t)
	stop := make(chan int, 1)
	answered := make(chan string, 1)
	f.on["APPEND"] = func(p *peer) {
		var tags []string
		for range 3 {
			tags = append(tags, p.tag)
			p.message()
			if len(tags) < 3 {
				p.command()
			}
		}
		text := fmt.Sprintf("%s OK [APPENDUID 7 1] x\r\n%s NO x\r\n%s OK [APPENDUID 7 2] x\r\n", tags[0], tags[1], tags[2])
		text = text[:min(len(text), <-stop)]
		p.say("%s", text)
		answered <- text
		_ = p.conn.Close()
	}
	want := []mail.Outcome{mail.Landed, mail.Absent, mail.Landed}
	for n := range 90 {
		d := f.destination(t)
		stop <- n
		got, _ := send(t, d, "aaaa", "bbbb", "cccc")
		lines := strings.Count(<-answered, "\n")
		for id, a := range got {
			expect := mail.Unknown
			if int(id) < lines {
				expect = want[id]
			}
			if a.Outcome != expect {
				t.Fatalf("cut at %d, %d answers: %+v", n, lines, a)
			}
		}
	}
}

// failingConn fails its writes once more than limit octets would have passed since arm.
type failingConn struct {
	net.Conn
	limit  *int
	passed *int
}

func (c *failingConn) Write(b []byte) (int, error) {
	if *c.limit < 0 {
		return c.Conn.Write(b)
	}
	if *c.passed > *c.limit {
		return 0, errors.New("cable cut")
	}
	*c.passed += len(b) // the write that fails counts as passed
	if *c.passed > *c.limit {
		return 0, errors.New("cable cut")
	}
	return c.Conn.Write(b)
}

// TestHardCase_P02_WriteFails breaks the connection on our side after n octets, in the middle of a message or behind it:
// exactly those are absent whose last octet was never passed on.
func TestHardCase_P02_WriteFails(t *testing.T) {
	sizes := []int{10, 100_000, 10, 65_000, 300_000, 1}
	for limit := 0; limit < 470_000; limit += 23_003 {
		f := newFake(t)
		f.on["APPEND"] = func(p *peer) { p.message() }
		off, passed := -1, 0
		o := f.options()
		dial := o.Dial
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return &failingConn{Conn: conn, limit: &off, passed: &passed}, err
		}
		o.Timeouts.Progress = 50 * time.Millisecond
		d, err := imap.DialDestination(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		off = limit
		var bodies []string
		for _, n := range sizes {
			bodies = append(bodies, strings.Repeat("x", n))
		}
		got, err := send(t, d, bodies...)
		if err == nil {
			t.Fatal("no error")
		}
		end := 0
		for i, n := range sizes {
			tag := 60 + len(fmt.Sprint(n)) // the command line, to within the length of its tag
			end += tag + n
			slack := 10 * (i + 1)
			switch a := got[int64(i)]; {
			case end > passed+slack && a.Outcome != mail.Absent:
				t.Fatalf("limit %d, passed %d: message %d ends at %d: %+v", limit, passed, i, end, a)
			case end < passed-slack && a.Outcome != mail.Unknown:
				t.Fatalf("limit %d, passed %d: message %d ends at %d: %+v", limit, passed, i, end, a)
			}
		}
		_ = d.Close()
	}
}

// TestBodyFails: a body that ends early never becomes a message.
func TestBodyFails(t *testing.T) {
	broken := &mail.Error{Op: "read", Kind: mail.Gone}
	for _, c := range []struct {
		name string
		body io.Reader
		size mail.Size
		dies bool
		kind mail.Kind
	}{
		{"short, small", strings.NewReader("abc"), 4, false, mail.Transient},
		{"broken, small", io.MultiReader(strings.NewReader("abc"), &failing{broken}), 4, false, mail.Gone},
		{"short, large", bytes.NewReader(make([]byte, 150_000)), 200_000, true, mail.Transient},
		{"broken, large", io.MultiReader(bytes.NewReader(make([]byte, 150_000)), &failing{broken}), 200_000, true, mail.Gone},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			whole := make(chan bool, 10)
			f.on["APPEND"] = func(p *peer) {
				body, ok := p.message()
				whole <- ok
				if ok && len(body) < 100 {
					p.say("%s OK\r\n", p.tag)
				}
			}
			batch := []mail.Outgoing{outgoing(0, "a", mail.Flags{}), {ID: 1, Size: c.size, Body: c.body}, outgoing(2, "b", mail.Flags{})}
			got, err := sendBatch(t, f.destination(t), batch)
			if got[1].Outcome != mail.Absent || mail.KindOf(got[1].Err) != c.kind {
				t.Errorf("%+v", got[1])
			}
			if (err != nil) != c.dies {
				t.Errorf("error %v", err)
			}
			last := mail.Landed
			if c.dies {
				last = mail.Absent
			}
			if got[0].Outcome == mail.Absent || got[2].Outcome != last {
				t.Errorf("%+v", got)
			}
			if <-whole; c.dies && <-whole {
				t.Error("the server has a whole message")
			}
		})
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }
