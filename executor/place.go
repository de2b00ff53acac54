package executor

import (
	"context"
	"slices"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// renumber notes the pair's place, and forgets the destination UIDs of every pair there that mean nothing any more,
// those of other mailboxes with the same destination too. That its copies are to be looked for again is written down
// first: a crash must not leave rows without their UIDs that nobody looks after.
func (fr *folderRun) renumber(ctx context.Context, moved bool) error {
	v := fr.opened.Status.UIDValidity
	if moved {
		if err := fr.forgetUIDs(ctx, fr.rec, 0, 0); err != nil {
			return err
		}
		fr.rec.DestinationValidity, fr.rec.Adopted = 0, false
	}
	fr.rec.Destination, fr.rec.Target = fr.dst.Raw, fr.plan.Target
	if err := fr.putFolder(ctx, fr.rec); err != nil {
		return err
	}
	pairs, err := fr.sharing(ctx)
	if err != nil {
		return err
	}
	for _, f := range pairs {
		if f.DestinationValidity == v && !fr.reset {
			continue
		}
		if f.DestinationValidity != 0 {
			if err := fr.settleUndone(ctx, f); err != nil {
				return err
			}
			f.Adopted = false
			if err := fr.putFolder(ctx, f); err != nil {
				return err
			}
			if err := fr.forgetUIDs(ctx, f, 1, v); err != nil {
				return err
			}
		}
		f.DestinationValidity = v
		if err := fr.putFolder(ctx, f); err != nil {
			return err
		}
	}
	fr.reset = false
	fr.claimed, err = fr.claims(ctx, fr.u0)
	return err
}

// forgetUIDs takes the destination UIDs of a pair's rows away. Their copies are then anywhere under the UIDVALIDITY from
// a UID on; zero says that they are not in the folder that the pair goes to now.
func (fr *folderRun) forgetUIDs(ctx context.Context, f *state.Folder, from mail.UID, v mail.UIDValidity) error {
	q := state.Query{Folder: f.ID, States: []state.State{state.StateLanded, state.StateAdopted}}
	return fr.each(ctx, q, func(rows []state.Message) error {
		for i := range rows {
			r := &rows[i]
			if r.DestinationUID != 0 || r.V0 != 0 {
				r.DestinationUID, r.U0, r.V0 = 0, from, v
			}
			if fault.Off(fault.Memory) {
				r.State = state.StateSeen
			}
		}
		return fr.Ledger.Put(ctx, rows, nil)
	})
}

// sharing gives the pairs whose mail is in the destination folder: this one, its earlier UIDVALIDITYs, those that the
// rules merge with it, and those of other mailboxes with the same destination.
func (fr *folderRun) sharing(ctx context.Context) ([]*state.Folder, error) {
	list, err := fr.Ledger.Sharing(ctx, fr.row.ID, fr.dst.Raw)
	var all []*state.Folder
	for i := range list {
		f := &list[i]
		for _, own := range fr.folders {
			if own.ID == f.ID {
				f = own
			}
		}
		all = append(all, f)
	}
	return all, err
}

// place gives rows that have landed without a known UID their messages among those seen. wanted narrows to rows whose
// copy can be among them.
func (fr *folderRun) place(ctx context.Context, seen *candidates, wanted func(*state.Message) bool, t tier) error {
	if seen.empty() {
		return nil
	}
	return fr.eachUnplaced(ctx, func(rows []state.Message) error {
		var open []*state.Message
		for i := range rows {
			if r := &rows[i]; wanted(r) && !seen.served[keyOf(r)] {
				open = append(open, r)
			}
		}
		if err := t(ctx, seen, open); err != nil {
			return err
		}
		var placed []state.Message
		for _, r := range open {
			if r.DestinationUID == 0 {
				continue
			}
			seen.served[keyOf(r)] = true
			if fr.lasting(r) {
				placed = append(placed, *r)
				delete(seen.served, keyOf(r)) // its UID says so from now on
			}
		}
		if err := fr.flagPlaced(ctx, placed); err != nil {
			return err
		}
		return fr.put(ctx, placed, nil)
	})
}

// flagPlaced sets \Flagged of copies that were found just now, where the destination loses it. With their UIDs in the ledger
// nobody would look again.
func (fr *folderRun) flagPlaced(ctx context.Context, placed []state.Message) error {
	flagged := slices.DeleteFunc(slices.Clone(placed), func(r state.Message) bool { return r.Flags.System&mail.Flagged == 0 })
	if len(flagged) == 0 {
		return nil
	}
	limits, err := fr.mailboxRun.dst.Limits(ctx)
	if err != nil {
		return at(SideDestination, "read limits", err)
	}
	if !limits.LosesFlagged {
		return nil
	}
	return fr.mendFlags(ctx, flagged)
}

// eachUnplaced goes through the rows of every pair of the destination folder that have landed without a known UID.
func (fr *folderRun) eachUnplaced(ctx context.Context, visit func([]state.Message) error) error {
	pairs, err := fr.sharing(ctx)
	if err != nil {
		return err
	}
	for _, f := range pairs {
		q := state.Query{Folder: f.ID, States: []state.State{state.StateLanded, state.StateAdopted}, NoDestinationUID: true}
		if err := fr.each(ctx, q, visit); err != nil {
			return err
		}
	}
	return nil
}

// lasting tells whether the row's destination UID may be kept. Where UIDs do not last it is taken away again.
func (fr *folderRun) lasting(row *state.Message) bool {
	if fr.opened.Status.UIDValidity == 0 {
		row.DestinationUID = 0
	}
	return row.DestinationUID != 0
}

// placeAnew gives rows that have landed their UIDs again where those they have mean nothing any more, and recognises
// nothing else: else they would stand for messages that are others now, and hide the copies of rows in doubt.
func (fr *folderRun) placeAnew(ctx context.Context) error {
	v := fr.opened.Status.UIDValidity
	if fr.rec.DestinationValidity == v && !fr.reset && v != 0 {
		return nil
	}
	if err := fr.renumber(ctx, false); err != nil {
		return err
	}
	a := &adoption{folderRun: fr}
	if err := a.look(ctx); err != nil {
		return err
	}
	if err := a.placeLanded(ctx); err != nil {
		return err
	}
	if err := a.placeAlike(ctx); err != nil {
		return err
	}
	return fr.stopLooking(ctx)
}
