package executor

import (
	"context"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// moved looks after a mailbox whose destination in the configuration is not the one in the ledger. Where the folders
// written before are found at the new place, the address has changed and nothing else. Where they are not, it is another
// mailbox: all that was copied is to be copied again, and the plan says so.
func (s *surveyor) moved(ctx context.Context) error {
	old, known, err := s.Ledger.FindMailbox(ctx, s.mailbox.Row.Name, s.mailbox.Row.SourceEndpoint)
	now := s.mailbox.Row
	if err != nil || !known || old.Destination == now.Destination && old.DestinationEndpoint == now.DestinationEndpoint {
		return err
	}
	pairs, err := s.Ledger.Folders(ctx, old.ID)
	if err != nil {
		return err
	}
	for i := range pairs {
		there, err := s.foundThere(ctx, &pairs[i])
		if err != nil {
			return err
		}
		if !there {
			s.inv.FormerDestination = old.Destination
			return s.startAnew(ctx, pairs)
		}
	}
	return nil
}

// foundThere tells whether the destination folder that a pair was written to is at the new place: UIDVALIDITY must be
// the same, and the messages must have the dates that the rows remember. A few may have been deleted since.
func (s *surveyor) foundThere(ctx context.Context, pair *state.Folder) (bool, error) {
	if pair.DestinationValidity == 0 {
		return true, nil
	}
	for _, f := range s.inv.Destination {
		if f.Raw == pair.Destination && f.Status.UIDValidity == pair.DestinationValidity {
			return s.sameCopies(ctx, pair, f)
		}
	}
	return false, nil
}

func (s *surveyor) sameCopies(ctx context.Context, pair *state.Folder, f mail.Folder) (bool, error) {
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
		return false, err
	}
	same := 0
	for m, err := range s.dst.List(ctx, f, mail.Query{From: first}) {
		if err != nil {
			return false, at(SideDestination, "list messages", err)
		}
		if date, mine := dates[m.UID]; mine && date == m.InternalDate.Unix() {
			same++
		}
	}
	return 2*same > len(dates), nil
}

// startAnew forgets what was written to another mailbox. What failed there is tried again, what is in doubt there is of
// no account here.
func (s *surveyor) startAnew(ctx context.Context, pairs []state.Folder) error {
	for i := range pairs {
		q := state.Query{Folder: pairs[i].ID, States: []state.State{state.StateAbsent, state.StateIntent, state.StateUnknown,
			state.StateLanded, state.StateAdopted, state.StateRefused, state.StateAmbiguous}}
		err := eachRow(ctx, s.Ledger, q, func(rows []state.Message) error {
			for j := range rows {
				r := &rows[j]
				r.State, r.Attempt, r.DestinationUID, r.U0, r.V0 = state.StateSeen, 0, 0, 0, 0
			}
			return s.Ledger.Put(ctx, rows, nil)
		})
		if err != nil {
			return err
		}
		p := &pairs[i]
		p.Destination, p.Target, p.DestinationValidity, p.Adopted = "", "", 0, false
		if _, err := s.Ledger.PutFolder(ctx, *p); err != nil {
			return err
		}
	}
	return nil
}
