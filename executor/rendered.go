package executor

import (
	"context"
	"io"
	"slices"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// The last tier of a match (match.go): a destination that renders mail anew, as Exchange does, gives back other octets, in
// another order and encoding. What a message means is then all that tells (mail.Meaning). It is asked only of rows that no
// stricter tier has placed, for dates that have a candidate left, and where the destination says that it does not keep
// octets, so that elsewhere it costs nothing.

// meaningSink digests octets and meaning of bodies.
type meaningSink struct {
	each    func(uid mail.UID, h0, meaning mail.Digest)
	h0      mail.Digest
	meaning mail.Digest
}

func (s *meaningSink) Body(_ mail.Size, r io.Reader) (err error) {
	exact := newExactDigest()
	s.meaning, err = mail.Meaning(io.TeeReader(r, exact))
	s.h0 = exact.sum()
	return err
}

func (s *meaningSink) Message(m mail.Message, hasBody bool) error {
	if hasBody {
		s.each(m.UID, s.h0, s.meaning)
	}
	return nil
}

// renderedTier claims what has the same date and meaning.
func (fr *folderRun) renderedTier(ctx context.Context, seen *candidates, rows []*state.Message) error {
	var open []*state.Message
	var dates []int64
	for _, row := range rows {
		if date := row.InternalDate.Unix(); row.DestinationUID == 0 && seen.left(date) > 0 {
			open, dates = append(open, row), append(dates, date)
		}
	}
	if len(open) == 0 {
		return nil
	}
	limits, err := fr.mailboxRun.dst.Limits(ctx)
	if err != nil {
		return at(SideDestination, "read limits", err)
	}
	if limits.KeepsBytes || fault.Off(fault.Meaning) {
		return nil
	}
	if err := seen.readMeanings(ctx, dates); err != nil {
		return at(SideDestination, "read message", err)
	}
	meanings := map[rowKey]mail.Digest{}
	err = fr.reread(ctx, open, func(row *state.Message, meaning mail.Digest) { meanings[keyOf(row)] = meaning })
	if err != nil {
		return err
	}
	for _, row := range open {
		if meaning, known := meanings[keyOf(row)]; known {
			fr.found(row, seen.rendered(row.InternalDate.Unix(), meaning))
		}
	}
	return nil
}

// reread reads source messages again for their meaning; those that are others by now are passed over.
func (fr *folderRun) reread(ctx context.Context, rows []*state.Message, hear func(*state.Message, mail.Digest)) error {
	for _, f := range fr.folders {
		byUID := map[mail.UID]*state.Message{}
		var uids []mail.UID
		for _, row := range rows {
			if row.Folder == f.ID {
				byUID[row.UID], uids = row, append(uids, row.UID)
			}
		}
		if len(uids) == 0 || !f.Current {
			continue
		}
		slices.Sort(uids)
		src := mail.Folder{Raw: f.Source, Status: mail.Status{UIDValidity: f.SourceStatus.UIDValidity}}
		err := fr.mailboxRun.src.Fetch(ctx, src, uids, &meaningSink{each: func(uid mail.UID, h0, meaning mail.Digest) {
			if row := byUID[uid]; row != nil && (row.H0 == h0 || row.H0.IsZero()) {
				hear(row, meaning)
			}
		}})
		if err != nil && (f.ID == fr.rec.ID || breaks(err)) {
			return at(SideSource, "read message", err)
		}
	}
	return nil
}

// readMeanings reads the candidates of some dates whose meaning is not known.
func (c *candidates) readMeanings(ctx context.Context, dates []int64) error {
	if c.meanings == nil {
		c.meanings = map[mail.UID]mail.Digest{}
	}
	asked := map[mail.UID]bool{}
	for _, date := range dates {
		for _, e := range c.at(date).all {
			if _, known := c.meanings[e.uid]; !known && e.uid != 0 {
				asked[e.uid] = true
			}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	var uids []mail.UID
	for uid := range asked {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	return c.in.Fetch(ctx, c.folder, uids, &meaningSink{each: func(uid mail.UID, _, meaning mail.Digest) {
		if asked[uid] {
			c.meanings[uid] = meaning
		}
	}})
}

// rendered claims a candidate with the same date and meaning; zero if there is none. Among equals the first that is not
// taken is taken, which keeps the order that the stricter tiers rely on.
func (c *candidates) rendered(date int64, meaning mail.Digest) mail.UID {
	d := c.at(date)
	for i := range d.all {
		if got, known := c.meanings[d.all[i].uid]; known && d.all[i].uid != 0 && got == meaning {
			return c.take(date, d, &d.all[i])
		}
	}
	return 0
}

// matchRendered gives messages that no stricter tier has matched the strangers' copies that mean the same.
func (a *adoption) matchRendered(ctx context.Context) error {
	if a.seen.empty() {
		return nil
	}
	for list := range slices.Chunk(a.like, 500) {
		var uids []mail.UID
		digests := map[mail.UID]mail.Digest{}
		for _, l := range list {
			if l.date != undated && a.seen.left(l.date) > 0 {
				uids, digests[l.uid] = append(uids, l.uid), l.h0
			}
		}
		if len(uids) == 0 {
			continue
		}
		rows, err := a.Ledger.Rows(ctx, a.rec.ID, uids)
		if err == nil {
			err = a.adoptRendered(ctx, rows, digests)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// adoptRendered does so for some rows, whose octets have these digests.
func (a *adoption) adoptRendered(ctx context.Context, rows []state.Message, digests map[mail.UID]mail.Digest) error {
	var open []*state.Message
	var changed []state.Message
	for i := range rows {
		if row := &rows[i]; !row.State.Copied() {
			row.H0 = digests[row.UID]
			open = append(open, row)
		}
	}
	if err := a.renderedTier(ctx, a.seen, open); err != nil {
		return err
	}
	for _, row := range open {
		if row.DestinationUID != 0 {
			changed = append(changed, a.adopt(row, row.DestinationUID))
		}
	}
	return a.put(ctx, changed, nil)
}
