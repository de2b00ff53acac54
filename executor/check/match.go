package check

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"

	"mailhaul/state/mail"
)

// entry is what is kept of one message while its folder is compared.
type entry struct {
	digests
	date   int64 // INTERNALDATE in seconds, or noDate
	size   mail.Size
	uid    mail.UID
	words  uint32 // which set of keywords it has
	folder int32  // which of the pair's source folders
	system mail.System
	known  knowledge
}

// knowledge is what was read of a message.
type knowledge uint8

const (
	unread knowledge = iota // nothing, though it was asked for: not readable
	byHead
	byBody
)

// noDate is that of a message whose date the server does not tell.
const noDate = math.MinInt64

// tier is one rule of pairing: equal under order means the same message.
type tier struct {
	order func(a, b *entry) int
	fits  func(e *entry) bool // which messages the rule speaks of
	// octets says what the rule leaves open of the content; empty: nothing.
	octets    string
	rewritten bool
}

func byExact(a, b *entry) int { return bytes.Compare(a.exact[:], b.exact[:]) }
func byCanon(a, b *entry) int { return bytes.Compare(a.canon[:], b.canon[:]) }
func byHeader(a, b *entry) int {
	return cmp.Compare(a.head, b.head)
}
func byDate(a, b *entry) int { return cmp.Compare(a.date, b.date) }
func bySize(a, b *entry) int { return cmp.Compare(a.size, b.size) }
func byFlags(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.words, b.words))
}

func orders(all ...func(a, b *entry) int) func(a, b *entry) int {
	return func(a, b *entry) int {
		for _, order := range all {
			if c := order(a, b); c != 0 {
				return c
			}
		}
		return 0
	}
}

func hasBody(e *entry) bool   { return e.known == byBody }
func hasHead(e *entry) bool   { return e.known == byHead }
func namedBody(e *entry) bool { return e.known == byBody && e.named }
func namedHead(e *entry) bool { return e.known == byHead && e.named }

// tiers are the rules, the strictest first. Each one's classes lie inside those of the ones below it, so that pairing
// greedily never costs a pair. Equal flags are paired first, so that only what differs is told.
func tiers() []tier {
	return []tier{
		{order: orders(byExact, byDate, byFlags), fits: hasBody},
		{order: orders(byExact, byDate), fits: hasBody},
		{order: orders(byCanon, byDate, byFlags), fits: hasBody, rewritten: true},
		{order: orders(byCanon, byDate), fits: hasBody, rewritten: true},
		{order: byExact, fits: hasBody},
		{order: byCanon, fits: hasBody, rewritten: true},
		{order: orders(byHeader, byDate), fits: namedBody, octets: Octets},
		{order: byHeader, fits: namedBody, octets: Octets},

		{order: orders(byHeader, byDate, bySize, byFlags), fits: hasHead},
		{order: orders(byHeader, byDate, bySize), fits: hasHead},
		{order: orders(byHeader, byDate), fits: namedHead, octets: Length},
		{order: orders(byHeader, bySize), fits: namedHead},
		{order: byHeader, fits: namedHead, octets: Length},
	}
}

// rules say which messages may be missing.
type rules struct {
	maxSize mail.Size // zero: none
	shared  bool      // others write into the destination folder too
}

// matched is one message, or a pair, that is not simply the same. The indices are -1 where a side has none.
type matched struct {
	sign        Sign
	source, dst int32
	what        []string
}

const none = -1

// match pairs the messages of a destination folder with those of its source folders and gives what is not the same.
func match(source, dst []entry, r rules, tally *Tally) []matched {
	m := &matcher{rules: r, tally: tally, source: newSide(source), dst: newSide(dst)}
	tally.Source, tally.Destination = int64(len(source)), int64(len(dst))
	for i := range source {
		if source[i].known == byBody {
			tally.Bodies++
		}
	}
	for _, t := range tiers() {
		m.pairUp(t.order, t.fits, func(i, j int32) { m.pair(t, i, j) })
	}
	m.doubts()
	for _, i := range m.source.left {
		m.alone(i)
	}
	m.surplus()
	return m.found
}

// side is the messages of one side; left are the indices of those without a pair.
type side struct {
	all  []entry
	left []int32
}

func newSide(all []entry) side {
	s := side{all: all, left: make([]int32, len(all))}
	for i := range s.left {
		s.left[i] = int32(i) //nolint:gosec // a folder has at most 2^31 messages
	}
	return s
}

// sort orders indices; equal ones as they stand in the folder.
func (s *side) sort(indices []int32, order func(a, b *entry) int) {
	slices.SortFunc(indices, func(i, j int32) int {
		return cmp.Or(order(&s.all[i], &s.all[j]), cmp.Compare(i, j))
	})
}

// pick moves those that fit to the front of left, and gives how many they are.
func (s *side) pick(fits func(*entry) bool) int {
	n := 0
	for at, i := range s.left {
		if fits(&s.all[i]) {
			s.left[n], s.left[at] = s.left[at], s.left[n]
			n++
		}
	}
	return n
}

