package imap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
		{name: "M07 empty literal", answer: "* 1 FETCH (UID 1 BODY[] {0}\r\n)\r\n", want: map[mail.UID]string{1: ""}},
		{name: "M07 empty string", answer: "* 1 FETCH (UID 1 BODY[] \"\")\r\n", want: map[mail.UID]string{1: ""}},
		{name: "quoted body", answer: "* 1 FETCH (UID 1 BODY[] \"a\\\"b\")\r\n", want: map[mail.UID]string{1: `a"b`}},
		{name: "M23 NIL", answer: "* 1 FETCH (UID 1 BODY[] NIL)\r\n", want: map[mail.UID]string{}},
		{name: "M23 nothing", answer: "", want: map[mail.UID]string{}},
		{name: "literal8", answer: "* 1 FETCH (UID 1 BODY[] ~{4}\r\na\x00b\n)\r\n", want: map[mail.UID]string{1: "a\x00b\n"}},
		{name: "literal+", answer: "* 1 FETCH (UID 1 BODY[] {3+}\r\none)\r\n", want: map[mail.UID]string{1: "one"}},
		{name: "P11 expunged between", answer: strings.Replace(two, "* 2 FETCH", "* 1 EXPUNGE\r\n* 2 EXISTS\r\n* 1 FETCH", 1), want: oneTwo},
		{name: "P12 NO after data", answer: two, tagged: "NO [EXPUNGEISSUED] gone", want: oneTwo},
		{name: "P12 NO without data", tagged: "NO broken", want: map[mail.UID]string{}, code: mail.CodeIMAPProtocol},
		{name: "P13 flags before the body", answer: "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n" + two, want: oneTwo},
		{name: "P13 flags after the body", answer: two + "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n", want: oneTwo},
		{name: "P13 second body of a UID", answer: two + "* 1 FETCH (UID 1 BODY[] {3}\r\nbad)\r\n", want: oneTwo},
		{name: "P13 body nobody asked for", answer: two + "* 9 FETCH (UID 9 BODY[] {3}\r\nbad)\r\n", want: oneTwo},
		{name: "no UID", answer: "* 1 FETCH (FLAGS () BODY[] {3}\r\none)\r\n" + two, want: oneTwo},
		{name: "other items", answer: "* 1 FETCH (X-GM-LABELS (\"a b\" {3}\r\nx)y \\x) EMAILID (M1) PREVIEW NIL BODY[HEADER.FIELDS (DATE)] {2}\r\nab UID 1 ENVELOPE ((NIL) \"(\") BODY[] {3}\r\none)\r\n",
			want: map[mail.UID]string{1: "one"}},
		{name: "K06 control character in flags", answer: "* 1 FETCH (FLAGS (\\Seen a\x01b ] \\) UID 1 BODY[] {3}\r\none)\r\n", want: map[mail.UID]string{1: "one"}},
		{name: "D02 INTERNALDATE NIL", answer: "* 1 FETCH (UID 1 INTERNALDATE NIL BODY[] {3}\r\none)\r\n", want: map[mail.UID]string{1: "one"}},
		{name: "noise", answer: "* OK [ALERT] maintenance\r\n* NO disk low\r\n* VANISHED 7\r\n* 5 FETCH\r\n* FETCH (\r\n\r\n* LIST () x\r\n* ESEARCH (TAG \"a\") UID ALL 1\r\n" + two, want: oneTwo},
		{name: "spoiled line", answer: "* 1 FETCH UID 1 BODY[] oops\r\n* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n", want: map[mail.UID]string{2: "two"}},
		{name: "P14 literal longer than told", answer: "* 1 FETCH (UID 1 BODY[] {2}\r\none)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)\r\n", want: map[mail.UID]string{2: "two"}},
		{name: "P15 giant literal", answer: "* 1 FETCH (UID 1 BODY[] {9999999999}\r\none)\r\n", want: map[mail.UID]string{}, code: mail.CodeIMAPProtocol},
		{name: "P15 literal over 63 bits", answer: "* 1 FETCH (UID 1 BODY[] {99999999999999999999999}\r\none)\r\n", want: map[mail.UID]string{}, code: mail.CodeIMAPProtocol},
		{name: "P16 endless line", answer: two + "* 3 FETCH (" + strings.Repeat("x", 2<<20), want: oneTwo, code: mail.CodeIMAPProtocol},
		{name: "P16 many literals", answer: "* 3 FETCH (X " + strings.Repeat("{0}\r\n ", 20_000), want: map[mail.UID]string{}, code: mail.CodeIMAPProtocol},
		{name: "deep nesting", answer: "* 3 FETCH (X " + strings.Repeat("(", 500_000) + "\r\n" + two, want: oneTwo},
		{name: "P18 BYE", answer: two + "* BYE Too many errors\r\n", want: oneTwo, code: mail.CodeIMAPLost},
		{name: "P18 untagged BAD", answer: "* BAD [ALERT] no\r\n", want: map[mail.UID]string{}, code: mail.CodeIMAPProtocol},
		{name: "P21 throttled", answer: "* BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n", want: map[mail.UID]string{}, code: mail.CodeIMAPThrottled},
		{name: "foreign tag", answer: two + "zzz OK\r\n", want: oneTwo, code: mail.CodeIMAPProtocol},
	}
}

