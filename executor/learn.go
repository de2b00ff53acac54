package executor

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sort"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// learn finds out the UIDs of messages that the server took without telling any (no UIDPLUS), with one listing of what
// came since they were sent. Without them flags changed later could not be carried over, and later doubts would have to
// tell these messages from others. Bodies are read only where a date does not tell: rows and candidates of one date are
// as many, and of each size as many and the rows equal, or they are read. What is not found now is not looked for again.
func (fr *folderRun) learn(ctx context.Context) error {
	if fr.opened.Status.UIDValidity == 0 {
		return nil
	}
	from, err := fr.unlearned(ctx)
	if err != nil || from == 0 {
		return err
	}
	seen, err := fr.unclaimed(ctx, from)
	if err != nil {
		return at(SideDestination, "list messages", err)
	}
	tally := newTally(seen)
	err = fr.eachUnplaced(ctx, func(rows []state.Message) error {
		for i := range rows {
			if fr.lookedFor(&rows[i]) {
				tally.add(&rows[i])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := fr.place(ctx, seen, fr.lookedFor, tally.tier(fr)); err != nil {
		return err
	}
	for _, t := range []tier{fr.exactTier, fr.canonicalTier, fr.renderedTier} {
		if err := fr.place(ctx, seen, fr.lookedFor, t); err != nil {
			return err
		}
	}
	if seen.kept <= seen.changed {
		return nil // where dates are not kept it proves nothing that none was found
	}
	return fr.stopLooking(ctx)
}

// stopLooking notes that what has not been found in the folder is not looked for again: somebody took it away.
func (fr *folderRun) stopLooking(ctx context.Context) error {
	return fr.eachUnplaced(ctx, func(rows []state.Message) error {
		rows = slices.DeleteFunc(rows, func(r state.Message) bool { return r.V0 == 0 || !fr.lookedFor(&r) })
		for i := range rows {
			rows[i].U0, rows[i].V0 = 0, 0
		}
		return fr.put(ctx, rows, nil)
	})
}

// lookedFor tells whether the copy of a row that has landed is in the folder as far as we know, and its UID not. Where
// UIDs do not last that holds for every row.
func (fr *folderRun) lookedFor(r *state.Message) bool {
	v := fr.opened.Status.UIDValidity
	return v == 0 || r.V0 == v
}

// unlearned gives the UID from which on the messages are whose UIDs are to be learned; zero: there are none.
func (fr *folderRun) unlearned(ctx context.Context) (mail.UID, error) {
	from := mail.UID(math.MaxUint32)
	err := fr.eachUnplaced(ctx, func(rows []state.Message) error {
		for i := range rows {
			if fr.lookedFor(&rows[i]) {
				from = min(from, max(1, rows[i].U0))
			}
		}
		return nil
	})
	if from == math.MaxUint32 {
		from = 0
	}
	return from, err
}

// sampledDates is how many messages prove that a destination keeps dates.
const sampledDates = 20

// learnDates finds out from rows that have landed without a known UID whether the destination keeps dates: a few are
// looked for by date and octets, which finds them too.
func (fr *folderRun) learnDates(ctx context.Context, seen *candidates, inWindow func(*state.Message) bool) error {
	sampled := 0
	return fr.place(ctx, seen, func(r *state.Message) bool {
		switch {
		case !inWindow(r):
			return false
		case seen.left(r.InternalDate.Unix()) == 0:
			seen.changed++
			return false
		}
		sampled++
		return sampled <= sampledDates
	}, fr.exactTier)
}

// dateTally counts, without reading a body, which dates tell whose each candidate is.
type dateTally struct {
	groups []dateSize // ordered by date and size
	// rows and dated count the rows, and those that have a candidate of their date.
	rows, dated int
}

// dateSize are the candidates of one date and size, and the rows that may be theirs.
type dateSize struct {
	date       int64
	size       uint32
	next       int32 // the first in candidates.listed that is not taken
	candidates int32
	rows       int32
	print      uint32 // the beginning of the rows' digest
	mixed      bool   // the rows differ
	clear      bool   // no body is needed; known once all rows are counted
}

// newTally orders the candidates of each date by size; none is read yet.
func newTally(seen *candidates) *dateTally {
	t := &dateTally{}
	slices.SortFunc(seen.listed, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.size, b.size), cmp.Compare(a.uid, b.uid))
	})
	for i, c := range seen.listed {
		if n := len(t.groups); n > 0 && t.groups[n-1].date == c.date && t.groups[n-1].size == c.size {
			t.groups[n-1].candidates++
			continue
		}
		t.groups = append(t.groups, dateSize{date: c.date, size: c.size, next: int32(i), candidates: 1})
	}
	return t
}

// find gives the group of a row: that of its date and size, or the date's first where there is none.
func (t *dateTally) find(row *state.Message) (g *dateSize, sized bool) {
	date, size := row.InternalDate.Unix(), sizeOf(row.Size)
	byDateSize := func(a, b dateSize) int { return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.size, b.size)) }
	i, there := slices.BinarySearchFunc(t.groups, dateSize{date: date, size: size}, byDateSize)
	if there {
		return &t.groups[i], true
	}
	i = sort.Search(len(t.groups), func(i int) bool { return t.groups[i].date >= date })
	if i == len(t.groups) || t.groups[i].date != date {
		return nil, false
	}
	return &t.groups[i], false
}

// add counts a row. One of a size that no candidate of its date has makes the date unclear: either the server's sizes
// lie, or the candidate is a stranger's.
func (t *dateTally) add(row *state.Message) {
	g, sized := t.find(row)
	if t.rows++; g == nil {
		return
	}
	t.dated++
	print := binary.BigEndian.Uint32(digestsOf(row)[0][:])
	g.mixed = g.mixed || !sized || g.rows > 0 && g.print != print
	g.rows, g.print = g.rows+1, print
}

// decide marks the groups of the dates that tell. Where most rows find no candidate of their date, none does: the
// destination does not keep dates.
func (t *dateTally) decide() {
	if t.dated*2 <= t.rows {
		return
	}
	for i := 0; i < len(t.groups); {
		date, first, clear := t.groups[i].date, i, true
		for ; i < len(t.groups) && t.groups[i].date == date; i++ {
			g := &t.groups[i]
			clear = clear && !g.mixed && g.rows == g.candidates
		}
		for j := first; j < i; j++ {
			t.groups[j].clear = clear
		}
	}
}

// tier claims the candidates of dates that tell.
func (t *dateTally) tier(fr *folderRun) tier {
	t.decide()
	return func(_ context.Context, seen *candidates, rows []*state.Message) error {
		for _, row := range rows {
			if g, _ := t.find(row); g != nil && g.clear {
				e := &seen.listed[g.next]
				g.next++
				fr.found(row, seen.takeUnread(e))
				seen.kept++
			}
		}
		return nil
	}
}
