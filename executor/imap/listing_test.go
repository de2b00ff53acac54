package imap_test

import (
	"bufio"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

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

const three = "* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n* 2 FETCH (UID 5 RFC822.SIZE 2)\r\n* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n"

func sized(uid mail.UID, size mail.Size) mail.Message { return mail.Message{UID: uid, Size: size} }

// listCase is what a server answers where a folder of three messages is listed, and what is made of it.
type listCase struct {
	name   string
	answer string
	tagged string // "OK done" if empty
	query  mail.Query
	want   []mail.Message
	code   mail.Code
}

func (c *listCase) run(t *testing.T) {
	f := newFake(t)
	f.on["UID FETCH"] = answering(c.answer, c.tagged)
	got, err := list(t, f.source(t), c.query)
	if (err == nil) != (c.code == "") || err != nil && mail.CodeOf(err) != c.code {
		t.Fatalf("error %v (%v), want %v", err, mail.CodeOf(err), c.code)
	}
	if diff := cmp.Diff(c.want, got); err == nil && diff != "" {
		t.Error(diff)
	}
}

func lists(t *testing.T, cases ...listCase) {
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func TestListAnswers(t *testing.T) {
	want := []mail.Message{sized(4, 1), sized(5, 2), sized(9, 3)}
	lists(t,
		listCase{name: "usual", answer: three, want: want},
		listCase{name: "star quirk", answer: "* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n", query: mail.Query{From: 10}},
		listCase{name: "from", answer: three, query: mail.Query{From: 5}, want: want[1:]},
		listCase{name: "from and to", answer: three, query: mail.Query{From: 5, To: 5}, want: want[1:2]},
		listCase{name: "nothing between", answer: three, query: mail.Query{From: 6, To: 5}},
		listCase{name: "unreadable line of a part", answer: three + "* 4 FETCH (UID x RFC822.SIZE 1)\r\n", query: mail.Query{To: 5}, code: mail.CodeIMAPProtocol},
		listCase{name: "short", answer: "* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n* 3 FETCH (UID 9 RFC822.SIZE 3)\r\n", code: mail.CodeIMAPProtocol},
		listCase{name: "short for an expunge", answer: "* 1 FETCH (UID 4 RFC822.SIZE 1)\r\n* 2 EXPUNGE\r\n* 2 FETCH (UID 9 RFC822.SIZE 3)\r\n", want: []mail.Message{sized(4, 1), sized(9, 3)}},
		listCase{name: "unreadable line", answer: three + "* 4 FETCH (UID x RFC822.SIZE 1)\r\n", query: mail.Query{From: 2}, code: mail.CodeIMAPProtocol},
	)
}

func TestListEndedByReader(t *testing.T) {
	f := newFake(t)
	var answer strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&answer, "* %d FETCH (UID %d RFC822.SIZE 1)\r\n", i+1, i+1)
	}
	f.on["UID FETCH"] = says(answer.String())
	s := f.source(t)
	for m, err := range s.List(context.Background(), inbox, mail.Query{}) {
		if err != nil || m.UID == 5 {
			break
		}
	}
	if _, err := s.Folders(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestHardCase_S01_HugeFolder: the listing of a folder with a million messages is some 60 MB of lines, which tools gather
// before they look at them. They are handed over as they come, and what is kept does not grow. A fifth of that shows it.
func TestHardCase_S01_HugeFolder(t *testing.T) {
	const messages = 200_000
	f := newFake(t)
	f.on["EXAMINE"] = says("* 200000 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 200001]\r\n")
	f.on["UID FETCH"] = func(p *peer) {
		w := bufio.NewWriterSize(p.conn, 1<<16)
		for i := 1; i <= messages; i++ {
			fmt.Fprintf(w, "* %d FETCH (UID %d RFC822.SIZE 5)\r\n", i, i)
		}
		_ = w.Flush() // a client that is gone shows in the next read
		p.ok()
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	s, before, count := f.source(t), heap(), 0
	for m, err := range s.List(context.Background(), inbox, mail.Query{}) {
		if count++; err != nil || m.UID != mail.UID(count) {
			t.Fatalf("message %d: %v, %v", count, m, err)
		}
		if count%50_000 == 0 {
			if grown := int64(heap()) - int64(before); grown > 2<<20 {
				t.Errorf("after %d messages %d octets are kept", count, grown)
			}
		}
	}
	if count != messages {
		t.Errorf("%d messages", count)
	}
}

// TestHardCase_P10_SearchAnswers: what a search finds is not always what was asked for, a UID, or on one line. What was asked
// for and found is there, and nothing else.
func TestHardCase_P10_SearchAnswers(t *testing.T) {
	exists(t, map[string]string{
		"SEARCH":  "* SEARCH 2 3 9 4294967296 x\r\n* SEARCH\r\n",
		"ESEARCH": "* ESEARCH (TAG \"a (\") UID ALL 2:3,9:4294967295\r\n",
	})
}

// TestHardCase_P16_LongSearch: the line of a search grows with the folder and may be longer than any other.
func TestHardCase_P16_LongSearch(t *testing.T) {
	exists(t, map[string]string{"long": "* SEARCH" + strings.Repeat(" 7", 2<<20) + " 2 3\r\n"})
}

// exists wants 2 and 3 to be there after each of the answers.
func exists(t *testing.T, answers map[string]string) {
	for name, answer := range answers {
		f := newFake(t)
		f.on["UID SEARCH"] = says(answer)
		got, err := f.source(t).Exists(context.Background(), inbox, []mail.UID{1, 2, 3, 5})
		if err != nil || !slices.Equal(got, []mail.UID{2, 3}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestHardCase_P08_UIDValidityInBetween: a folder is restored between its listing and its reading, and its UIDs then name other
// messages. Whatever is asked of it is refused as stale, and nothing of the answer is taken.
func TestHardCase_P08_UIDValidityInBetween(t *testing.T) {
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
