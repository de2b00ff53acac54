package executor

import (
	"cmp"
	"context"
	"io"
	"slices"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// found is a message seen at the destination that no row has claimed.
type found struct {
	uid    mail.UID
	h0, h1 mail.Digest
}

// candidates are the unclaimed messages of a destination folder, to be matched with source messages. A match needs the
// same INTERNALDATE and the same octets (h0), or, where the server changed line ends or trace headers, the same
// canonical form (h1). Messages equal in content are interchangeable: counting settles them. Bodies are read only where a date is equal, once. A nil *candidates has none.
type candidates struct {
	in      Reader
	folder  mail.Folder
	listed  []dated // by date, then UID
	buckets map[int64]*bucket
}

// dated is a candidate whose body nobody needed yet; there may be hundreds of thousands.
type dated struct {
	date int64 // INTERNALDATE in seconds
	uid  mail.UID
}

// bucket holds the candidates of one date, bodies read, those claimed taken out.
type bucket struct {
	left  int
	exact map[mail.Digest][]*found
}

// listCandidates lists the folder from a UID on, leaving out what is claimed.
func listCandidates(ctx context.Context, in Reader, f mail.Folder, from mail.UID, claimed map[mail.UID]bool) (*candidates, error) {
	c := &candidates{in: in, folder: f, buckets: map[int64]*bucket{}}
	for m, err := range in.List(ctx, f, mail.Query{From: from}) {
		if err != nil {
			return nil, err
		}
		if m.UID < from || claimed[m.UID] && !fault.Off(fault.Claims) {
			continue // n:* answers with the last message even if it is below n (RFC 9051, 6.4.8)
		}
		c.listed = append(c.listed, dated{date: m.InternalDate.Unix(), uid: m.UID})
	}
	slices.SortFunc(c.listed, func(a, b dated) int {
		return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.uid, b.uid))
	})
	return c, nil
}

// empty tells whether there is no candidate at all.
func (c *candidates) empty() bool { return c == nil || len(c.listed) == 0 }

// first finds where the candidates of a date begin.
func (c *candidates) first(date int64) (int, bool) {
	return slices.BinarySearchFunc(c.listed, date, func(d dated, at int64) int { return cmp.Compare(d.date, at) })
}

// has tells whether a candidate has the date, claimed or not, without reading a body.
func (c *candidates) has(date int64) bool {
	if c == nil {
		return false
	}
	_, there := c.first(date)
	return there
}

// at gives the candidates of a date, with their bodies read.
func (c *candidates) at(ctx context.Context, date int64) (*bucket, error) {
	if c == nil {
		return &bucket{}, nil
	}
	if b := c.buckets[date]; b != nil {
		return b, nil
	}
	first, _ := c.first(date)
	var uids []mail.UID
	for _, d := range c.listed[first:] {
		if d.date != date {
			break
		}
		uids = append(uids, d.uid)
	}
	b := &bucket{exact: map[mail.Digest][]*found{}}
	if len(uids) > 0 {
		if err := c.in.Fetch(ctx, c.folder, uids, &digestSink{each: b.add}); err != nil {
			return nil, err
		}
	}
	c.buckets[date] = b
	return b, nil
}

func (b *bucket) add(m mail.Message, h0, h1 mail.Digest) error {
	b.exact[h0] = append(b.exact[h0], &found{uid: m.UID, h0: h0, h1: h1})
	b.left++
	return nil
}

// remove takes a claimed candidate out.
func (b *bucket) remove(f *found) {
	b.exact[f.h0] = slices.DeleteFunc(b.exact[f.h0], func(g *found) bool { return g == f })
	b.left--
}

// exact claims a candidate with the same date and octets; nil if there is none.
func (c *candidates) exact(ctx context.Context, date int64, h0 mail.Digest) (*found, error) {
	b, err := c.at(ctx, date)
	if err != nil || len(b.exact[h0]) == 0 {
		return nil, err
	}
	f := b.exact[h0][0]
	if !fault.Off(fault.Counting) {
		b.remove(f)
	}
	return f, nil
}

// canonical claims a candidate with the same date and canonical form; of several, which are as good as one another, the
// one with the lowest UID. h1 is asked for only if there is a candidate at all.
func (c *candidates) canonical(ctx context.Context, date int64, h1 func() (mail.Digest, error)) (*found, error) {
	b, err := c.at(ctx, date)
	if err != nil || b.left == 0 {
		return nil, err
	}
	want, err := h1()
	if err != nil {
		return nil, err
	}
	var match *found
	for _, same := range b.exact {
		for _, f := range same {
			if f.h1 == want && (match == nil || f.uid < match.uid) {
				match = f
			}
		}
	}
	if match != nil {
		b.remove(match)
	}
	return match, nil
}

// digestSink digests bodies and keeps nothing of them.
type digestSink struct {
	each   func(m mail.Message, h0, h1 mail.Digest) error
	h0, h1 mail.Digest
}

func (s *digestSink) Body(_ mail.Size, r io.Reader) error {
	exact, canonical := newExactDigest(), mail.NewCanonical()
	if _, err := io.Copy(io.MultiWriter(exact, canonical), r); err != nil {
		return err
	}
	s.h0, s.h1 = exact.sum(), canonical.Sum()
	return nil
}

func (s *digestSink) Message(m mail.Message, hasBody bool) error {
	if !hasBody {
		return nil
	}
	return s.each(m, s.h0, s.h1)
}
