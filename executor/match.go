package executor

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sort"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// A match needs the same INTERNALDATE and the same octets (h0), or, where the server changed line ends or trace headers,
// the same canonical form (h1), or, where it renders mail anew, the same meaning (rendered.go). Messages equal in content are interchangeable: counting settles them. So the tiers are
// gone through one after the other, each for all rows: what is exactly one row's copy is not taken by another row that
// it only resembles. Among the rows those that have landed come first: they must not lose their copy to one that is in
// doubt or still to be sent (I5).

// tier finds copies for rows among those seen, and gives the rows that found one their DestinationUID.
type tier func(ctx context.Context, seen *candidates, rows []*state.Message) error

// exactTier claims what has the same date and octets.
func (fr *folderRun) exactTier(ctx context.Context, seen *candidates, rows []*state.Message) error {
	for _, row := range rows {
		seen.want(row.InternalDate.Unix(), row.Size)
	}
	if err := seen.readAhead(ctx); err != nil {
		return at(SideDestination, "read message", err)
	}
	for nth := range 2 { // what is one row's own octets is not taken by another row that was sent with others
		for _, row := range rows {
			if err := fr.claimExact(ctx, seen, row, nth); err != nil {
				return at(SideDestination, "read message", err)
			}
		}
	}
	return nil
}

// claimExact does so for one row and the nth of its digests.
func (fr *folderRun) claimExact(ctx context.Context, seen *candidates, row *state.Message, nth int) error {
	list := digestsOf(row)
	if nth >= len(list) || row.DestinationUID != 0 {
		return nil
	}
	uid, err := seen.exact(ctx, row.InternalDate.Unix(), list[nth])
	if err != nil {
		return err
	}
	if fr.found(row, uid); uid != 0 && row.Degraded&state.LostDate == 0 {
		seen.kept++ // a date of our own making, which is today's, proves nothing
	}
	return nil
}

// canonicalTier claims what has the same date and canonical form. For that the source is read again, and only where a
// candidate of the date is left.
func (fr *folderRun) canonicalTier(ctx context.Context, seen *candidates, rows []*state.Message) error {
	var open []*state.Message
	var dates []*sameDate
	for _, row := range rows {
		if d := seen.at(row.InternalDate.Unix()); d.left > 0 {
			open, dates = append(open, row), append(dates, d)
		}
	}
	if err := seen.readWhole(ctx, dates...); err != nil {
		return at(SideDestination, "read message", err)
	}
	forms, err := fr.forms(ctx, open)
	if err != nil {
		return err
	}
	for _, row := range open {
		form := forms[keyOf(row)]
		if form.IsZero() {
			continue
		}
		uid, err := seen.canonical(ctx, row.InternalDate.Unix(), form)
		if err != nil {
			return at(SideDestination, "read message", err)
		}
		fr.found(row, uid)
	}
	return nil
}

// undatedTier claims what has the same octets, whatever its date, for rows whose date says nothing here.
func (fr *folderRun) undatedTier(ctx context.Context, seen *candidates, rows []*state.Message) error {
	for _, row := range rows {
		if seen.keepsDate(row) {
			continue
		}
		uid, err := firstOf(row, func(h mail.Digest) (mail.UID, error) { return seen.anywhere(ctx, h, anySize) })
		if err != nil {
			return at(SideDestination, "read message", err)
		}
		fr.found(row, uid)
	}
	return nil
}

// firstOf looks for a row's copy under each digest that it may have.
func firstOf(row *state.Message, look func(mail.Digest) (mail.UID, error)) (mail.UID, error) {
	for _, h := range digestsOf(row) {
		if uid, err := look(h); uid != 0 || err != nil {
			return uid, err
		}
	}
	return 0, nil
}

// found notes the copy that a row has found; UID zero is none.
func (fr *folderRun) found(row *state.Message, uid mail.UID) {
	if row.DestinationUID = uid; uid != 0 {
		fr.claimed[uid] = row.InternalDate.Unix()
	}
}

// rowKey names a row.
type rowKey struct {
	folder state.FolderID
	uid    mail.UID
}

func keyOf(row *state.Message) rowKey { return rowKey{row.Folder, row.UID} }

// forms reads source messages again for their canonical digests. A message that is not to be had, or is another one by
// now, has none.
func (fr *folderRun) forms(ctx context.Context, rows []*state.Message) (map[rowKey]mail.Digest, error) {
	byFolder := map[state.FolderID]map[mail.UID]*state.Message{}
	for _, row := range rows {
		if byFolder[row.Folder] == nil {
			byFolder[row.Folder] = map[mail.UID]*state.Message{}
		}
		byFolder[row.Folder][row.UID] = row
	}
	forms := map[rowKey]mail.Digest{}
	for _, f := range fr.folders {
		rows := byFolder[f.ID]
		if len(rows) == 0 || !f.Current {
			continue // its UIDs mean nothing any more
		}
		var uids []mail.UID
		for uid := range rows {
			uids = append(uids, uid)
		}
		slices.Sort(uids)
		src := mail.Folder{Raw: f.Source, Status: mail.Status{UIDValidity: f.SourceStatus.UIDValidity}}
		err := fr.mailboxRun.src.Fetch(ctx, src, uids, &digestSink{each: func(m mail.Message, h0, h1 mail.Digest) error {
			if row := rows[m.UID]; row != nil && row.H0 == h0 {
				forms[keyOf(row)] = h1
			}
			return nil
		}})
		if err == nil {
			err = fr.amendedForms(ctx, f, slices.Collect(maps.Values(rows)), forms)
		}
		if err != nil && (f.ID == fr.rec.ID || breaks(err)) {
			return nil, at(SideSource, "read message", err)
		}
	}
	return forms, nil
}

