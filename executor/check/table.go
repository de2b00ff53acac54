package check

import (
	"cmp"
	"math"
	"sort"
	"time"

	"mailhaul/state/mail"
)

// entry is what is kept of one message while its folder is compared: 72 octets without a pointer, so that the collector
// of garbage has nothing to look at in hundreds of thousands of them.
type entry struct {
	exact mail.Digest // of the octets
	canon uint64      // of the canonical form
	parts uint64      // of the decoded parts and the naming fields but Message-ID; zero: it has neither
	head  uint64      // of the naming fields; zero: it has none
	date  int64       // INTERNALDATE in seconds, or noDate
	size  uint32      // RFC822.SIZE as far as it fits: a hint
	uid   mail.UID

	signed uint32 // of the part that a signature vouches for; zero: there is none
	words  uint32 // of the keywords; zero: none
	pair   int32  // index at the other side, or none

	system  systemFlags
	known   knowledge
	verdict verdict
	what    differences
}

// knowledge is what was read of a message.
type knowledge uint8

const (
	unread knowledge = iota // nothing, though it was asked for: not readable
	byHead
	byBody
	gone // it went while its folder was read
)

// noDate is that of a message whose date the server does not tell.
const noDate = math.MinInt64

// none is the index of no message.
const none = -1

// dateOf gives a date as people know it; the zero Time where there is none.
func dateOf(seconds int64) time.Time {
	if seconds == noDate {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// table holds the entries of one side. It grows by slabs: growing copies nothing, so that no more is needed than is
// kept, and what a server announces only is not made room for.
type table struct {
	slabs [][]entry
	n     int
}

const slab = 1 << 12 // entries

// mostMessages bounds what one folder may hold, as its messages are kept in memory. A server that goes on listing new
// messages must not take it all.
const mostMessages = 1 << 24

func (t *table) at(i int) *entry { return &t.slabs[i/slab][i%slab] }

func (t *table) add(e entry) {
	if t.n == len(t.slabs)*slab {
		t.slabs = append(t.slabs, make([]entry, slab))
	}
	e.pair = none
	*t.at(t.n) = e
	t.n++
}

// span is the part of a table that is one folder, UIDs ascending.
type span struct {
	*table
	from, to int
}

// order sorts the entries by UID, each once: a server may send news of a message while it lists.
func (s span) order() span {
	ordered := true
	for i := s.from + 1; i < s.to && ordered; i++ {
		ordered = s.at(i-1).uid < s.at(i).uid
	}
	if ordered {
		return s
	}
	sort.Stable(byUID{s})
	to := s.from + 1
	for i := s.from + 1; i < s.to; i++ {
		if s.at(i).uid != s.at(to-1).uid {
			*s.at(to) = *s.at(i)
			to++
		}
	}
	s.n, s.to = to, to // the folder is the table's last one
	return s
}

// byUID sorts a span.
type byUID struct{ span }

// Len is part of sort.Interface.
func (b byUID) Len() int { return b.to - b.from }

// Less is part of sort.Interface.
func (b byUID) Less(i, j int) bool { return b.at(b.from+i).uid < b.at(b.from+j).uid }

// Swap is part of sort.Interface.
func (b byUID) Swap(i, j int) {
	x, y := b.at(b.from+i), b.at(b.from+j)
	*x, *y = *y, *x
}

// find gives the index of a UID, none if the folder was listed without it.
func (s span) find(uid mail.UID) int {
	i, found := sort.Find(s.to-s.from, func(i int) int { return cmp.Compare(uid, s.at(s.from+i).uid) })
	if !found {
		return none
	}
	return s.from + i
}

// get gives the entry of a UID, nil if the folder was listed without it.
func (s span) get(uid mail.UID) *entry {
	if i := s.find(uid); i != none {
		return s.at(i)
	}
	return nil
}
