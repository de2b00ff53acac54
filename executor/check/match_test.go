package check

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailhaul/state/mail"
)

// made is an entry of a test. content names the octets: two in a row have one canonical form, four the same parts, and
// eight the naming fields. Below 8 there are no naming fields.
func made(uid mail.UID, content int, date int64, flags systemFlags, known knowledge) entry {
	e := entry{uid: uid, date: date, size: 100, system: flags, known: known}
	e.exact[0], e.exact[1] = byte(content), 1
	e.canon, e.parts, e.head = uint64(content/2+1), uint64(content/4+1), uint64(content/8)
	return e
}

// tableOf makes a table.
func tableOf(entries []entry) *table {
	t := &table{}
	for _, e := range entries {
		t.add(e)
	}
	return t
}

// judged gives what a match comes to.
func judged(source, dst []entry, r rules) (t Tally, found []Finding) {
	b := &both{comparison: &comparison{mu: &sync.Mutex{}, Mailbox: Mailbox{Rewrites: r.rewrites}}, pair: Pair{Sources: []Name{{Path: "S"}}}, source: tableOf(source),
		target: tableOf(dst)}
	b.options = Options{Same: true, Finding: func(f Finding) error { found = append(found, f); return nil }}
	b.sources = []span{{b.source, 0, b.source.n}}
	match(b.source, b.target, r)
	_ = b.tell(&t)
	return t, found
}

// TestMatchCounts holds match against counting, which needs no pairing: what is missing, extra and altered follows from
// how often each class is there. Each message is told once, and the totals add up.
func TestMatchCounts(t *testing.T) {
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 7))
		some := func() []entry {
			list := make([]entry, r.IntN(14))
			for i := range list {
				known := byBody
				if r.IntN(20) == 0 {
					known = unread
				}
				list[i] = made(mail.UID(i+1), r.IntN(24), int64(r.IntN(2)), systemFlags(r.IntN(2)), known)
				if list[i].head == 0 {
					list[i].parts = 0 // pairs by parts alone lie across the other classes
				}
			}
			return list
		}
		source, dst, rewrites := some(), some(), r.IntN(2) == 0
		got, found := judged(source, dst, rules{rewrites: rewrites})
		checkTotals(t, seed, got, found, len(source), len(dst))
		readable := func(e entry) bool { return e.known == unread }
		source, dst = slices.DeleteFunc(source, readable), slices.DeleteFunc(dst, readable)
		got, _ = judged(source, dst, rules{rewrites: rewrites})
		named := func(rest func(e entry) string) func(e entry) string {
			return func(e entry) string {
				if e.head != 0 {
					return fmt.Sprint("named ", e.head, rest(e))
				}
				return fmt.Sprint(e.canon)
			}
		}
		all := pairs(source, dst, named(func(entry) string { return "" }))
		parts := pairs(source, dst, named(func(e entry) string { return fmt.Sprint(" ", e.parts) }))
		plain := pairs(source, dst, func(e entry) string { return fmt.Sprint(e.exact, e.date, e.system) })
		if got.Missing != int64(len(source)-all) || got.Extra+got.Twice != int64(len(dst)-all) || got.Altered != int64(all-parts) ||
			got.Same-got.Rewritten != int64(plain) || rewrites && got.Reformed > 0 {
			t.Fatalf("seed %d: %+v; %d pairs, %d by parts, %d wholly equal", seed, got, all, parts, plain)
		}
	}
}

// checkTotals: every message is told exactly once, and the numbers add up.
func checkTotals(t *testing.T, seed uint64, got Tally, found []Finding, source, dst int) {
	t.Helper()
	var here, there, pairless int64
	for _, f := range found {
		if f.SourceUID != 0 {
			here++
		}
		if f.UID != 0 {
			there++
		}
		if f.Sign == Unreadable && f.SourceUID == 0 {
			pairless++
		}
	}
	if here != int64(source) || there != int64(dst) || got.Source != here || got.Destination != there ||
		got.Source != got.Same+got.Missing+got.Differs+got.LeftOut+got.Unreadable-pairless {
		t.Fatalf("seed %d: %d and %d messages, %d and %d told: %+v", seed, source, dst, here, there, got)
	}
}

