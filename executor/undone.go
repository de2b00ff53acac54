package executor

import (
	"context"
	"slices"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// noteCreated records a folder that was made, with the levels above it that were not there: an undo removes what we made
// and nothing else. It is written down when the folder is there; one that a crash keeps from being recorded stays.
func (m *mailboxRun) noteCreated(ctx context.Context, path mail.Path, f mail.Folder) error {
	var made []state.CreatedFolder
	for n := 1; n < len(path); n++ {
		above := path[:n]
		if _, known := m.targetOf(above.String()); !known && !above.IsInbox() {
			made = append(made, state.CreatedFolder{Mailbox: m.row.ID, Path: above.String()})
		}
	}
	if !path.IsInbox() {
		made = append(made, state.CreatedFolder{Mailbox: m.row.ID, Path: path.String(), UIDValidity: f.Status.UIDValidity})
	}
	return m.Ledger.PutCreated(ctx, made...)
}

// flagged is the part of a session that shows and sets flags.
type flagged interface {
	Reader
	SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error
}

// finishUndo settles what an undo left in the middle: a copy that is gone is undone, and its message may be copied again;
// one that is still there has landed as before, and is marked \Deleted no more. Where nothing tells, the message is named.
func (m *mailboxRun) finishUndo(ctx context.Context) error {
	former, err := m.formerPairs(ctx)
	if err != nil {
		return err
	}
	left := &undoing{dst: m.dst, ledger: m.Ledger, folders: m.listed}
	for _, rec := range slices.Concat(m.folders, former) {
		err := eachUndoing(ctx, m.Ledger, rec.ID, func(rows []state.Message) error {
			if err := left.settle(ctx, rec, rows); err != nil {
				return err
			}
			return m.put(ctx, rows, m.countLeft(rec, rows))
		})
		if err != nil {
			return at(SideDestination, "look for messages", err)
		}
	}
	return nil
}

// formerPairs gives the pairs of mailboxes that this one takes the place of: nobody else looks after their undo any more.
func (m *mailboxRun) formerPairs(ctx context.Context) (pairs []*state.Folder, err error) {
	for _, p := range m.mailbox.Predecessors {
		old, known, err := m.Ledger.FindMailbox(ctx, p.Name, p.SourceEndpoint)
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		list, err := m.Ledger.Folders(ctx, old.ID)
		if err != nil {
			return nil, err
		}
		for i := range list {
			pairs = append(pairs, &list[i])
		}
	}
	return pairs, nil
}

// countLeft counts what is still there, if this pass asked for it, and what nobody can tell of, which it names.
func (m *mailboxRun) countLeft(rec *state.Folder, rows []state.Message) (failures []state.Failure) {
	fr := m.newFolderRun(&plan.Folder{Path: rec.Path, Target: rec.Target}, rec)
	planned := false
	for i := range m.mailbox.Folders {
		f := &m.mailbox.Folders[i]
		if string(f.Source) == rec.Source && !f.Excluded && rec.Mailbox == m.row.ID {
			fr, planned = m.newFolderRun(f, rec), true
		}
	}
	for i := range rows {
		switch row := &rows[i]; {
		case row.State == state.StateAmbiguous:
			failures = append(failures, fr.fail(row, state.StateAmbiguous, errUndoLost))
		case row.State == state.StateLanded && planned:
			fr.count(row, false)
		}
	}
	return failures
}

// errUndoLost is why a message is ambiguous whose undo was stopped.
var errUndoLost = &mail.Error{Op: "take message back", Kind: mail.Refused, Code: mail.CodeMessageAmbiguous,
	Text: "an undo was stopped while it took the copy back, and the folder that it was in is not found any more"}

// eachUndoing goes through the rows of a folder pair whose copies are being taken back. visit gives them other states.
func eachUndoing(ctx context.Context, l Ledger, id state.FolderID, visit func([]state.Message) error) error {
	return eachRow(ctx, l, state.Query{Folder: id, States: []state.State{state.StateUndoing}}, visit)
}

// undoing finds out what became of copies that were being taken back when an undo ended.
type undoing struct {
	dst     flagged
	ledger  Ledger
	folders []mail.Folder // the destination's, as listed
}

// settle gives rows of a pair the state that their copies tell. A folder that is there under another UIDVALIDITY tells
// nothing by its UIDs: then it is a doubt, and the search for it tells (seeUndone). A folder that is not there at all,
// under no name, may have been renamed in a way that leaves no trace, with the copies in it: only a person can say.
func (u *undoing) settle(ctx context.Context, rec *state.Folder, rows []state.Message) error {
	if fault.Off(fault.UndoFolder) {
		for i := range rows {
			undone(&rows[i])
		}
		return nil
	}
	place, err := u.find(ctx, rec, rows)
	if err != nil {
		return err
	}
	if place.found {
		return u.settleIn(ctx, place.folder, rows)
	}
	listed := slices.IndexFunc(u.folders, func(f mail.Folder) bool { return f.Raw == rec.Destination })
	for i := range rows {
		r := &rows[i]
		if r.DestinationUID, r.U0, r.V0 = 0, 0, 0; listed < 0 {
			r.State = state.StateAmbiguous
			continue
		}
		if r.State, r.V0 = state.StateUnknown, u.folders[listed].Status.UIDValidity; place.emptied {
			r.U0 = 1
		}
	}
	return nil
}

// untraced tells whether a row is in doubt because of an undo, and nothing proves that its copy is gone: it has been
// looked for in a folder of the name that it had been in, which may be another one. Attempts have a U0.
func untraced(row *state.Message) bool {
	return row.State == state.StateUnknown && row.U0 == 0 && row.V0 != 0
}

// seeUndone judges the untraced rows that were not found. Where other copies of their pair are in the folder it is the one
// that had theirs as well, under new UIDs, and the undo has removed them. Else they may be elsewhere now: only a person can
// say.
func (fr *folderRun) seeUndone(ctx context.Context, rows []state.Message) (failures []state.Failure, err error) {
	same := map[state.FolderID]bool{}
	for i := range rows {
		row := &rows[i]
		if row.DestinationUID != 0 || !untraced(row) {
			continue
		}
		if _, known := same[row.Folder]; !known {
			if same[row.Folder], err = fr.hasPlaced(ctx, row.Folder); err != nil {
				return nil, err
			}
		}
		if same[row.Folder] {
			undone(row)
		} else {
			failures = append(failures, fr.fail(row, state.StateAmbiguous, errUndoLost))
		}
	}
	return failures, nil
}

// hasPlaced tells whether copies of a pair are known by their UIDs.
func (fr *folderRun) hasPlaced(ctx context.Context, id state.FolderID) (placed bool, err error) {
	q := state.Query{Folder: id, States: []state.State{state.StateLanded}}
	err = fr.each(ctx, q, func(rows []state.Message) error {
		placed = placed || slices.ContainsFunc(rows, func(r state.Message) bool { return r.DestinationUID != 0 })
		return nil
	})
	return placed, err
}

// settleUndone settles what an undo of another mailbox left in the middle in a folder that both write to, before its UIDs
// are forgotten: they tell best where its copies are.
func (fr *folderRun) settleUndone(ctx context.Context, rec *state.Folder) error {
	left := &undoing{dst: fr.mailboxRun.dst, ledger: fr.Ledger, folders: fr.listed}
	return eachUndoing(ctx, fr.Ledger, rec.ID, func(rows []state.Message) error {
		if err := left.settle(ctx, rec, rows); err != nil {
			return at(SideDestination, "look for messages", err)
		}
		var failures []state.Failure
		for i := range rows {
			if rows[i].State == state.StateAmbiguous {
				failures = append(failures, fr.failure(&rows[i], errUndoLost))
			}
		}
		return fr.put(ctx, rows, failures)
	})
}

// settleIn looks in the folder where the copies were or are.
func (u *undoing) settleIn(ctx context.Context, f mail.Folder, rows []state.Message) error {
	there, err := flagsFrom(ctx, u.dst, f, rows)
	if err != nil {
		return err
	}
	if err := alsoThere(ctx, u.dst, f, rows, there); err != nil {
		return err
	}
	var marked []mail.FlagChange
	for i := range rows {
		flags, found := there[rows[i].DestinationUID]
		if !found {
			undone(&rows[i])
			continue
		}
		rows[i].State = state.StateLanded
		if flags.System&mail.Deleted != 0 {
			marked = append(marked, mail.FlagChange{UID: rows[i].DestinationUID, Flags: carried(flags)})
		}
	}
	if len(marked) == 0 {
		return nil
	}
	return u.dst.SetFlags(ctx, f, marked)
}

// alsoThere adds what a listing left out and another question finds: silence proves nothing, and what is taken for gone is
// sent once more.
func alsoThere(ctx context.Context, dst Reader, f mail.Folder, rows []state.Message, there map[mail.UID]mail.Flags) error {
	var silent []mail.UID
	for i := range rows {
		if _, found := there[rows[i].DestinationUID]; !found {
			silent = append(silent, rows[i].DestinationUID)
		}
	}
	if len(silent) == 0 {
		return nil
	}
	slices.Sort(silent)
	left, err := dst.Exists(ctx, f, silent)
	for i := range rows {
		if slices.Contains(left, rows[i].DestinationUID) {
			flags := rows[i].Flags
			flags.System |= mail.Deleted // it may be marked
			there[rows[i].DestinationUID] = flags
		}
	}
	return err
}

// undone makes a row one whose message was never copied.
func undone(row *state.Message) {
	row.State, row.DestinationUID, row.U0, row.V0, row.H1 = state.StateSeen, 0, 0, 0, mail.Digest{}
	row.Degraded &= state.LostDate // a date of our own making stays: the second copy shall be as the first
}

// flagsFrom lists the flags of the rows' copies that are there.
func flagsFrom(ctx context.Context, dst Reader, f mail.Folder, rows []state.Message) (map[mail.UID]mail.Flags, error) {
	wanted := make(map[mail.UID]bool, len(rows))
	var q mail.Query
	for i := range rows {
		uid := rows[i].DestinationUID
		wanted[uid] = true
		if q.From == 0 || uid < q.From {
			q.From = uid
		}
		q.To = max(q.To, uid)
	}
	there := make(map[mail.UID]mail.Flags, len(rows))
	for m, err := range dst.List(ctx, f, q) {
		if err != nil {
			return nil, err
		}
		if wanted[m.UID] {
			there[m.UID] = m.Flags
		}
	}
	return there, nil
}