// matcher gathers what match finds.
type matcher struct {
	rules
	tally       *Tally
	source, dst side
	found       []matched
}

// pairUp pairs messages that fit and are equal under the order, each once, and takes them out of left.
func (m *matcher) pairUp(order func(a, b *entry) int, fits func(*entry) bool, pair func(i, j int32)) {
	a, b := m.source.left, m.dst.left
	n, k := m.source.pick(fits), m.dst.pick(fits)
	m.source.sort(a[:n], order)
	m.dst.sort(b[:k], order)
	restA, restB := a[:0], b[:0]
	i, j := 0, 0
	for i < n && j < k {
		switch c := order(&m.source.all[a[i]], &m.dst.all[b[j]]); {
		case c < 0:
			restA = append(restA, a[i])
			i++
		case c > 0:
			restB = append(restB, b[j])
			j++
		default:
			pair(a[i], b[j])
			i, j = i+1, j+1
		}
	}
	m.source.left, m.dst.left = append(restA, a[i:]...), append(restB, b[j:]...)
}

// pair files two messages that a tier takes for the same.
func (m *matcher) pair(t tier, i, j int32) {
	x, y := &m.source.all[i], &m.dst.all[j]
	var what []string
	if t.octets != "" && (t.octets != Length || x.size != y.size) {
		what = append(what, t.octets)
	}
	if x.date != y.date && x.date != noDate && y.date != noDate {
		what = append(what, Date)
	}
	if byFlags(x, y) != 0 {
		what = append(what, Flags)
	}
	if len(what) > 0 {
		m.found = append(m.found, matched{sign: Differs, source: i, dst: j, what: what})
		return
	}
	m.tally.Same++
	if t.rewritten {
		m.tally.Rewritten++
	}
}

// doubts pairs what a side does not hand over with what the other one has: date and size are all that is known of it.
func (m *matcher) doubts() {
	unreadAt := func(which string) func(i, j int32) {
		return func(i, j int32) {
			m.found = append(m.found, matched{sign: Unreadable, source: i, dst: j, what: []string{which}})
		}
	}
	order := orders(byDate, bySize)
	any := func(*entry) bool { return true }
	for _, s := range []*side{&m.source, &m.dst} {
		other, which := &m.dst, Source
		if s == &m.dst {
			other, which = &m.source, Destination
		}
		n := s.pick(func(e *entry) bool { return e.known == unread })
		rest := slices.Clone(s.left[n:])
		s.left = s.left[:n]
		if n > 0 && len(other.left) > 0 {
			m.pairUp(order, any, unreadAt(which))
		}
		s.left = append(slices.Clone(s.left), rest...)
	}
}

// alone files a source message that the destination does not have.
func (m *matcher) alone(i int32) {
	e := &m.source.all[i]
	f := matched{sign: Missing, source: i, dst: none}
	switch {
	case e.system&mail.Deleted != 0:
		f.sign, f.what = LeftOut, []string{Deleted}
	case m.maxSize > 0 && e.size > m.maxSize:
		f.sign, f.what = LeftOut, []string{TooLarge}
	case e.known == unread:
		f.sign, f.what = Unreadable, []string{Source}
	}
	m.found = append(m.found, f)
}

// surplus files what only the destination has.
func (m *matcher) surplus() {
	twice := m.doubles()
	for _, j := range m.dst.left {
		f := matched{sign: Extra, source: none, dst: j}
		switch {
		case m.dst.all[j].known == unread:
			f.sign, f.what = Unreadable, []string{Destination}
		case twice[j]:
			f.sign = Twice
		}
		m.found = append(m.found, f)
	}
}

// doubles tells which of the messages left at the destination are there twice: they equal a source message that has
// found its pair already, in content, or in the naming fields and the date.
func (m *matcher) doubles() map[int32]bool {
	twice := map[int32]bool{}
	if len(m.dst.left) == 0 || m.shared {
		return twice
	}
	all := newSide(m.source.all)
	for _, t := range []tier{
		{order: byCanon, fits: hasBody},
		{order: orders(byHeader, byDate), fits: namedBody},
		{order: orders(byHeader, byDate), fits: namedHead},
		{order: orders(byHeader, byDate, bySize), fits: hasHead},
	} {
		known := all.left[:all.pick(t.fits)]
		all.sort(known, t.order)
		for _, j := range m.dst.left {
			e := &m.dst.all[j]
			_, found := slices.BinarySearchFunc(known, e, func(i int32, e *entry) int { return t.order(&all.all[i], e) })
			if found && t.fits(e) {
				twice[j] = true
			}
		}
	}
	return twice
}

// dateOf gives a date as people know it; the zero Time where there is none.
func dateOf(seconds int64) time.Time {
	if seconds == noDate {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
