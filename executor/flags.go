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

// changedFlags lists, for a source folder, the copied messages whose flags changed. With CONDSTORE only what changed is
// asked for; without it every flag is read, at the price of one line a message.
func changedFlags(ctx context.Context, src Reader, l Ledger, rec *state.Folder, f mail.Folder) ([]flagChange, error) {
	var changes []flagChange
	var batch []mail.Message
	flush := func() error {
		some, err := compareFlags(ctx, l, rec.ID, batch)
		changes, batch = append(changes, some...), batch[:0]
		return err
	}
	for m, err := range src.List(ctx, f, mail.Query{ChangedSince: rec.FlagsModSeq}) {
		if err != nil {
			return nil, at(SideSource, "list flags", err)
		}
		if batch = append(batch, m); len(batch) >= 500 {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return changes, flush()
}

func compareFlags(ctx context.Context, l Ledger, id state.FolderID, list []mail.Message) ([]flagChange, error) {
	if len(list) == 0 {
		return nil, nil
	}
	uids := make([]mail.UID, len(list))
	now := make(map[mail.UID]mail.Flags, len(list))
	for i, m := range list {
		uids[i], now[m.UID] = m.UID, m.Flags
	}
	rows, err := l.Rows(ctx, id, uids)
	var changes []flagChange
	var restored []state.Message
	for _, row := range rows {
		if row.State == state.StateSkipped && now[row.UID].System&mail.Deleted == 0 {
			row.State, row.Flags = state.StateSeen, now[row.UID] // somebody took \Deleted away again
			restored = append(restored, row)
		}
		if flags := carried(now[row.UID]); row.State.Copied() && row.DestinationUID != 0 && !carried(row.Flags).Equal(flags) {
			changes = append(changes, flagChange{row, flags})
		}
	}
	if err == nil && len(restored) > 0 {
		err = l.Put(ctx, restored, nil)
	}
	return changes, err
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
	fr := &folderRun{mailboxRun: m, plan: f, rec: rec}
	src := mail.Folder{Raw: rec.Source, Status: mail.Status{UIDValidity: f.UIDValidity}}
	changes, err := changedFlags(ctx, m.src, m.Ledger, rec, src)
	if err != nil {
		return fr.explain(err)
	}
	if fr.dst, err = fr.target(ctx); err != nil {
		return fr.explain(err)
	}
	if err := fr.open(ctx); err != nil {
		return fr.explain(err)
	}
	if fr.opened.Status.UIDValidity != rec.DestinationValidity {
		return nil // the UIDs mean nothing until the folder is recognised; the changes wait
	}
	if err := fr.storeFlags(ctx, changes); err != nil {
		return fr.explain(err)
	}
	rec.FlagsModSeq = rec.SourceStatus.HighestModSeq
	return m.putFolder(ctx, rec)
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
