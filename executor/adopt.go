package executor

import (
	"context"
	"slices"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// recognise matches the folder with what is at the destination already, before anything is sent: mail of strangers or
// of a lost state file at the first visit, our own mail under new UIDs after a changed UIDVALIDITY on either side. It
// does so once for each destination UIDVALIDITY, over every row of the folder, whatever this pass chooses.
func (fr *folderRun) recognise(ctx context.Context) error {
	v := fr.opened.Status.UIDValidity
	moved := fr.rec.Destination != "" && fr.rec.Destination != fr.dst.Raw
	renumbered := fr.rec.DestinationValidity != 0 && fr.rec.DestinationValidity != v && !fault.Off(fault.DestinationValidity)
	if fr.rec.Adopted && !moved && !renumbered {
		return nil
	}
	if err := fr.renumber(ctx, moved); err != nil {
		return err
	}
	if err := fr.settleOlder(ctx); err != nil {
		return err
	}
	a := &adoption{folderRun: fr}
	fr.unrecognised = map[mail.UID]bool{}
	if fr.opened.Status.Messages > 0 && !fault.Off(fault.Adoption) && (renumbered || fr.mailbox.Settings.Existing != existingIgnore) {
		seen, err := fr.unclaimed(ctx, 1)
		if err != nil {
			return at(SideDestination, "list messages", err)
		}
		a.seen = seen
	}
	if err := a.match(ctx); err != nil {
		return err
	}
	fault.At(fault.AfterAdopt)
	fr.rec.Adopted = len(fr.unrecognised) == 0
	return fr.putFolder(ctx, fr.rec)
}

const existingIgnore = "ignore"

// renumber notes the pair's place, and forgets the destination UIDs of every pair there that mean nothing any more.
func (fr *folderRun) renumber(ctx context.Context, moved bool) error {
	v := fr.opened.Status.UIDValidity
	if moved {
		if err := fr.forgetUIDs(ctx, fr.rec); err != nil {
			return err
		}
	}
	fr.rec.Destination, fr.rec.Target = fr.dst.Raw, fr.plan.Target
	for _, f := range fr.sharing() {
		if f.DestinationValidity == v {
			continue
		}
		if f.DestinationValidity != 0 {
			if err := fr.forgetUIDs(ctx, f); err != nil {
				return err
			}
		}
		f.DestinationValidity = v
		if err := fr.putFolder(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (fr *folderRun) forgetUIDs(ctx context.Context, f *state.Folder) error {
	q := state.Query{Folder: f.ID, States: []state.State{state.StateLanded, state.StateAdopted}}
	return fr.each(ctx, q, func(rows []state.Message) error {
		for i := range rows {
			rows[i].DestinationUID = 0
			if fault.Off(fault.Memory) {
				rows[i].State = state.StateSeen
			}
		}
		return fr.Ledger.Put(ctx, rows, nil)
	})
}

// sharing gives the pairs of the mailbox whose mail is in the destination folder: this one, its earlier UIDVALIDITYs,
// and those that the rules merge with it.
func (fr *folderRun) sharing() []*state.Folder {
	var all []*state.Folder
	for _, f := range fr.folders {
		if f.Destination == fr.dst.Raw {
			all = append(all, f)
		}
	}
	return all
}

// place gives rows that have landed without a known UID their messages among those seen. They come first: a row that
// has landed must not lose its copy to one that is in doubt or still to be sent (I5). wanted narrows to rows whose copy
// can be among those seen.
func (fr *folderRun) place(ctx context.Context, seen *candidates, wanted func(*state.Message) bool) error {
	for _, f := range fr.sharing() {
		q := state.Query{Folder: f.ID, States: []state.State{state.StateLanded, state.StateAdopted}, NoDestinationUID: true}
		err := fr.each(ctx, q, func(rows []state.Message) error {
			rows = slices.DeleteFunc(rows, func(r state.Message) bool { return !wanted(&r) })
			copies, err := fr.find(ctx, rows, seen)
			if err != nil {
				return err
			}
			for i, f := range copies {
				if f != nil {
					rows[i].DestinationUID = f.uid
				}
			}
			return fr.put(ctx, rows, nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// adoption is one recognise.
type adoption struct {
	*folderRun
	seen *candidates // at the destination, unclaimed; nil: none
	// old are copied rows under the source's earlier UIDVALIDITYs, by date and digest.
	old      map[identity][]state.Message
	oldDates map[int64]bool
	// inherited are failures to be put with the next rows.
	inherited []state.Failure
}

// identity is what tells two messages of one folder apart without UIDs.
type identity struct {
	date int64
	h0   mail.Digest
}

func identityOf(row *state.Message) identity { return identity{row.InternalDate.Unix(), row.H0} }

func (a *adoption) match(ctx context.Context) error {
	if !a.seen.empty() {
		if err := a.place(ctx, a.seen, func(*state.Message) bool { return true }); err != nil {
			return err
		}
	}
	if err := a.readOld(ctx); err != nil {
		return err
	}
	if a.seen.empty() && len(a.old) == 0 {
		return nil
	}
	q := state.Query{Folder: a.rec.ID, Limit: 500,
		States: []state.State{state.StateSeen, state.StateAbsent, state.StateRefused, state.StateDamaged}}
	return a.each(ctx, q, func(rows []state.Message) error { return a.matchSource(ctx, rows) })
}

// readOld collects the copied rows of earlier source UIDVALIDITYs. What was never copied under them is gone with its
// UID: its message is listed again under the new one.
func (a *adoption) readOld(ctx context.Context) error {
	a.old, a.oldDates = map[identity][]state.Message{}, map[int64]bool{}
	for _, f := range a.older {
		q := state.Query{Folder: f.ID, States: []state.State{state.StateSeen, state.StateAbsent, state.StateLanded,
			state.StateAdopted, state.StateLeftOut, state.StateRefused, state.StateAmbiguous, state.StateDamaged}}
		err := a.each(ctx, q, func(rows []state.Message) error {
			var gone []state.Message
			for _, row := range rows {
				if row.State.Copied() || row.State == state.StateAmbiguous {
					id := identityOf(&row)
					a.old[id], a.oldDates[id.date] = append(a.old[id], a.placed(f, row)), true
					continue
				}
				row.State = state.StateGone
				gone = append(gone, row)
			}
			return a.put(ctx, gone, nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// placed keeps an old row's destination UID only if it is one of the folder we write to.
func (a *adoption) placed(f *state.Folder, row state.Message) state.Message {
	if f.Destination != a.rec.Destination || f.DestinationValidity != a.rec.DestinationValidity {
		row.DestinationUID = 0
	}
	return row
}

// matchSource reads those source messages that may be at the destination already and claims their copies. One that
// can't be read can't be recognised, and so must not be sent either: it waits until it can.
func (a *adoption) matchSource(ctx context.Context, rows []state.Message) error {
	rows = slices.DeleteFunc(rows, func(r state.Message) bool {
		date := r.InternalDate.Unix()
		return !a.seen.has(date) && !a.oldDates[date]
	})
	if len(rows) == 0 {
		return nil
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
	err := a.mailboxRun.src.Fetch(ctx, a.src, uids, &digestSink{each: func(m mail.Message, h0, h1 mail.Digest) error {
		row := byUID[m.UID]
		if row == nil {
			return nil
		}
		delete(byUID, m.UID)
		row.H0 = h0
		rows, err := a.claim(ctx, row, h1)
		changed = append(changed, rows...)
		return err
	}})
	if err != nil {
		return nil, at(SideSource, "read message", err)
	}
	missing := slices.DeleteFunc(slices.Clone(rows), func(r state.Message) bool { return byUID[r.UID] == nil })
	failures := a.inherited
	a.inherited = nil
	return missing, a.put(ctx, changed, failures)
}

// claim gives a source message its copy, if there is one; it gives the rows to be put.
func (a *adoption) claim(ctx context.Context, row *state.Message, h1 mail.Digest) ([]state.Message, error) {
	if list := a.old[identityOf(row)]; len(list) > 0 {
		old := list[0]
		a.old[identityOf(row)] = list[1:]
		return a.inherit(row, old), nil
	}
	date := row.InternalDate.Unix()
	f, err := a.seen.exact(ctx, date, row.H0)
	if f == nil && err == nil {
		f, err = a.seen.canonical(ctx, date, func() (mail.Digest, error) { return h1, nil })
	}
	if f == nil || err != nil {
		return nil, at(SideDestination, "read message", err)
	}
	row.State, row.DestinationUID = state.StateAdopted, f.uid
	a.count(row, true)
	return []state.Message{*row}, nil
}

// inherit gives a message listed anew what its row under the earlier UIDVALIDITY had come to.
func (a *adoption) inherit(row *state.Message, old state.Message) []state.Message {
	if old.State == state.StateAmbiguous {
		row.Attempt = old.Attempt
		a.inherited = append(a.inherited, a.fail(row, state.StateAmbiguous, errAmbiguous))
	} else {
		row.State, row.DestinationUID, row.Flags = state.StateLanded, old.DestinationUID, old.Flags
		a.count(row, true)
	}
	old.State, old.DestinationUID = state.StateGone, 0
	return []state.Message{old, *row}
}

// settleOlder settles, to the end, what is in doubt under earlier UIDVALIDITYs of the source: its message is listed
// again under the new one and must not be sent while a first copy may still appear.
func (fr *folderRun) settleOlder(ctx context.Context) error {
	doubts, err := fr.doubts(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(doubts, func(r state.Message) bool { return r.Folder != fr.rec.ID }) {
		return nil
	}
	if err := fr.settle(ctx, false); err != nil {
		return err
	}
	if err := fr.waitGrace(ctx); err != nil {
		return err
	}
	return fr.settle(ctx, true)
}