// exact claims a candidate with the same date and octets; zero if there is none.
func (c *candidates) exact(ctx context.Context, date int64, h0 mail.Digest) (mail.UID, error) {
	d := c.at(date)
	if d.left == 0 {
		return 0, nil
	}
	uid := c.take(date, d, d.exact(h0))
	if uid == 0 && !d.whole {
		if err := c.readWhole(ctx, d); err != nil {
			return 0, err
		}
		uid = c.take(date, d, d.exact(h0))
	}
	return uid, nil
}

// exact finds the first candidate with these octets that is not taken.
func (d *sameDate) exact(h0 mail.Digest) *candidate {
	read := d.all[:d.read]
	first, there := slices.BinarySearchFunc(read, h0, func(e candidate, h mail.Digest) int {
		return bytes.Compare(e.digest.h0[:], h[:])
	})
	if !there {
		return nil
	}
	run := read[first:]
	run = run[:sort.Search(len(run), func(i int) bool { return run[i].digest.h0 != h0 })]
	free := sort.Search(len(run), func(i int) bool { return run[i].uid != 0 })
	if free == len(run) {
		return nil
	}
	d.byForm = nil // whoever takes it out makes the order of forms wrong
	return &run[free]
}

// canonical claims a candidate with the same date and canonical form; zero if there is none.
func (c *candidates) canonical(ctx context.Context, date int64, h1 mail.Digest) (mail.UID, error) {
	d := c.at(date)
	if d.left == 0 {
		return 0, nil
	}
	if err := c.readWhole(ctx, d); err != nil {
		return 0, err
	}
	if d.byForm == nil {
		d.orderForms()
	}
	first, there := slices.BinarySearchFunc(d.byForm, h1, func(i int32, h mail.Digest) int {
		return bytes.Compare(d.all[i].digest.h1[:], h[:])
	})
	if !there {
		return 0, nil
	}
	run := d.byForm[first:]
	run = run[:sort.Search(len(run), func(i int) bool { return d.all[run[i]].digest.h1 != h1 })]
	free := sort.Search(len(run), func(i int) bool { return d.all[run[i]].uid != 0 })
	if free == len(run) {
		return 0, nil
	}
	return c.take(date, d, &d.all[run[free]]), nil
}

func (d *sameDate) orderForms() {
	d.byForm = []int32{}
	for i := range d.all[:d.read] {
		if d.all[i].uid != 0 {
			d.byForm = append(d.byForm, int32(i))
		}
	}
	slices.SortFunc(d.byForm, func(a, b int32) int {
		return cmp.Or(bytes.Compare(d.all[a].digest.h1[:], d.all[b].digest.h1[:]), cmp.Compare(a, b))
	})
}

// anySize stands for every size.
const anySize mail.Size = -1

// anywhere claims a candidate with these octets whatever its date, the newest first: a message without a date got that of
// its copying. Zero if there is none. A size narrows what is read.
func (c *candidates) anywhere(ctx context.Context, h0 mail.Digest, size mail.Size) (mail.UID, error) {
	if c == nil {
		return 0, nil
	}
	for end := len(c.listed); end > 0; {
		date := c.listed[end-1].date
		end = sort.Search(end, func(i int) bool { return c.listed[i].date >= date })
		d := c.at(date)
		if d.left == 0 {
			continue
		}
		var err error
		if size == anySize {
			err = c.readWhole(ctx, d)
		} else if c.want(date, size); d.fresh {
			err = c.readAhead(ctx)
		}
		if err != nil {
			return 0, err
		}
		if uid := c.take(date, d, d.exact(h0)); uid != 0 {
			return uid, nil
		}
	}
	return 0, nil
}

// take takes a candidate out; nil is none.
func (c *candidates) take(date int64, d *sameDate, e *candidate) (uid mail.UID) {
	if e == nil {
		return 0
	}
	if fault.Off(fault.Counting) {
		return e.uid
	}
	uid, e.uid = e.uid, 0
	if d.left--; d.left == 0 {
		for i := range d.all {
			d.all[i].digest = nil
		}
		d.read, d.byForm, d.whole = 0, nil, true
		delete(c.dates, date)
	}
	return uid
}

// takeUnread takes out a candidate whose date nobody has asked for yet.
func (c *candidates) takeUnread(e *candidate) (uid mail.UID) {
	uid, e.uid = e.uid, 0
	return uid
}

// keepsDate tells whether a copy of the row has the row's date. Some servers give every message the day it came, and
// clamp dates that they can't hold; the claimed messages in the window show it. Where none shows anything it is not
// assumed.
func (c *candidates) keepsDate(row *state.Message) bool {
	year := row.InternalDate.UTC().Year()
	return c.kept > c.changed && year >= 1970 && year < 2038
}
