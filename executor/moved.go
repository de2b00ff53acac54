package executor

import (
	"context"
	"slices"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// place gives the ledger's row of the mailbox. Where its destination in the configuration is not the one in the ledger,
// the folders written before decide: if they are found at the new place, the address has changed and nothing else. If
// they are not, it is another mailbox, and all that was copied is to be copied again. The plan says so, and nothing is
// forgotten before somebody has approved it: the row stays as it is.
func (s *surveyor) place(ctx context.Context) (state.Mailbox, error) {
	now := s.mailbox.Row
	old, known, err := s.Ledger.FindMailbox(ctx, now.Name, now.SourceEndpoint)
	if err != nil {
		return old, err
	}
	if known && (old.Destination != now.Destination || old.DestinationEndpoint != now.DestinationEndpoint) {
		another, err := s.another(ctx, old)
		if err != nil {
			return old, err
		}
		if another {
			s.inv.FormerDestination = old.Destination
			return old, nil
		}
	}
	return s.Ledger.PutMailbox(ctx, now)
}

// estranged tells whether folders were written to and the destination has none of them, under the UIDVALIDITY that they
// had: it is another server under the endpoint's name, or it was emptied or set up anew.
func estranged(pairs []state.Folder, destination []mail.Folder) bool {
	written := false
	for i := range pairs {
		p := &pairs[i]
		if p.DestinationValidity == 0 {
			continue
		}
		if written = true; slices.ContainsFunc(destination, func(f mail.Folder) bool {
			return f.Raw == p.Destination && f.Status.UIDValidity == p.DestinationValidity
		}) {
			return false
		}
	}
	return written
}

// another tells whether the new place is another mailbox than the one written to. Every written folder has a say; where
// none can tell, because nothing in them can be compared, equal UIDVALIDITYs decide.
func (s *surveyor) another(ctx context.Context, old state.Mailbox) (bool, error) {
	pairs, err := s.Ledger.Folders(ctx, old.ID)
	if err != nil {
		return false, err
	}
	var same, other int
	for i := range pairs {
		if pairs[i].DestinationValidity == 0 {
			continue
		}
		yes, no, err := s.compareCopies(ctx, &pairs[i])
		if err != nil {
			return false, err
		}
		same, other = same+yes, other+no
	}
	return other > same, nil
}

// compareCopies compares the folder that a pair was written to with the one of that name at the new place: how many of
// the copies it remembers are there under their UID and date, how many are not. A missing folder, or one made at
// another time, speaks for another mailbox as if one copy were missing.
func (s *surveyor) compareCopies(ctx context.Context, pair *state.Folder) (same, other int, err error) {
	for _, f := range s.inv.Destination {
		if f.Raw == pair.Destination && f.Status.UIDValidity == pair.DestinationValidity {
			return s.countCopies(ctx, pair, f)
		}
	}
	return 0, 1, nil
}

func (s *surveyor) countCopies(ctx context.Context, pair *state.Folder, f mail.Folder) (same, other int, err error) {
	rows, err := s.Ledger.Select(ctx, state.Query{Folder: pair.ID, Limit: sampled,
		States: []state.State{state.StateLanded, state.StateAdopted}})
	dates := map[mail.UID]int64{}
	first := mail.UID(0)
	for _, row := range rows {
		if uid := row.DestinationUID; uid != 0 {
			dates[uid] = row.InternalDate.Unix()
			if first == 0 || uid < first {
				first = uid
			}
		}
	}
	if err != nil || len(dates) == 0 {
		return 0, 0, err
	}
	for m, err := range s.dst.List(ctx, f, mail.Query{From: first}) {
		if err != nil {
			return 0, 0, at(SideDestination, "list messages", err)
		}
		if date, mine := dates[m.UID]; mine && date == m.InternalDate.Unix() {
			same++
		}
	}
	return same, len(dates) - same, nil
}

// startAnew forgets what was written to another mailbox, now that the plan that says so was approved. What failed there
// is tried again, what is in doubt there is of no account here.
func (m *mailboxRun) startAnew(ctx context.Context, id state.MailboxID) error {
	pairs, err := m.Ledger.Folders(ctx, id)
	if err != nil {
		return err
	}
	for i := range pairs {
		if err := m.forget(ctx, &pairs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *mailboxRun) forget(ctx context.Context, p *state.Folder) error {
	q := state.Query{Folder: p.ID, States: []state.State{state.StateAbsent, state.StateIntent, state.StateUnknown, state.StateUndoing,
		state.StateLanded, state.StateAdopted, state.StateRefused, state.StateAmbiguous}}
	err := m.each(ctx, q, func(rows []state.Message) error {
		for j := range rows {
			r := &rows[j]
			r.State, r.Attempt, r.DestinationUID, r.U0, r.V0 = state.StateSeen, 0, 0, 0, 0
		}
		return m.Ledger.Put(ctx, rows, nil)
	})
	if err != nil {
		return err
	}
	p.Destination, p.Target, p.DestinationValidity, p.Adopted = "", "", 0, false
	return m.putFolder(ctx, p)
}
