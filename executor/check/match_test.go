package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/state/mail"
)

// made is an entry of a test: content names the octets, by four of which the last two have other trace headers only and
// all the same naming fields.
func made(uid mail.UID, content int, date int64, flags mail.System, known knowledge) entry {
	e := entry{uid: uid, date: date, size: 100, system: flags, known: known}
	e.exact[0], e.exact[1] = byte(content), 1
	e.canon[0], e.canon[1] = byte(content/2), 2
	e.head, e.named = uint64(content/4), content >= 4
	if !e.named {
		e.head = 1 << 40
	}
	return e
}

// TestMatchCounts holds match against counting, which needs no pairing: what is missing, extra and altered follows from
// how often each class is there.
func TestMatchCounts(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		some := func() []entry {
			list := make([]entry, r.IntN(14))
			for i := range list {
				list[i] = made(mail.UID(i+1), r.IntN(12), int64(r.IntN(2)), mail.System(r.IntN(2)), byBody)
			}
			return list
		}
		source, dst := some(), some()
		var got Tally
		for _, f := range match(source, dst, rules{}, &got) {
			got.count(Finding{Sign: f.sign, What: f.what})
		}
		canon := pairs(source, dst, func(e entry) string { return fmt.Sprint(e.canon) })
		all := pairs(source, dst, func(e entry) string {
			if e.named {
				return fmt.Sprint(e.head)
			}
			return fmt.Sprint(e.canon)
		})
		plain := pairs(source, dst, func(e entry) string { return fmt.Sprint(e.exact, e.date, e.system) })
		if got.Missing != int64(len(source)-all) || got.Extra+got.Twice != int64(len(dst)-all) ||
			got.Altered != int64(all-canon) || got.Same+got.Differs != int64(all) || got.Same-got.Rewritten != int64(plain) {
			t.Fatalf("seed %d: %+v, %d pairs, %d by content, %d wholly equal", seed, got, all, canon, plain)
		}
	}
}

// pairs counts how many messages of both sides can be paired within the classes of a key.
func pairs(source, dst []entry, key func(entry) string) (n int) {
	count := map[string]int{}
	for _, e := range source {
		count[key(e)]++
	}
	for _, e := range dst {
		if count[key(e)] > 0 {
			count[key(e)]--
			n++
		}
	}
	return n
}

