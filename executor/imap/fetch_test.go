package imap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// bodyCase is what a server answers to UID FETCH 1:3 (...BODY.PEEK[]), before its tagged OK.
type bodyCase struct {
	name   string
	answer string
	tagged string // "OK done" if empty
	want   map[mail.UID]string
	code   mail.Code // of Fetch's error
}

const two = "* 1 FETCH (UID 1 FLAGS () BODY[] {3}\r\none)\r\n* 2 FETCH (UID 2 FLAGS () BODY[] {3}\r\ntwo)\r\n"

func bodyCases() []bodyCase {
	oneTwo := map[mail.UID]string{1: "one", 2: "two"}
	return []bodyCase{
		{name: "usual", answer: two, want: oneTwo},
		{name: "lower case, items after the body", answer: "* 1 fetch (body[] {3}\r\none flags (\\seen) uid 1)\r\n", want: map[mail.UID]string{1: "one"}},
		{name: "quoted body", answer: "* 1 FETCH (UID 1 BODY[] \"a\\\"b\")\r\n", want: map[mail.UID]string{1: `a"b`}},
		{name: "literal8", answer: "* 1 FETCH (UID 1 BODY[] ~{4}\r\na\x00b\n)\r\n", want: map[mail.UID]string{1: "a\x00b\n"}},
		{name: "literal+", answer: "* 1 FETCH (UID 1 BODY[] {3+}\r\none)\r\n", want: map[mail.UID]string{1: "one"}},
		{name: "no UID", answer: "* 1 FETCH (FLAGS () BODY[] {3}\r\none)\r\n" + two, want: oneTwo},
		{name: "other items", answer: "* 1 FETCH (X-GM-LABELS (\"a b\" {3}\r\nx)y \\x) EMAILID (M1) PREVIEW NIL BODY[HEADER.FIELDS (DATE)] {2}\r\nab UID 1 ENVELOPE ((NIL) \"(\") BODY[] {3}\r\none)\r\n",
			want: map[mail.UID]string{1: "one"}},
		{name: "noise", answer: "* OK [ALERT] maintenance\r\n* NO disk low\r\n* VANISHED 7\r\n* 5 FETCH\r\n* FETCH (\r\n\r\n* LIST () x\r\n* ESEARCH (TAG \"a\") UID ALL 1\r\n" + two, want: oneTwo},
		{name: "spoiled line", answer: "* 1 FETCH UID 1 BODY[] oops\r\n* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n", want: map[mail.UID]string{2: "two"}},
		{name: "foreign tag", answer: two + "zzz OK\r\n", want: oneTwo, code: mail.CodeIMAPProtocol},
	}
}

// run lets a server answer like that: bodies and error are as expected, and after no error the session goes on.
func (c *bodyCase) run(t *testing.T) {
	f := newFake(t)
	f.on["UID FETCH"] = answering(c.answer, c.tagged)
	s, to := f.source(t), newSink()
	err := s.Fetch(context.Background(), inbox, []mail.UID{1, 2, 3}, to)
	if (err == nil) != (c.code == "") || err != nil && mail.CodeOf(err) != c.code {
		t.Errorf("error %v (%v), want %v", err, mail.CodeOf(err), c.code)
	}
	if diff := cmp.Diff(c.want, to.bodies); diff != "" {
		t.Error(diff)
	}
	if err == nil {
		if _, err := s.Folders(context.Background()); err != nil {
			t.Errorf("the session does not go on: %v", err)
		}
	}
}

// answering answers with untagged lines and a tagged one, which is OK unless it is given.
func answering(lines, tagged string) func(*peer) {
	if tagged == "" {
		tagged = "OK done"
	}
	return func(p *peer) { p.say("%s%s %s\r\n", lines, p.tag, tagged) }
}

