package executor

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// takenAtOnce is how many messages are removed by one command and stand in the ledger as being taken back meanwhile.
const takenAtOnce = 500

// carryOut takes back what the survey chose. The passes that are to bring it again are opened first: a crash must not
// leave a pass complete whose messages are gone.
func (u *undoRun) carryOut(ctx context.Context) error {
	if !u.out.work {
		return nil
	}
	if err := u.list(ctx); err != nil {
		return err
	}
	if err := u.reopen(ctx); err != nil {
		return err
	}
	err := u.take(ctx)
	if err == nil {
		err = u.removeFolders(ctx)
	}
	return err
}

// reopen makes the mailbox's copying passes pending.
func (u *undoRun) reopen(ctx context.Context) error {
	all, err := u.Ledger.MailboxPasses(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Mailbox != u.out.Mailbox.ID || !slices.Contains(u.Reopen, p.Pass) {
			continue
		}
		p.Progress = state.Pending
		if err := u.Ledger.PutMailboxPass(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// take goes through the pairs. What an earlier undo left in the middle is settled first.
func (u *undoRun) take(ctx context.Context) error {
	left := &undoing{dst: u.dst, ledger: u.Ledger, folders: slices.Collect(maps.Values(u.targets))}
	for i := range u.pairs {
		l := u.newLook(&u.pairs[i])
		err := eachUndoing(ctx, u.Ledger, l.rec.ID, func(rows []state.Message) error {
			if err := left.settle(ctx, l.rec, rows); err != nil {
				return at(SideDestination, "look for messages", err)
			}
			return u.Ledger.Put(ctx, rows, u.lostTrack(rows))
		})
		if err != nil {
			return err
		}
		if err := l.take(ctx, u.out.chosen[l.rec.ID]); err != nil {
			return err
		}
	}
	return nil
}

// lostTrack names the messages of which an earlier undo leaves nobody to tell where their copies are.
func (u *undoRun) lostTrack(rows []state.Message) (failures []state.Failure) {
	for i := range rows {
		if row := &rows[i]; row.State == state.StateAmbiguous {
			u.keep(KeptDoubt, row)
			failures = append(failures, state.Failure{Folder: row.Folder, UID: row.UID, Code: errUndoLost.Code,
				Kind: errUndoLost.Kind, Text: errUndoLost.Text, Time: u.Run.Started, Run: u.Run.ID})
		}
	}
	return failures
}

// take removes the copies of the messages named, some at a time.
func (l *undoLook) take(ctx context.Context, uids []mail.UID) error {
	if len(uids) == 0 {
		return nil
	}
	if l.placed {
		var err error
		if l.opened, err = l.undoRun.dst.Open(ctx, l.dst); err != nil {
			return at(SideDestination, "open folder", err)
		}
	}
	for some := range slices.Chunk(uids, takenAtOnce) {
		rows, err := l.Ledger.Rows(ctx, l.rec.ID, some)
		if err != nil {
			return err
		}
		if l.stopping() {
			for i := range rows {
				l.keep(KeptUnfinished, &rows[i])
			}
			continue
		}
		if rows, err = l.still(ctx, rows); err != nil {
			return err
		}
		if err := l.remove(ctx, rows); err != nil {
			return err
		}
	}
	return nil
}

// still looks once more at both sides, right before the removal: between the survey and this moment somebody may have
// thought about the question for an hour.
func (l *undoLook) still(ctx context.Context, rows []state.Message) ([]state.Message, error) {
	l.there, l.source = map[mail.UID]mail.Flags{}, map[mail.UID]mail.Message{}
	if l.exists && len(rows) > 0 {
		q := mail.Query{From: rows[0].UID, To: rows[len(rows)-1].UID} // and not the rest each time: there may be very many
		var err error
		if l.source, err = messages(ctx, l.undoRun.src, l.src, q); err != nil {
			return nil, at(SideSource, "list messages", err)
		}
	}
	if l.placed {
		var err error
		if l.there, err = flagsFrom(ctx, l.undoRun.dst, l.dst, rows); err != nil {
			return nil, at(SideDestination, "list flags", err)
		}
	}
	rows = slices.DeleteFunc(rows, func(r state.Message) bool {
		why := l.why(&r)
		if why != "" {
			l.keep(why, &r)
		}
		return why != "" || r.State != state.StateLanded
	})
	return l.standing(ctx, rows)
}

// remove takes copies back: the ledger knows before the server does, and learns from a look what came of it.
func (l *undoLook) remove(ctx context.Context, rows []state.Message) error {
	if len(rows) == 0 {
		return nil
	}
	for i := range rows {
		rows[i].State = state.StateUndoing
	}
	if !fault.Off(fault.UndoAhead) {
		if err := l.Ledger.Put(ctx, rows, nil); err != nil {
			return err
		}
	}
	fault.At(fault.AfterUndoIntent)
	_, uids := named(rows, func(r *state.Message) mail.UID { return r.DestinationUID })
	err := l.undoRun.dst.Erase(ctx, l.dst, uids)
	if err != nil && mail.KindOf(err) != mail.Refused {
		return at(SideDestination, "remove messages", err)
	}
	fault.At(fault.AfterUndoErase)
	left := &undoing{dst: l.undoRun.dst, ledger: l.Ledger}
	if err := left.settleIn(ctx, l.dst, rows); err != nil {
		return at(SideDestination, "look for messages", err)
	}
	if err := l.Ledger.Put(ctx, rows, nil); err != nil {
		return err
	}
	fault.At(fault.AfterUndoCommit)
	for i := range rows {
		if rows[i].State != state.StateSeen {
			l.keep(KeptUnremoved, &rows[i])
			continue
		}
		l.out.Remove = l.out.Remove.Add(state.Count{Messages: 1, Bytes: rows[i].Size})
	}
	return at(SideDestination, "remove messages", err)
}

// made is a folder that mailhaul made and that is still the one it made.
type made struct {
	state.CreatedFolder
	folder mail.Folder
}

// madeFolders gives those that are there, the deepest first, and the records of those that are not.
func (u *undoRun) madeFolders(ctx context.Context) (there []made, gone []state.CreatedFolder, err error) {
	created, err := u.Ledger.Created(ctx, u.out.Mailbox.ID)
	for _, c := range created {
		found := false
		for _, f := range u.targets {
			same := c.UIDValidity == 0 || f.NoSelect || c.UIDValidity == f.Status.UIDValidity
			if f.Path.String() == c.Path && same && !f.Path.IsInbox() {
				there, found = append(there, made{c, f}), true
			}
		}
		if !found {
			gone = append(gone, c)
		}
	}
	slices.SortFunc(there, func(a, b made) int {
		return cmp.Or(cmp.Compare(len(b.folder.Path), len(a.folder.Path)), cmp.Compare(a.Path, b.Path))
	})
	return there, gone, err
}

// countFolders says how many folders of ours are empty when that many messages of each are gone.
func (u *undoRun) countFolders(ctx context.Context, removing map[string]int64) error {
	there, _, err := u.madeFolders(ctx)
	for _, m := range there {
		if int64(m.folder.Status.Messages) == removing[m.folder.Raw] && !u.below(m.folder) {
			u.out.Folders++
			delete(u.targets, m.folder.Raw)
		}
	}
	return err
}

// below tells whether a folder has others below it.
func (u *undoRun) below(f mail.Folder) bool {
	for _, other := range u.targets {
		if n := len(f.Path); len(other.Path) > n && slices.Equal(other.Path[:n], f.Path) {
			return true
		}
	}
	return false
}

// removeFolders removes the folders that we made and that hold nothing now. Of the others the ledger goes on to say that
// they are ours.
func (u *undoRun) removeFolders(ctx context.Context) (err error) {
	if u.targets, err = byRaw(u.dst.Folders(ctx)); err != nil {
		return at(SideDestination, "list folders", err)
	}
	there, gone, err := u.madeFolders(ctx)
	if err != nil {
		return err
	}
	for _, c := range gone {
		if err := u.Ledger.DropCreated(ctx, c.Mailbox, c.Path); err != nil {
			return err
		}
	}
	for _, m := range there {
		if u.stopping() {
			return errStopped
		}
		if m.folder.Status.Messages > 0 || u.below(m.folder) {
			continue
		}
		if err := u.removeFolder(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// removeFolder removes one. The pairs that go there forget it first, so that a later pass makes it again; one with a doubt
// keeps it, for its message may still come.
func (u *undoRun) removeFolder(ctx context.Context, m made) error {
	pairs, err := u.Ledger.Sharing(ctx, u.out.Mailbox.ID, m.folder.Raw)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		c, err := u.Ledger.Count(ctx, p.ID, state.Selection{}, 0)
		if err != nil || c.Doubt.Messages > 0 {
			return err
		}
	}
	if err := u.forgetPlace(ctx, pairs); err != nil {
		return err
	}
	removed, err := u.dst.RemoveFolder(ctx, m.folder)
	if mail.CodeOf(err).FolderGone() {
		removed, err = true, nil // the answer to the first attempt was lost
	}
	if err != nil && mail.KindOf(err) != mail.Refused {
		return at(SideDestination, "remove folder", err)
	}
	fault.AtIf(removed, fault.AfterUndoFolder)
	if !removed { // somebody put something into it, or the server refused: it stays, and stays known
		for _, p := range pairs {
			if _, err := u.Ledger.PutFolder(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}
	u.out.Folders++
	delete(u.targets, m.folder.Raw)
	return u.Ledger.DropCreated(ctx, m.Mailbox, m.Path)
}

func (u *undoRun) forgetPlace(ctx context.Context, pairs []state.Folder) error {
	for _, p := range pairs {
		p.Destination, p.Adopted = "", false
		if _, err := u.Ledger.PutFolder(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