func TestMatch(t *testing.T) {
	const day = 86400
	e := func(content int, date int64) entry { return made(1, content, date, 0, byBody) }
	h := func(content int, size mail.Size) entry {
		x := made(1, content, day, 0, byHead)
		x.exact, x.canon, x.size = mail.Digest{}, mail.Digest{}, size
		return x
	}
	lost := entry{date: day, size: 100}
	large := e(8, day)
	large.size = 5000
	deleted := e(8, day)
	deleted.system = mail.Deleted
	for name, c := range map[string]struct {
		source, dst []entry
		rules       rules
		want        string
	}{
		"same":                      {[]entry{e(8, day)}, []entry{e(8, day)}, rules{}, ""},
		"trace headers":             {[]entry{e(8, day)}, []entry{e(9, day)}, rules{}, ""},
		"date":                      {[]entry{e(8, day)}, []entry{e(8, 5)}, rules{}, "~date"},
		"no date known":             {[]entry{e(8, day)}, []entry{e(8, noDate)}, rules{}, ""},
		"octets":                    {[]entry{e(8, day)}, []entry{e(11, day)}, rules{}, "~octets"},
		"octets and date":           {[]entry{e(8, day)}, []entry{e(11, 5)}, rules{}, "~octets,date"},
		"nameless":                  {[]entry{e(0, day)}, []entry{e(3, day)}, rules{}, "- +"},
		"missing beside a new one":  {[]entry{e(8, day)}, []entry{e(4, day)}, rules{}, "- +"},
		"one of two arrived":        {[]entry{e(8, day), e(8, day)}, []entry{e(8, day)}, rules{}, "-"},
		"one too many":              {[]entry{e(8, day)}, []entry{e(8, day), e(8, day)}, rules{}, "2"},
		"one too many, later":       {[]entry{e(8, day)}, []entry{e(8, day), e(9, 5)}, rules{}, "2"},
		"twice, rewritten":          {[]entry{e(8, day)}, []entry{e(8, day), e(11, day)}, rules{}, "2"},
		"a namesake that came":      {[]entry{e(8, day)}, []entry{e(8, day), e(11, 5)}, rules{}, "+"},
		"shared destination":        {[]entry{e(8, day)}, []entry{e(8, day), e(8, day)}, rules{shared: true}, "+"},
		"too large":                 {[]entry{large}, nil, rules{maxSize: 4000}, ".over max_size"},
		"too large and there":       {[]entry{large}, []entry{large}, rules{maxSize: 4000}, ""},
		"deleted":                   {[]entry{deleted}, nil, rules{}, `.marked \Deleted`},
		"unreadable source":         {[]entry{lost}, []entry{e(8, day)}, rules{}, "!source"},
		"unreadable destination":    {[]entry{e(8, day)}, []entry{lost}, rules{}, "!destination"},
		"unreadable, nothing there": {[]entry{lost}, nil, rules{}, "!source"},
		"unreadable on both":        {[]entry{lost}, []entry{lost}, rules{}, "!source"},
		"unreadable beside missing": {[]entry{e(8, 5), e(8, day)}, []entry{lost}, rules{}, "!destination -"},
		"headers":                   {[]entry{h(8, 1)}, []entry{h(8, 1)}, rules{}, ""},
		"headers, other size":       {[]entry{h(8, 1)}, []entry{h(8, 2)}, rules{}, "~size"},
		"headers, twice":            {[]entry{h(8, 1)}, []entry{h(8, 1), h(8, 1)}, rules{}, "2"},
		"nameless headers":          {[]entry{h(0, 1), h(0, 2)}, []entry{h(0, 2), h(0, 3)}, rules{}, "- +"},
	} {
		for i := range c.dst {
			c.dst[i].uid = mail.UID(i + 1)
		}
		var tally Tally
		var got []string
		for _, f := range match(c.source, c.dst, c.rules, &tally) {
			got = append(got, string(f.sign)+strings.Join(f.what, ","))
		}
		slices.Sort(got)
		want := strings.Fields(c.want)
		if strings.Contains(c.want, " ") && strings.ContainsAny(c.want[:1], ".") {
			want = []string{c.want}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDigestsTellMessagesApart(t *testing.T) {
	of := func(s string, chunk int) digests {
		d := newDigester()
		for len(s) > 0 {
			n := min(chunk, len(s))
			_, _ = d.Write([]byte(s[:n]))
			s = s[n:]
		}
		return d.sum()
	}
	const base = "Received: by a\r\n\tfor b\r\nSubject: a long\r\n subject\r\nMessage-ID: <1@x>\r\nX: y\r\n\r\nbody\r\n\r\nmore\r\n"
	want := of(base, len(base))
	for name, s := range map[string]string{
		"bare LF":         strings.ReplaceAll(base, "\r\n", "\n"),
		"CR CR LF":        strings.ReplaceAll(base, "\r\n", "\r\r\n"),
		"trailing blanks": base + "\r\n\r\n",
		"no last break":   strings.TrimSuffix(base, "\r\n"),
		"delivered again": "Return-Path: <a@b>\r\nDELIVERED-to : c\r\nReceived: z\r\n folded\r\n" + base,
	} {
		for _, chunk := range []int{1, 3, 1000} {
			if got := of(s, chunk); got.canon != want.canon || got.head != want.head || got.exact == want.exact {
				t.Errorf("%s in chunks of %d: not the same canonical form, or the same octets", name, chunk)
			}
		}
	}
	for name, s := range map[string]string{
		"other body":      strings.Replace(base, "body", "bodY", 1),
		"blank line less": strings.Replace(base, "body\r\n\r\n", "body\r\n", 1),
		"trace in body":   strings.Replace(base, "body", "Received: q\r\nbody", 1),
		"other field":     strings.Replace(base, "X: y", "X: z", 1),
		"no blank line":   strings.Replace(base, "\r\n\r\nbody", "\r\nbody", 1),
		"CR in a line":    strings.Replace(base, "body", "bo\rdy", 1),
		"leading blank":   "\r\n" + base,
	} {
		if of(s, 7).canon == want.canon {
			t.Errorf("%s: taken for the same", name)
		}
	}
	if of(strings.Replace(base, "long\r\n subject", "long subject", 1), 9).head != want.head {
		t.Error("folding changes the naming fields")
	}
	if of(strings.Replace(base, "1@x", "2@x", 1), 9).head == want.head || of("X: y\r\n\r\n", 9).named || !want.named {
		t.Error("the naming fields do not name")
	}
	if of("", 1).exact != of("", 9).exact || of("", 1).exact.IsZero() {
		t.Error("a message without octets has no digest")
	}
}