func fetches(t *testing.T, cases ...bodyCase) {
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func TestFetchAnswers(t *testing.T) { fetches(t, bodyCases()...) }

// TestHardCase_P14_CutAnywhere cuts the connection after every octet of an answer: what is handed over as whole must be whole.
func TestHardCase_P14_CutAnywhere(t *testing.T) {
	answer := "* 1 FETCH (UID 1 FLAGS () BODY[] {12}\r\nFrom: a\r\n\r\nb)\r\n* 2 FETCH (BODY[] {5}\r\nhello UID 2)\r\n* 3 FETCH (UID 3 BODY[] \"quoted\")\r\n"
	want := map[mail.UID]string{1: "From: a\r\n\r\nb", 2: "hello", 3: "quoted"}
	f := newFake(t)
	cut := make(chan int, 1)
	f.on["UID FETCH"] = func(p *peer) {
		p.say("%s", answer[:<-cut])
		_ = p.conn.Close()
	}
	for n := range len(answer) + 1 {
		s, err := imap.DialSource(context.Background(), f.options())
		if err != nil {
			t.Fatal(err)
		}
		cut <- n
		to := newSink()
		err = s.Fetch(context.Background(), inbox, []mail.UID{1, 2, 3}, to)
		if mail.KindOf(err) != mail.Transient || errors.Is(err, io.EOF) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		for uid, body := range to.bodies {
			if body != want[uid] {
				t.Fatalf("cut at %d: UID %d is %q", n, uid, body)
			}
		}
		if whole := strings.Count(answer[:n], ")\r\n"); len(to.bodies) < min(whole, 3) {
			t.Fatalf("cut at %d: %d bodies of %d whole answers", n, len(to.bodies), whole)
		}
		if _, err := s.Folders(context.Background()); mail.KindOf(err) != mail.Transient {
			t.Fatalf("dead session: %v", err)
		}
		_ = s.Close()
	}
}

// failingSink fails in Body or in Message.
type failingSink struct {
	body, message error
}

func (s *failingSink) Body(mail.Size, io.Reader) error  { return s.body }
func (s *failingSink) Message(mail.Message, bool) error { return s.message }

func TestFetchSinkError(t *testing.T) {
	full := errors.New("disk full")
	for _, to := range []*failingSink{{body: full}, {message: full}} {
		f := newFake(t)
		f.on["UID FETCH"] = says(two)
		if err := f.source(t).Fetch(context.Background(), inbox, []mail.UID{1, 2}, to); err != full {
			t.Errorf("got %v", err)
		}
	}
	// What Body leaves unread is skipped.
	f := newFake(t)
	f.on["UID FETCH"] = says(two)
	if err := f.source(t).Fetch(context.Background(), inbox, []mail.UID{1, 2}, &failingSink{}); err != nil {
		t.Error(err)
	}
}

// TestHardCase_P26_SetsAreShort: servers cut long command lines off, and refuse sets that descend. Sets ascend, are exact, in
// ranges and bounded, bodies are asked for whole, and the next command is on the wire before the answer.
func TestHardCase_P26_SetsAreShort(t *testing.T) {
	f := newFake(t)
	var uids []mail.UID
	for u := mail.UID(1); u <= 25_000; u++ {
		if u%5000 != 0 {
			uids = append(uids, u)
		}
	}
	for u := mail.UID(100_001); u < 102_000; u += 2 {
		uids = append(uids, u)
	}
	first := true
	f.on["UID FETCH"] = func(p *peer) {
		if first {
			first = false
			_, _ = p.r.Peek(1) // answers only when the second command has come
		}
		p.ok()
	}
	if err := f.source(t).Fetch(context.Background(), inbox, uids, newSink()); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, line := range f.commands() {
		set, found := strings.CutPrefix(line, "UID FETCH ")
		if !found {
			continue
		}
		set, items, _ := strings.Cut(set, " ")
		if strings.Contains(items, "<") || !strings.Contains(items, "BODY.PEEK[]") {
			t.Errorf("asked for %s", items) // a server that ignores the part that is asked for would be asked without end
		}
		if len(set) > 2048 {
			t.Errorf("a set of %d octets", len(set))
		}
		for part := range strings.SplitSeq(set, ",") {
			var a, b mail.UID
			if n, _ := fmt.Sscanf(part, "%d:%d", &a, &b); n == 1 {
				b = a
			}
			for u := a; u <= b; u++ {
				if asked >= len(uids) || uids[asked] != u {
					t.Fatalf("asked for %d", u)
				}
				asked++
			}
		}
	}
	if asked != len(uids) {
		t.Errorf("asked for %d of %d", asked, len(uids))
	}
}

// TestCancel ends calls that wait for ever.
func TestCancel(t *testing.T) {
	f := newFake(t)
	began := make(chan bool, 1)
	hang := func(*peer) { began <- true }
	f.on["UID FETCH"], f.on["UID SEARCH"], f.on["LIST"] = hang, hang, hang
	for name, call := range map[string]func(context.Context, *imap.Source) error{
		"Fetch":   func(ctx context.Context, s *imap.Source) error { return s.Fetch(ctx, inbox, []mail.UID{1}, newSink()) },
		"Exists":  func(ctx context.Context, s *imap.Source) error { return second(s.Exists(ctx, inbox, []mail.UID{1})) },
		"Folders": func(ctx context.Context, s *imap.Source) error { return second(s.Folders(ctx)) },
	} {
		s := f.source(t)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-began; cancel() }()
		start := time.Now()
		err := call(ctx, s)
		if !errors.Is(err, context.Canceled) || time.Since(start) > 3*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
	}
}

// TestHardCase_P19_P20_Silence: a socket that died without a word, or an octet now and then, would be waited for without end.
// Both end as a time-out.
func TestHardCase_P19_P20_Silence(t *testing.T) {
	for name, each := range map[string]time.Duration{"silent": time.Hour, "an octet now and then": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			over := make(chan bool)
			f.on["UID FETCH"] = func(p *peer) {
				for {
					select {
					case <-over:
						return
					case <-time.After(each):
						p.say("*")
					}
				}
			}
			o := f.options()
			o.Timeouts.Progress = 200 * time.Millisecond
			s, err := imap.DialSource(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			defer close(over)
			if err := s.Fetch(context.Background(), inbox, []mail.UID{1}, newSink()); mail.CodeOf(err) != mail.CodeIMAPTimeout {
				t.Error(err)
			}
		})
	}
}
