package executor

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// recognise matches the folder with what is at the destination already, before anything is sent: mail of strangers or
// of a lost state file at the first visit, our own mail under new UIDs after a changed UIDVALIDITY on either side. It
// does so once for each destination UIDVALIDITY, over every row of the folder, whatever this pass chooses, and each time
// where UIDs do not last.
func (fr *folderRun) recognise(ctx context.Context) error {
	v := fr.opened.Status.UIDValidity
	moved := fr.rec.Destination != "" && fr.rec.Destination != fr.dst.Raw
	same := !fr.reset && v != 0 && fr.rec.DestinationValidity == v || fault.Off(fault.DestinationValidity)
	if fr.rec.Adopted && !moved && same {
		return nil
	}
	if err := fr.renumber(ctx, moved); err != nil {
		return err
	}
	if err := fr.inherits(ctx); err != nil {
		return err
	}
	if err := fr.settleOlder(ctx); err != nil {
		return err
	}
	a := &adoption{folderRun: fr, strangers: fr.mailbox.Settings.Existing != existingIgnore}
	fr.unrecognised = map[mail.UID]bool{}
	if err := a.look(ctx); err != nil {
		return err
	}
	if err := a.match(ctx); err != nil {
		return err
	}
	fault.At(fault.AfterAdopt)
	if err := fr.stopLooking(ctx); err != nil {
		return err
	}
	fr.rec.Adopted = len(fr.unrecognised) == 0
	return fr.putFolder(ctx, fr.rec)
}

const existingIgnore = "ignore"

// adoption is one recognise.
type adoption struct {
	*folderRun
	strangers bool        // mail that no row of ours stands for may be taken for a copy
	seen      *candidates // at the destination, unclaimed; nil: none
	// old are copied rows under the source's earlier UIDVALIDITYs, and under mailboxes that this one takes the place of,
	// by date and digest.
	old      map[identity][]state.Message
	oldDates map[int64]bool
	// like are messages that no copy of the same octets was found for, although one of the same date is left, and those
	// that have no date: who has a better claim comes first.
	like []likeness
	// inherited are failures to be put with the next rows.
	inherited []state.Failure
}

// likeness is what is kept of a source message until its canonical form is looked for, or where it has no date, its
// octets under any.
type likeness struct {
	uid    mail.UID
	date   int64
	size   mail.Size
	h0, h1 mail.Digest
}

// identity is what tells two messages of one folder apart without UIDs.
type identity struct {
	date int64
	h0   mail.Digest
}

// undated stands in an identity for the date of a message that the source gives none for: its row got one of ours.
const undated int64 = math.MinInt64

func identityOf(row *state.Message) identity {
	if row.InternalDate.IsZero() || row.Degraded&state.LostDate != 0 {
		return identity{undated, row.H0}
	}
	return identity{row.InternalDate.Unix(), row.H0}
}

// look lists what no row claims, if anybody is to be matched with it.
func (a *adoption) look(ctx context.Context) error {
	a.seen = nil
	if a.opened.Status.Messages == 0 || fault.Off(fault.Adoption) {
		return nil
	}
	needed := a.strangers
	if !needed {
		err := a.eachUnplaced(ctx, func(rows []state.Message) error {
			needed = needed || slices.ContainsFunc(rows, func(r state.Message) bool { return a.lookedFor(&r) })
			return nil
		})
		if err != nil {
			return err
		}
	}
	if !needed {
		return nil
	}
	seen, err := a.unclaimed(ctx, 1)
	a.seen = seen
	return at(SideDestination, "list messages", err)
}

// match goes through the tiers, in each the rows that have landed before those that are still to be sent.
func (a *adoption) match(ctx context.Context) error {
	if err := a.placeLanded(ctx); err != nil {
		return err
	}
	if err := a.readOld(ctx); err != nil {
		return err
	}
	if !a.strangers || a.seen.empty() {
		if err := a.placeAlike(ctx); err != nil {
			return err
		}
		a.seen = nil
	}
	if a.seen.empty() && len(a.old) == 0 {
		return nil
	}
	q := state.Query{Folder: a.rec.ID, Limit: 500,
		States: []state.State{state.StateSeen, state.StateAbsent, state.StateRefused, state.StateDamaged}}
	if err := a.each(ctx, q, func(rows []state.Message) error { return a.matchSource(ctx, rows) }); err != nil {
		return err
	}
	if err := a.placeAlike(ctx); err != nil {
		return err
	}
	if err := a.matchAmended(ctx); err != nil {
		return err
	}
	if err := a.matchLike(ctx); err != nil {
		return err
	}
	return a.matchRendered(ctx)
}

// placeAlike gives rows that have landed copies of other octets that are theirs all the same.
func (a *adoption) placeAlike(ctx context.Context) error {
	for _, t := range []tier{a.canonicalTier, a.renderedTier} {
		if err := a.place(ctx, a.seen, a.lookedFor, t); err != nil {
			return err
		}
	}
	return nil
}

// placeLanded gives rows that have landed their copies of the same octets.
func (a *adoption) placeLanded(ctx context.Context) error {
	if err := a.place(ctx, a.seen, a.lookedFor, a.exactTier); err != nil {
		return err
	}
	if err := a.learnDates(ctx, a.seen, a.lookedFor); err != nil {
		return err
	}
	return a.place(ctx, a.seen, a.lookedFor, a.undatedTier)
}

