package imap_test

import (
	"context"
	"fmt"
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
		{name: "from and to", answer: three, query: mail.Query{From: 5, To: 5}, want: want[1:2]},
		{name: "nothing between", answer: three, query: mail.Query{From: 6, To: 5}},
		{name: "unreadable line of a part", answer: three + "* 4 FETCH (UID x RFC822.SIZE 1)\r\n", query: mail.Query{To: 5}, code: mail.CodeIMAPProtocol},
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
	for m, err := range s.List(context.Background(), inbox, mail.Query{}) {
		if err != nil || m.UID == 5 {
			break
		}
	}
	if _, err := s.Folders(context.Background()); err != nil {
		t.Error(err)
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
