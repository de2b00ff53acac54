package executor

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"math"
	"slices"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// candidates are the unclaimed messages of a destination folder, to be matched with source messages (match.go). Bodies
// are read only where a date is equal, each once, those of an equal size first; only digests are kept, and those only
// while a candidate of that date is left. A nil *candidates has none.
type candidates struct {
	in     Reader
	folder mail.Folder
	listed []candidate // by date
	dates  map[int64]*sameDate
	// known are digests that an earlier look at the same UIDs has read.
	known map[mail.UID]*digests
	// kept and changed count the claimed messages that the window shows under the date they were sent with, and under
	// another one.
	kept, changed int
	// disproved are claimed messages of another date than the one they were sent with: either the destination does not keep
	// dates, or it named the UID of another message.
	disproved map[mail.UID]bool
	// meanings are those of candidates that were read for them (rendered.go).
	meanings map[mail.UID]mail.Digest
	// served are rows that have found their copy and can't keep its UID, because UIDs do not last here.
	served map[rowKey]bool
}

// candidate is one of them; there may be hundreds of thousands.
type candidate struct {
	date   int64    // INTERNALDATE in seconds
	digest *digests // nil: the body is not read, and the destination does not keep it
	uid    mail.UID // zero: taken
	size   uint32   // RFC822.SIZE, which may lie: it says what to read first, never what to leave out
}

// digests are those of one body.
type digests struct{ h0, h1 mail.Digest }

// sameDate are the candidates of one date.
type sameDate struct {
	// all is a part of candidates.listed: first those read, by h0, those taken before others of equal h0; then those not
	// read, by UID.
	all    []candidate
	read   int
	left   int // not taken
	sizes  map[uint32]bool
	fresh  bool    // sizes has grown since it was looked at
	whole  bool    // there is nothing more to read
	byForm []int32 // those not taken, by h1; nil: to be made
}

// claims are the messages of the destination folder, from one UID on, that rows claim, with the dates they were sent with.
type claims map[mail.UID]int64

// noDate is the date of a message that was sent without one, or recognised without one.
const noDate int64 = -62135596800 // the zero time.Time

func sizeOf(n mail.Size) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }

// listCandidates lists the folder from a UID on, leaving out what is claimed.
func listCandidates(ctx context.Context, in Reader, f mail.Folder, from mail.UID, claimed claims) (*candidates, error) {
	c := &candidates{in: in, folder: f, dates: map[int64]*sameDate{}, served: map[rowKey]bool{}, disproved: map[mail.UID]bool{}}
	for m, err := range in.List(ctx, f, mail.Query{From: from}) {
		if err != nil {
			return nil, err
		}
		if m.UID < from {
			continue // n:* answers with the last message even if it is below n (RFC 9051, 6.4.8)
		}
		date := m.InternalDate.Unix()
		switch sent, taken := claimed[m.UID]; {
		case !taken || fault.Off(fault.Claims):
			c.listed = append(c.listed, candidate{date: date, uid: m.UID, size: sizeOf(m.Size), digest: keptDigest(m)})
		case sent == noDate: // the source gave none: it proves nothing
		case sent == date:
			c.kept++
		default:
			c.changed++
			c.disproved[m.UID] = true
		}
	}
	slices.SortFunc(c.listed, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.uid, b.uid))
	})
	return c, nil
}

// keptDigest is what the destination itself tells of our octets: it needs no body, and is right where the body was made
// anew. There is no canonical form then; the zero one is nobody's.
func keptDigest(m mail.Message) *digests {
	if m.Written.IsZero() {
		return nil
	}
	return &digests{h0: m.Written}
}

// empty tells whether there is no candidate at all.
func (c *candidates) empty() bool { return c == nil || len(c.listed) == 0 }

// at gives the candidates of a date.
func (c *candidates) at(date int64) *sameDate {
	if c == nil {
		return &sameDate{whole: true}
	}
	if d := c.dates[date]; d != nil {
		return d
	}
	byDate := func(e candidate, at int64) int { return cmp.Compare(e.date, at) }
	first, there := slices.BinarySearchFunc(c.listed, date, byDate)
	if !there {
		return &sameDate{whole: true}
	}
	end := first + 1
	for end < len(c.listed) && c.listed[end].date == date {
		end++
	}
	d := &sameDate{all: c.listed[first:end]}
	for i := range d.all {
		if d.all[i].uid != 0 {
			d.left++
		}
	}
	if d.left > 0 {
		c.dates[date] = d
	} else {
		d.all = nil
	}
	return d
}

// left is how many candidates have a date and are not taken.
func (c *candidates) left(date int64) int { return c.at(date).left }

// want says that a message of that date and size is looked for: candidates of that size are read before the others.
func (c *candidates) want(date int64, size mail.Size) {
	d := c.at(date)
	if s := sizeOf(size); !d.whole && !d.sizes[s] {
		if d.sizes == nil {
			d.sizes = map[uint32]bool{}
		}
		d.sizes[s], d.fresh = true, true
	}
}

