package executor

import (
	"context"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// flagChange is a copied message whose flags at the source are no longer those carried over.
type flagChange struct {
	row state.Message
	now mail.Flags
}

// flagChanges are those of one folder.
type flagChanges struct {
	ready []flagChange
	// waiting counts changed messages that are in doubt: until they are settled the mark of what was carried over stays
	// where it is.
	waiting int64
	// unlearned are those that have landed under a UID that is not known, but may be learned.
	unlearned []flagChange
}

// changedFlags lists, for a source folder, the copied messages whose flags changed. With CONDSTORE only what changed is
// asked for; without it every flag is read, at the price of one line a message.
func changedFlags(ctx context.Context, src Reader, l Ledger, rec *state.Folder, f mail.Folder) (flagChanges, error) {
	var changes flagChanges
	var batch []mail.Message
	flush := func() error {
		err := compareFlags(ctx, l, rec.ID, batch, &changes)
		batch = batch[:0]
		return err
	}
	for m, err := range src.List(ctx, f, mail.Query{ChangedSince: rec.FlagsModSeq}) {
		if err != nil {
			return changes, at(SideSource, "list flags", err)
		}
		if batch = append(batch, m); len(batch) >= 500 {
			if err := flush(); err != nil {
				return changes, err
			}
		}
	}
	return changes, flush()
}

func compareFlags(ctx context.Context, l Ledger, id state.FolderID, list []mail.Message, changes *flagChanges) error {
	if len(list) == 0 {
		return nil
	}
	uids := make([]mail.UID, len(list))
	now := make(map[mail.UID]mail.Flags, len(list))
	for i, m := range list {
		uids[i], now[m.UID] = m.UID, m.Flags
	}
	rows, err := l.Rows(ctx, id, uids)
	var restored []state.Message
	for _, row := range rows {
		if row.State == state.StateSkipped && now[row.UID].System&mail.Deleted == 0 {
			row.State, row.Flags = state.StateSeen, now[row.UID] // somebody took \Deleted away again
			restored = append(restored, row)
		}
		flags := carried(now[row.UID])
		if carried(row.Flags).Equal(flags) {
			continue
		}
		switch {
		case row.State.Doubt():
			changes.waiting++
		case row.State.Copied() && row.DestinationUID != 0:
			changes.ready = append(changes.ready, flagChange{row, flags})
		case row.State.Copied() && row.V0 != 0:
			changes.unlearned = append(changes.unlearned, flagChange{row, flags})
		}
	}
	if err == nil && len(restored) > 0 {
		err = l.Put(ctx, restored, nil)
	}
	return err
}

// carried is the part of the flags that is ever carried over.
func carried(f mail.Flags) mail.Flags {
	f.System &^= mail.Deleted
	return f
}

// carryFlags brings flags that changed at the source since they were last carried over.
func (m *mailboxRun) carryFlags(ctx context.Context) error {
	if m.runner.plan.Pass.Kind != kindFull {
		return nil
	}
	for i := range m.mailbox.Folders {
		f := &m.mailbox.Folders[i]
		rec := m.current(string(f.Source), f.UIDValidity)
		if f.FlagChanges == 0 || rec == nil {
			continue
		}
		if err := m.carryFolderFlags(ctx, f, rec); err != nil {
			return err
		}
	}
	return nil
}

func (m *mailboxRun) carryFolderFlags(ctx context.Context, f *plan.Folder, rec *state.Folder) error {
	fr := m.newFolderRun(f, rec)
	return fr.explain(fr.carry(ctx))
}

// carry brings the folder's changed flags. UIDs that were never learned, or mean nothing any more, are found out first.
func (fr *folderRun) carry(ctx context.Context) (err error) {
	if fr.dst, err = fr.target(ctx); err != nil {
		return err
	}
	if err := fr.open(ctx); err != nil {
		return err
	}
	if err := fr.recognise(ctx); err != nil {
		return err
	}
	if err := fr.learn(ctx); err != nil {
		return err
	}
	changes, err := changedFlags(ctx, fr.mailboxRun.src, fr.Ledger, fr.rec, fr.src)
	if err != nil {
		return err
	}
	if err := fr.storeFlags(ctx, changes.ready); err != nil {
		return err
	}
	for i := range changes.unlearned {
		// Neither UID nor date tells which copy is theirs; it keeps the flags it was sent with.
		c := &changes.unlearned[i]
		c.row.Flags = c.now
		if err := fr.put(ctx, []state.Message{c.row}, nil); err != nil {
			return err
		}
	}
	if changes.waiting > 0 {
		return nil
	}
	fr.rec.FlagsModSeq = fr.rec.SourceStatus.HighestModSeq
	return fr.putFolder(ctx, fr.rec)
}

// storeFlags sets flags where nobody changed them at the destination since we wrote them: there the user wins.
func (fr *folderRun) storeFlags(ctx context.Context, changes []flagChange) error {
	if len(changes) == 0 {
		return nil
	}
	byUID := make(map[mail.UID]*flagChange, len(changes))
	lowest := changes[0].row.DestinationUID
	for i := range changes {
		c := &changes[i]
		byUID[c.row.DestinationUID] = c
		lowest = min(lowest, c.row.DestinationUID)
	}
	var stores []mail.FlagChange
	for m, err := range fr.mailboxRun.dst.List(ctx, fr.dst, mail.Query{From: lowest}) {
		if err != nil {
			return at(SideDestination, "list flags", err)
		}
		if c := byUID[m.UID]; c != nil {
			written, _ := fr.holds(c.row.Flags)
			wanted, _ := fr.holds(c.now)
			ours := carried(m.Flags).Equal(written) || fault.Off(fault.UsersFlags)
			if ours && !written.Equal(wanted) {
				stores = append(stores, mail.FlagChange{UID: m.UID, Flags: wanted})
			}
		}
	}
	if len(stores) > 0 {
		if err := fr.mailboxRun.dst.SetFlags(ctx, fr.dst, stores); err != nil {
			return at(SideDestination, "set flags", err)
		}
		fault.At(fault.AfterFlagsStored)
	}
	fr.flagsChanged += int64(len(stores))
	rows := make([]state.Message, len(changes))
	for i, c := range changes {
		rows[i] = c.row
		rows[i].Flags = c.now
	}
	return fr.put(ctx, rows, nil)
}

// mendFlags sets the flags of messages whose APPEND was not answered and that have been found, where some are missing: a
// server that is killed can keep a message and lose its flags, or the names of its keywords. It comes before the ledger
// says landed, since afterwards nobody would look again. What a user added meanwhile stays, except keywords. A refusal is
// no reason to stop: the messages are there.
func (fr *folderRun) mendFlags(ctx context.Context, rows []state.Message) error {
	wanted := map[mail.UID]mail.Flags{}
	var lowest mail.UID
	for i := range rows {
		uid := rows[i].DestinationUID
		flags, _ := fr.holds(rows[i].Flags)
		if uid == 0 || flags.Equal(mail.Flags{}) || fault.Off(fault.LostFlags) {
			continue
		}
		if wanted[uid] = flags; lowest == 0 || uid < lowest {
			lowest = uid
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var stores []mail.FlagChange
	for m, err := range fr.mailboxRun.dst.List(ctx, fr.dst, mail.Query{From: lowest}) {
		if err != nil {
			return at(SideDestination, "list flags", err)
		}
		// One that a user has marked \Deleted since is left alone: setting its flags would take the mark away.
		if w := wanted[m.UID]; !w.In(m.Flags) && m.Flags.System&mail.Deleted == 0 {
			w.System |= m.Flags.System
			stores = append(stores, mail.FlagChange{UID: m.UID, Flags: w})
		}
	}
	if len(stores) == 0 {
		return nil
	}
	if err := fr.mailboxRun.dst.SetFlags(ctx, fr.dst, stores); err != nil && breaks(err) {
		return at(SideDestination, "set flags", err)
	}
	return nil
}
