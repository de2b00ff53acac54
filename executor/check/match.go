package check

import (
	"cmp"
	"slices"

	"mailhaul/state/mail"
)

// rules say what a configuration and a destination make of differences.
type rules struct {
	maxSize  mail.Size // larger ones are left out; zero: none
	shared   bool      // others write into the destination folder too
	rewrites bool      // the destination renders mail anew: another form or size is no difference
}

// match pairs the messages of a destination folder with those of its source folders; what each came to is noted in its
// entry, and in that of the source where there are two.
func match(source, dst *table, r rules) {
	m := &matcher{rules: r, source: newSide(source), dst: newSide(dst)}
	for _, t := range tiers() {
		if t.open&messageID != 0 {
			m.strangers(func() { m.pairTier(t) })
			continue
		}
		m.pairTier(t)
	}
	m.doubts()
	m.lost()
	m.surplus()
}

// side is the messages of one side; left are the indices of those without a pair.
type side struct {
	*table
	left []int32
}

func newSide(t *table) side {
	s := side{table: t, left: make([]int32, 0, t.n)}
	for i := range t.n {
		if t.at(i).known != gone {
			s.left = append(s.left, int32(i)) //nolint:gosec // there are at most mostMessages
		}
	}
	return s
}

func (s *side) get(i int32) *entry { return s.at(int(i)) }

// sort orders indices; equal ones as they stand in the folder.
func (s *side) sort(indices []int32, order func(a, b *entry) int) {
	slices.SortFunc(indices, func(i, j int32) int {
		return cmp.Or(order(s.get(i), s.get(j)), cmp.Compare(i, j))
	})
}

// pick moves those that fit to the front, and gives how many they are.
func (s *side) pick(indices []int32, fits func(*entry) bool) int {
	n := 0
	for at, i := range indices {
		if fits(s.get(i)) {
			indices[n], indices[at] = indices[at], indices[n]
			n++
		}
	}
	return n
}

// matcher pairs messages.
type matcher struct {
	rules
	source, dst side
}

// pairUp pairs messages that fit and are equal under the order, each once, and takes them out of left.
func (m *matcher) pairUp(order func(a, b *entry) int, fits func(*entry) bool, pair func(x, y *entry)) {
	a, b := m.source.left, m.dst.left
	n, k := m.source.pick(a, fits), m.dst.pick(b, fits)
	if n == 0 || k == 0 {
		return
	}
	m.source.sort(a[:n], order)
	m.dst.sort(b[:k], order)
	restA, restB := a[:0], b[:0]
	i, j := 0, 0
	for i < n && j < k {
		x, y := m.source.get(a[i]), m.dst.get(b[j])
		switch c := order(x, y); {
		case c < 0:
			restA = append(restA, a[i])
			i++
		case c > 0:
			restB = append(restB, b[j])
			j++
		default:
			x.pair, y.pair = b[j], a[i]
			pair(x, y)
			i, j = i+1, j+1
		}
	}
	m.source.left, m.dst.left = append(restA, a[i:]...), append(restB, b[j:]...)
}

func (m *matcher) pairTier(t tier) {
	m.pairUp(t.order, t.fits, func(x, y *entry) { m.pair(t, x, y) })
}

// strangers lets work see only messages whose naming fields the other side does not have. A second copy must not stand
// in for a message that was lost and has all but its Message-ID in common with it.
func (m *matcher) strangers(work func()) {
	if len(m.source.left) == 0 || len(m.dst.left) == 0 {
		return
	}
	n, k := m.source.unknown(m.dst.table), m.dst.unknown(m.source.table)
	restA, restB := slices.Clone(m.source.left[n:]), slices.Clone(m.dst.left[k:])
	m.source.left, m.dst.left = m.source.left[:n], m.dst.left[:k]
	work()
	m.source.left, m.dst.left = append(m.source.left, restA...), append(m.dst.left, restB...)
}

// unknown moves those of left to the front whose naming fields no message of the other side has, and gives how many they
// are.
func (s *side) unknown(other *table) int {
	there := newSide(other)
	there.sort(there.left, byHeader)
	return s.pick(s.left, func(e *entry) bool {
		_, found := slices.BinarySearchFunc(there.left, e, func(i int32, e *entry) int { return byHeader(there.get(i), e) })
		return e.head == 0 || !found
	})
}

// pair judges two messages that a tier takes for the same.
func (m *matcher) pair(t tier, x, y *entry) {
	what := t.open
	if x.size == y.size || m.rewrites {
		what &^= length
	}
	if what&rendering != 0 && x.signed != y.signed {
		what |= signature
	}
	if x.date != y.date && x.date != noDate && y.date != noDate {
		what |= date
	}
	if byFlags(x, y) != 0 && (x.system|y.system)&noFlags == 0 {
		what |= otherFlags
	}
	x.what, x.verdict = what, differs
	if m.rewrites {
		what &^= form | rendering
	}
	if what == 0 {
		x.verdict = same
	}
}

// doubts pairs what a side does not hand over with what the other one has: date and size are all that is known of it.
func (m *matcher) doubts() {
	order := orders(byDate, bySize)
	if m.rewrites {
		order = byDate
	}
	for _, s := range []*side{&m.source, &m.dst} {
		n := s.pick(s.left, func(e *entry) bool { return e.known == unread })
		rest := slices.Clone(s.left[n:])
		s.left = s.left[:n]
		which := unreadableSource
		if s == &m.dst {
			which = unreadableDestination
		}
		m.pairUp(order, func(*entry) bool { return true }, func(x, _ *entry) { x.verdict = which })
		s.left = append(slices.Clone(s.left), rest...)
	}
}

// lost judges source messages that the destination does not have.
func (m *matcher) lost() {
	for _, i := range m.source.left {
		switch e := m.source.get(i); {
		case e.system&deleted != 0:
			e.verdict = leftDeleted
		case m.maxSize > 0 && mail.Size(e.size) > m.maxSize:
			e.verdict = leftTooLarge
		case e.known == unread:
			e.verdict = unreadableSource
		default:
			e.verdict = missing
		}
	}
	m.echoes(&m.source, equals(), func(e *entry) {
		if e.verdict == missing {
			e.verdict = folded
		}
	})
}

// surplus judges what only the destination has.
func (m *matcher) surplus() {
	for _, j := range m.dst.left {
		e := m.dst.get(j)
		e.verdict = extra
		if e.known == unread {
			e.verdict = unreadableDestination
		}
	}
	if m.shared {
		return
	}
	m.echoes(&m.dst, append(equals(), namesakes()...), func(e *entry) {
		if e.verdict == extra {
			e.verdict = twice
		}
	})
}

// echoes finds, among the messages of a side that are left, those that equal a source message that has its pair.
func (m *matcher) echoes(s *side, rules []tier, found func(*entry)) {
	if len(s.left) == 0 {
		return
	}
	paired := newSide(m.source.table)
	paired.left = paired.left[:paired.pick(paired.left, func(e *entry) bool { return e.verdict == same || e.verdict == differs })]
	for _, t := range rules {
		known := paired.left[:paired.pick(paired.left, t.fits)]
		if len(known) == 0 {
			continue
		}
		paired.sort(known, t.order)
		for _, j := range s.left {
			e := s.get(j)
			_, equal := slices.BinarySearchFunc(known, e, func(i int32, e *entry) int { return t.order(paired.get(i), e) })
			if equal && t.fits(e) {
				found(e)
			}
		}
	}
}