// readAhead reads, with one question, the candidates of every date that is wanted whose size is wanted, and where there is
// one only, that one whatever its size.
func (c *candidates) readAhead(ctx context.Context) error {
	if c == nil {
		return nil
	}
	var dates []*sameDate
	for _, d := range c.dates {
		if d.fresh && !d.whole {
			d.fresh = false
			dates = append(dates, d)
		}
	}
	return c.read(ctx, dates, func(d *sameDate, e *candidate) bool { return len(d.all) == 1 || d.sizes[e.size] })
}

// readWhole reads all candidates of some dates. One that does not come and is not there any more is none; one that is
// there and does not come stays, and so keeps a message of that date from counting as absent.
func (c *candidates) readWhole(ctx context.Context, dates ...*sameDate) error {
	dates = slices.DeleteFunc(dates, func(d *sameDate) bool { return d.whole })
	if len(dates) == 0 {
		return nil
	}
	if err := c.read(ctx, dates, func(*sameDate, *candidate) bool { return true }); err != nil {
		return err
	}
	var silent []mail.UID
	for _, d := range dates {
		d.whole = true
		for _, e := range d.all[d.read:] {
			if e.uid != 0 {
				silent = append(silent, e.uid)
			}
		}
	}
	if len(silent) == 0 {
		return nil
	}
	slices.Sort(silent)
	there, err := c.in.Exists(ctx, c.folder, silent)
	if err != nil {
		return err
	}
	for _, d := range dates {
		for i := range d.all[d.read:] {
			if e := &d.all[d.read+i]; e.uid != 0 && !slices.Contains(there, e.uid) {
				e.uid = 0
				d.left--
			}
		}
	}
	return nil
}

// read reads candidates of some dates.
func (c *candidates) read(ctx context.Context, dates []*sameDate, which func(*sameDate, *candidate) bool) error {
	var asked []*candidate
	var uids []mail.UID
	for _, d := range dates {
		rest := d.all[d.read:]
		for i := range rest {
			if e := &rest[i]; e.uid != 0 && which(d, e) {
				if e.digest == nil {
					e.digest = c.known[e.uid]
				}
				if e.digest == nil {
					asked = append(asked, e)
				}
			}
		}
	}
	byUID := func(a, b *candidate) int { return cmp.Compare(a.uid, b.uid) }
	slices.SortFunc(asked, byUID)
	for _, e := range asked {
		uids = append(uids, e.uid)
	}
	if len(uids) > 0 {
		err := c.in.Fetch(ctx, c.folder, uids, &digestSink{each: func(m mail.Message, h0, h1 mail.Digest) error {
			if i, there := slices.BinarySearchFunc(asked, &candidate{uid: m.UID}, byUID); there {
				asked[i].digest = &digests{h0, h1}
			}
			return nil
		}})
		if err != nil {
			return err
		}
	}
	for _, d := range dates {
		d.sort()
	}
	return nil
}

// sort brings what was read in its order.
func (d *sameDate) sort() {
	slices.SortFunc(d.all, func(a, b candidate) int {
		switch {
		case a.digest != nil && b.digest != nil:
			return cmp.Or(bytes.Compare(a.digest.h0[:], b.digest.h0[:]), cmp.Compare(a.uid, b.uid))
		case a.digest != nil:
			return -1
		case b.digest != nil:
			return 1
		}
		return cmp.Compare(a.uid, b.uid)
	})
	d.read, _ = slices.BinarySearchFunc(d.all, true, func(e candidate, _ bool) int {
		if e.digest != nil {
			return -1
		}
		return 1
	})
	d.byForm = nil
}

// remember gives the digests of what was read and not taken, for the next look at the same UIDs.
func (c *candidates) remember() map[mail.UID]*digests {
	known := map[mail.UID]*digests{}
	for i := range c.listed {
		if e := &c.listed[i]; e.uid != 0 && e.digest != nil {
			known[e.uid] = e.digest
		}
	}
	return known
}

// digestSink digests bodies and keeps nothing of them. Its messages have the size of their literal.
type digestSink struct {
	each   func(m mail.Message, h0, h1 mail.Digest) error
	size   mail.Size
	h0, h1 mail.Digest
}

func (s *digestSink) Body(size mail.Size, r io.Reader) error {
	exact, canonical := newExactDigest(), mail.NewCanonical()
	if _, err := io.Copy(io.MultiWriter(exact, canonical), r); err != nil {
		return err
	}
	s.size, s.h0, s.h1 = size, exact.sum(), canonical.Sum()
	return nil
}

func (s *digestSink) Message(m mail.Message, hasBody bool) error {
	if !hasBody {
		return nil
	}
	m.Size = s.size
	return s.each(m, s.h0, s.h1)
}