func TestHardCase_Fetch(t *testing.T) {
	for _, c := range bodyCases() {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.on["UID FETCH"] = func(p *peer) {
				p.say("%s", c.answer)
				if c.tagged == "" {
					c.tagged = "OK done"
				}
				p.say("%s %s\r\n", p.tag, c.tagged)
			}
			s, to := f.source(t), newSink()
			err := s.Fetch(context.Background(), inbox, []mail.UID{1, 2, 3}, to)
			if (err == nil) != (c.code == "") || err != nil && mail.CodeOf(err) != c.code {
				t.Errorf("error %v (%v), want %v", err, mail.CodeOf(err), c.code)
			}
			if diff := cmp.Diff(c.want, to.bodies); diff != "" {
				t.Error(diff)
			}
			if c.name == "P21 throttled" {
				var e *mail.Error
				if !errors.As(err, &e) || e.Wait != 299961*time.Millisecond {
					t.Errorf("wait of %v", err)
				}
			}
			if err == nil {
				if _, err := s.Folders(context.Background()); err != nil {
					t.Errorf("the session does not go on: %v", err)
				}
			}
		})
	}
}

// TestFetchCutAnywhere cuts the connection after every octet of an answer: what is handed over as whole must be whole.
func TestFetchCutAnywhere(t *testing.T) {
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
	sink
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

// TestFetchPipelines checks the sets: exact, in ranges, bounded, and the next one on the wire before the answer.
func TestFetchPipelines(t *testing.T) {
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
		set, _, _ = strings.Cut(set, " ")
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

func list(t *testing.T, s *imap.Source, q mail.Query) ([]mail.Message, error) {
	t.Helper()
	var all []mail.Message
	for m, err := range s.List(context.Background(), inbox, q) {
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
	return all, nil
}

func TestHardCase_List(t *testing.T) {
	at := func(uid mail.UID, size mail.Size) mail.Message { return mail.Message{UID: uid, Size: size} }
	three := "* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n* 2 FETCH (UID 5 RFC822.SIZE 2)\r\n* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n"
	want := []mail.Message{at(4, 1), at(5, 2), at(9, 3)}
	for _, c := range []struct {
		name   string
		answer string
		tagged string
		query  mail.Query
		want   []mail.Message
		code   mail.Code
	}{
		{name: "usual", answer: three, want: want},
		{name: "P10 out of order", answer: "* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n* 2 FETCH (UID 5 RFC822.SIZE 2)\r\n", want: want},
		{name: "P13 split in two", answer: "* 1 FETCH (UID 4)\r\n* 2 FETCH (UID 5 RFC822.SIZE 2)\r\n* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n", want: want},
		{name: "star quirk", answer: "* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n", query: mail.Query{From: 10}},
		{name: "from", answer: three, query: mail.Query{From: 5}, want: want[1:]},
		{name: "short", answer: "* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n", code: mail.CodeIMAPProtocol},
		{name: "short for an expunge", answer: "* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n* 2 EXPUNGE\r\n* 2 FETCH (UID 9 RFC822.SIZE 3)\r\n", want: []mail.Message{at(4, 1), at(9, 3)}},
		{name: "unreadable line", answer: three + "* 4 FETCH (UID x RFC822.SIZE 1)\r\n", query: mail.Query{From: 2}, code: mail.CodeIMAPProtocol},
		{name: "P12 NO after data", answer: three, tagged: "NO [EXPUNGEISSUED] gone", code: mail.CodeIMAPProtocol},
		{name: "P10 UID 0 and over 32 bits", answer: three + "* 4 FETCH (UID 0 RFC822.SIZE 1)\r\n* 5 FETCH (UID 4294967296 RFC822.SIZE 1)\r\n", want: want},
		{name: "P10 UID over 31 bits", answer: strings.Replace(three, "UID 9", "UID 4294967295", 1), want: []mail.Message{at(4, 1), at(5, 2), at(4294967295, 3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.on["UID FETCH"] = func(p *peer) {
				if c.tagged == "" {
					c.tagged = "OK done"
				}
				p.say("%s%s %s\r\n", c.answer, p.tag, c.tagged)
			}
			got, err := list(t, f.source(t), c.query)
			if (err == nil) != (c.code == "") || err != nil && mail.CodeOf(err) != c.code {
				t.Fatalf("error %v (%v), want %v", err, mail.CodeOf(err), c.code)
			}
			if err == nil {
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestListEndedByReader(t *testing.T) {
	f := newFake(t)
	var answer strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&answer, "* %d FETCH (UID %d RFC822.SIZE 1)\r\n", i+1, i+1)
	}
	f.on["UID FETCH"] = says(answer.String())
	s := f.source(t)
	for m := range s.List(context.Background(), inbox, mail.Query{}) {
		if m.UID == 5 {
			break
		}
	}
	if _, err := s.Folders(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestHardCase_D_Dates(t *testing.T) {
	for text, want := range map[string]string{
		`" 7-Jul-1996 02:44:25 -0700"`:       "1996-07-07T02:44:25-07:00",
		`"7-Jul-1996 02:44:25 -0700"`:        "1996-07-07T02:44:25-07:00",
		`"07-jul-1996 02:44:25 +1400"`:       "1996-07-07T02:44:25+14:00",
		`"07-Jul-1996 02:44:25 -0000"`:       "1996-07-07T02:44:25Z",
		`"01-Jan-1601 00:00:00 +0545"`:       "1601-01-01T00:00:00+05:45",
		`"31-Dec-9999 23:59:59 -1200"`:       "9999-12-31T23:59:59-12:00",
		`"01-Jan-0001 00:00:00 +0000"`:       "0001-01-01T00:00:00Z",
		`"00-Jan-0000 00:00:00 +0000"`:       "0001-01-01T00:00:00Z",
		`"31-Foo-1996 02:44:25 -0700"`:       "0001-01-01T00:00:00Z",
		`"01-Jan-1969 00:00:00 +0000"`:       "1969-01-01T00:00:00Z",
		`"01-Jan-2040 00:00:00 +0000"`:       "2040-01-01T00:00:00Z",
		`NIL`:                                "0001-01-01T00:00:00Z",
		"{26}\r\n07-Jul-1996 02:44:25 -0700": "1996-07-07T02:44:25-07:00",
	} {
		f := newFake(t)
		f.on["EXAMINE"] = says("* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n")
		f.on["UID FETCH"] = says("* 1 FETCH (UID 1 INTERNALDATE " + text + " RFC822.SIZE 1)\r\n")
		got, err := list(t, f.source(t), mail.Query{})
		if err != nil || len(got) != 1 || got[0].InternalDate.Format(time.RFC3339) != want || got[0].Size != 1 {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestHardCase_K_Flags(t *testing.T) {
	f := newFake(t)
	f.on["EXAMINE"] = says("* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n")
	f.on["UID FETCH"] = says("* 1 FETCH (FLAGS (\\Seen \\SEEN \\Recent \\Indexed \\$NOTJUNK $MDNSent $MdnSent a]b \x01 \xe4 \\Deleted) UID 1)\r\n")
	got, err := list(t, f.source(t), mail.Query{})
	if err != nil {
		t.Fatal(err)
	}
	want := mail.Flags{System: mail.Seen | mail.Deleted, Keywords: []string{"$MDNSent", "a]b", "\xe4"}}
	if !got[0].Flags.Equal(want) {
		t.Errorf("got %q", got[0].Flags)
	}
}

func TestExists(t *testing.T) {
	for name, answer := range map[string]string{
		"SEARCH":  "* SEARCH 2 3 9 4294967296 x\r\n* SEARCH\r\n",
		"ESEARCH": "* ESEARCH (TAG \"a (\") UID ALL 2:3,9:4294967295\r\n",
		"long":    "* SEARCH" + strings.Repeat(" 7", 2<<20) + " 2 3\r\n",
	} {
		f := newFake(t)
		f.on["UID SEARCH"] = says(answer)
		got, err := f.source(t).Exists(context.Background(), inbox, []mail.UID{1, 2, 3, 5})
		if err != nil || !slices.Equal(got, []mail.UID{2, 3}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestHardCase_P_UIDValidity(t *testing.T) {
	f := newFake(t)
	f.on["EXAMINE"] = says("* 3 EXISTS\r\n* OK [UIDVALIDITY 8] new\r\n")
	s, ctx := f.source(t), context.Background()
	for name, err := range map[string]error{
		"Fetch":  s.Fetch(ctx, inbox, []mail.UID{1}, newSink()),
		"List":   second(list(t, s, mail.Query{})),
		"Exists": second(s.Exists(ctx, inbox, []mail.UID{1})),
	} {
		if mail.KindOf(err) != mail.Stale || mail.CodeOf(err) != mail.CodeIMAPValidity {
			t.Errorf("%s: %v", name, err)
		}
	}
	f = newFake(t)
	f.on["EXAMINE"] = func(p *peer) { p.say("%s NO [NONEXISTENT] no such\r\n", p.tag) }
	if _, err := list(t, f.source(t), mail.Query{}); mail.KindOf(err) != mail.Refused || mail.CodeOf(err) != mail.CodeIMAPFolderGone {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

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

// TestHardCase_P19_P20 waits for servers that say nothing or next to nothing.
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
