package executor

import (
	"context"
	"slices"

	"mailhaul/state"
)

// inherits adds the pairs of mailboxes that this one takes the place of to the earlier ones: what they copied into the
// folder is this mailbox's copy, if it has an equal message. Their claims would keep it from being recognised.
func (fr *folderRun) inherits(ctx context.Context) error {
	for _, p := range fr.mailbox.Predecessors {
		old, known, err := fr.Ledger.FindMailbox(ctx, p.Name, p.SourceEndpoint)
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		pairs, err := fr.sharing(ctx)
		if err != nil {
			return err
		}
		for _, f := range pairs {
			known := slices.ContainsFunc(fr.older, func(o *state.Folder) bool { return o.ID == f.ID })
			if f.Mailbox == old.ID && !known {
				fr.older = append(fr.older, f)
			}
		}
	}
	return nil
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

// readOld collects the copied rows of earlier source UIDVALIDITYs. What was never copied under them is gone with its
// UID: its message is listed again under the new one.
func (a *adoption) readOld(ctx context.Context) error {
	a.old, a.oldDates = map[identity][]state.Message{}, map[int64]bool{}
	for _, f := range a.older {
		q := state.Query{Folder: f.ID, States: []state.State{state.StateSeen, state.StateAbsent, state.StateLanded,
			state.StateAdopted, state.StateLeftOut, state.StateRefused, state.StateAmbiguous, state.StateDamaged}}
		if f.Mailbox != a.rec.Mailbox {
			q.States = []state.State{state.StateLanded, state.StateAdopted, state.StateAmbiguous}
		}
		err := a.each(ctx, q, func(rows []state.Message) error { return a.keepOld(ctx, f, rows) })
		if err != nil {
			return err
		}
	}
	if len(a.old) == 0 || a.rec.FlagsModSeq == 0 {
		return nil
	}
	// The new pair's mark is as young as its listing; flags that changed before it, since they were carried over, count too.
	a.rec.FlagsModSeq = 0
	return a.putFolder(ctx, a.rec)
}

func (a *adoption) keepOld(ctx context.Context, f *state.Folder, rows []state.Message) error {
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
}

// placed keeps an old row's destination UID only if it is one of the folder we write to.
func (a *adoption) placed(f *state.Folder, row state.Message) state.Message {
	if f.Destination != a.rec.Destination || f.DestinationValidity != a.rec.DestinationValidity {
		row.DestinationUID, row.U0, row.V0 = 0, 0, 0
	}
	return row
}

// inherit gives a message listed anew what its row under the earlier UIDVALIDITY, or under the mailbox whose place this
// one takes, had come to. The claim goes over in the same transaction (I5).
func (a *adoption) inherit(row *state.Message, old state.Message) []state.Message {
	row.Attempt, row.Degraded, row.H1 = old.Attempt, old.Degraded, old.H1
	if row.InternalDate.IsZero() {
		row.InternalDate = old.InternalDate
	}
	if old.State == state.StateAmbiguous {
		a.inherited = append(a.inherited, a.fail(row, state.StateAmbiguous, errAmbiguous))
	} else {
		// What was adopted stays adopted: an undo must not take somebody else's copy for ours.
		row.State, row.DestinationUID, row.Flags = old.State, old.DestinationUID, old.Flags
		row.U0, row.V0 = old.U0, old.V0
		a.count(row, true)
	}
	old.State, old.DestinationUID = state.StateGone, 0
	return []state.Message{old, *row}
}