// TestEntriesAreSmall: hundreds of thousands of them are kept at a time, and the collector must not have to look into
// them.
func TestEntriesAreSmall(t *testing.T) {
	kind := reflect.TypeFor[entry]()
	if kind.Size() > 72 {
		t.Errorf("an entry has %d octets", kind.Size())
	}
	for i := range kind.NumField() {
		switch f := kind.Field(i); f.Type.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.String, reflect.Map, reflect.Interface, reflect.Struct:
			t.Errorf("%s may hold pointers", f.Name)
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
	h := func(content int, size uint32) entry {
		x := made(1, content, day, 0, byHead)
		x.exact, x.canon, x.size = mail.Digest{}, 0, size
		return x
	}
	with := func(e entry, change func(*entry)) entry { change(&e); return e }
	lost := entry{date: day, size: 100}
	unknown := entry{date: day, size: 100, system: noFlags}
	large := with(e(16, day), func(e *entry) { e.size = 5000 })
	marked := with(e(16, day), func(e *entry) { e.system = deleted })
	newID := with(e(18, day), func(e *entry) { e.head = 99 })
	signed := with(e(16, day), func(e *entry) { e.signed = 1 })
	broken := with(e(18, day), func(e *entry) { e.signed = 2 })
	rewrites := rules{rewrites: true}
	for name, c := range map[string]struct {
		source, dst []entry
		rules       rules
		want        string
	}{
		"same":                         {[]entry{e(16, day)}, []entry{e(16, day)}, rules{}, "=octets"},
		"trace headers":                {[]entry{e(16, day)}, []entry{e(17, day)}, rules{}, "~line ends or trace headers"},
		"trace headers, rewritten":     {[]entry{e(16, day)}, []entry{e(17, day)}, rewrites, "=canonical"},
		"MIME anew":                    {[]entry{e(16, day)}, []entry{e(18, day)}, rules{}, "~MIME made anew, parts equal"},
		"MIME anew, rewritten":         {[]entry{e(16, day)}, []entry{e(18, day)}, rewrites, "=parts"},
		"MIME anew, another date":      {[]entry{e(16, day)}, []entry{e(18, 5)}, rewrites, "~date"},
		"signature broken":             {[]entry{signed}, []entry{broken}, rewrites, "~signed part"},
		"another Message-ID":           {[]entry{e(16, day)}, []entry{newID}, rewrites, "~Message-ID"},
		"no Message-ID for a lost one": {[]entry{e(16, day), with(e(17, day), func(e *entry) { e.head, e.canon = 98, 77 })}, []entry{e(18, day), e(18, day)}, rewrites, "=parts - 2"},
		"another Message-ID and date":  {[]entry{e(16, 5)}, []entry{newID}, rewrites, "- +"},
		"date":                         {[]entry{e(16, day)}, []entry{e(16, 5)}, rules{}, "~date"},
		"no date known":                {[]entry{e(16, day)}, []entry{e(16, noDate)}, rules{}, "=octets"},
		"no flags known":               {[]entry{e(16, day)}, []entry{with(e(16, day), func(e *entry) { e.system = noFlags })}, rules{}, "=octets"},
		"octets":                       {[]entry{e(16, day)}, []entry{e(23, day)}, rules{}, "~octets"},
		"octets, rewritten":            {[]entry{e(16, day)}, []entry{e(23, day)}, rewrites, "~octets"},
		"octets and date":              {[]entry{e(16, day)}, []entry{e(23, 5)}, rules{}, "~octets,date"},
		"nameless":                     {[]entry{e(0, day)}, []entry{e(7, day)}, rules{}, "- +"},
		"nameless, MIME anew":          {[]entry{e(0, day)}, []entry{e(3, day)}, rewrites, "=parts"},
		"missing beside a new one":     {[]entry{e(16, day)}, []entry{e(8, day)}, rules{}, "- +"},
		"one of two arrived":           {[]entry{e(16, day), e(16, day)}, []entry{e(16, day)}, rules{}, "=octets -equal to another message that came"},
		"one too many":                 {[]entry{e(16, day)}, []entry{e(16, day), e(16, day)}, rules{}, "=octets 2"},
		"one too many, later":          {[]entry{e(16, day)}, []entry{e(16, day), e(17, 5)}, rules{}, "=octets 2"},
		"twice, altered":               {[]entry{e(16, day)}, []entry{e(16, day), e(23, day)}, rules{}, "=octets 2"},
		"twice, rewritten":             {[]entry{e(16, day)}, []entry{e(18, day), newID}, rewrites, "=parts 2"},
		"a namesake that came":         {[]entry{e(16, day)}, []entry{e(16, day), e(23, 5)}, rules{}, "=octets +"},
		"shared destination":           {[]entry{e(16, day)}, []entry{e(16, day), e(16, day)}, rules{shared: true}, "=octets +"},
		"too large":                    {[]entry{large}, nil, rules{maxSize: 4000}, ".over max_size"},
		"too large and there":          {[]entry{large}, []entry{large}, rules{maxSize: 4000}, "=octets"},
		"deleted":                      {[]entry{marked}, nil, rules{}, `.marked \Deleted`},
		"unreadable source":            {[]entry{lost}, []entry{e(16, day)}, rules{}, "!source"},
		"unreadable destination":       {[]entry{e(16, day)}, []entry{lost}, rules{}, "!destination"},
		"unreadable, nothing there":    {[]entry{unknown}, nil, rules{}, "!source"},
		"unreadable on both":           {[]entry{lost}, []entry{lost}, rules{}, "!source"},
		"unreadable beside missing":    {[]entry{e(16, 5), e(16, day)}, []entry{lost}, rules{}, "- !destination"},
		"headers":                      {[]entry{h(16, 1)}, []entry{h(16, 1)}, rules{}, "=headers"},
		"headers, other size":          {[]entry{h(16, 1)}, []entry{h(16, 2)}, rules{}, "~size"},
		"headers, size of no meaning":  {[]entry{h(16, 1)}, []entry{h(16, 2)}, rewrites, "=headers"},
		"headers, another Message-ID":  {[]entry{h(16, 1)}, []entry{with(h(16, 2), func(e *entry) { e.head = 99 })}, rewrites, "~Message-ID"},
		"headers, twice":               {[]entry{h(16, 1)}, []entry{h(16, 1), h(16, 1)}, rules{}, "=headers 2"},
		"nameless headers":             {[]entry{with(h(0, 1), func(e *entry) { e.parts = 0 }), h(0, 2)}, []entry{h(0, 2), with(h(0, 3), func(e *entry) { e.parts = 0 })}, rules{}, "- =headers +"},
	} {
		for i := range c.source {
			c.source[i].uid = mail.UID(i + 1)
		}
		for i := range c.dst {
			c.dst[i].uid = mail.UID(i + 1)
		}
		var got []string
		tally, found := judged(c.source, c.dst, c.rules)
		for _, f := range found {
			told := strings.Join(f.What, ",")
			if f.Sign == Same {
				told = f.By
			}
			got = append(got, string(f.Sign)+told)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
		checkTotals(t, 0, tally, found, len(c.source), len(c.dst))
	}
}