// matchSource reads those source messages that may be at the destination already and claims their copies. One that
// can't be read can't be recognised, and so must not be sent either: it waits until it can.
func (a *adoption) matchSource(ctx context.Context, rows []state.Message) error {
	rows = slices.DeleteFunc(rows, func(r state.Message) bool {
		if r.InternalDate.IsZero() {
			return a.seen.empty() && !a.oldDates[undated]
		}
		date := r.InternalDate.Unix()
		return a.seen.left(date) == 0 && !a.oldDates[date]
	})
	if len(rows) == 0 {
		return nil
	}
	for i := range rows {
		a.seen.want(rows[i].InternalDate.Unix(), rows[i].Size)
	}
	if err := a.seen.readAhead(ctx); err != nil {
		return at(SideDestination, "read message", err)
	}
	damaged, err := a.hear(ctx, rows, a.ask)
	for _, row := range damaged {
		a.unrecognised[row.UID] = true
	}
	return err
}

func (a *adoption) ask(ctx context.Context, rows []state.Message) ([]state.Message, error) {
	byUID := map[mail.UID]*state.Message{}
	var uids []mail.UID
	for i := range rows {
		byUID[rows[i].UID] = &rows[i]
		uids = append(uids, rows[i].UID)
	}
	slices.Sort(uids)
	var changed []state.Message
	var wrong error // at the destination
	err := a.mailboxRun.src.Fetch(ctx, a.src, uids, &digestSink{each: func(m mail.Message, h0, h1 mail.Digest) error {
		row := byUID[m.UID]
		if row == nil {
			return nil
		}
		delete(byUID, m.UID)
		row.H0 = h0
		var rows []state.Message
		rows, wrong = a.claim(ctx, row, m.Size, h1)
		changed = append(changed, rows...)
		return wrong
	}})
	if err != nil && (wrong != nil || !broke(ctx, err)) {
		return nil, at(SideSource, "read message", err)
	}
	missing := slices.DeleteFunc(slices.Clone(rows), func(r state.Message) bool { return byUID[r.UID] == nil })
	failures := a.inherited
	a.inherited = nil
	if putErr := a.put(ctx, changed, failures); putErr != nil {
		return nil, putErr
	}
	if err != nil {
		err = at(SideSource, "read message", err)
	}
	return missing, err
}

// claim gives a source message its copy, if there is one of the same octets; it gives the rows to be put.
func (a *adoption) claim(ctx context.Context, row *state.Message, size mail.Size, h1 mail.Digest) ([]state.Message, error) {
	if list := a.old[identityOf(row)]; len(list) > 0 {
		old := list[0]
		a.old[identityOf(row)] = list[1:]
		return a.inherit(row, old), nil
	}
	if row.InternalDate.IsZero() {
		a.like = append(a.like, likeness{row.UID, undated, size, row.H0, h1})
		return nil, nil
	}
	date := row.InternalDate.Unix()
	uid, err := a.seen.exact(ctx, date, row.H0)
	if err != nil {
		return nil, at(SideDestination, "read message", err)
	}
	if uid != 0 {
		a.seen.kept++
		return []state.Message{a.adopt(row, uid)}, nil
	}
	if a.seen.left(date) > 0 {
		a.like = append(a.like, likeness{row.UID, date, size, row.H0, h1})
	}
	return nil, nil
}

func (a *adoption) adopt(row *state.Message, uid mail.UID) state.Message {
	a.found(row, uid)
	a.lasting(row)
	row.State = state.StateAdopted
	a.count(row, true)
	return *row
}

// matchLike gives messages without a copy of the same octets and date one of the same canonical form, those without a
// date one of the same octets.
func (a *adoption) matchLike(ctx context.Context) error {
	if a.seen.empty() {
		return nil
	}
	slices.SortStableFunc(a.like, func(x, y likeness) int { return cmp.Compare(y.date, x.date) }) // undated is the least
	for list := range slices.Chunk(a.like, 500) {
		found := map[mail.UID]mail.UID{}
		digests := map[mail.UID]mail.Digest{}
		var uids []mail.UID
		for _, l := range list {
			uid, err := a.likest(ctx, l)
			if err != nil {
				return at(SideDestination, "read message", err)
			}
			if uid != 0 {
				uids, found[l.uid], digests[l.uid] = append(uids, l.uid), uid, l.h0
			}
		}
		if len(uids) == 0 {
			continue
		}
		rows, err := a.Ledger.Rows(ctx, a.rec.ID, uids)
		for i := range rows {
			rows[i].H0 = digests[rows[i].UID]
			rows[i] = a.adopt(&rows[i], found[rows[i].UID])
		}
		if err == nil {
			err = a.put(ctx, rows, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *adoption) likest(ctx context.Context, l likeness) (mail.UID, error) {
	if l.date == undated && a.seen.changed > 0 && a.seen.kept <= a.seen.changed {
		return 0, nil // dates say nothing here: the copy may well be another row's
	}
	if l.date == undated {
		return a.seen.anywhere(ctx, l.h0, l.size)
	}
	return a.seen.canonical(ctx, l.date, l.h1)
}
