package executor

import (
	"context"
	"slices"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// vanished looks after the pairs whose source folder is no longer listed. A folder that was renamed keeps its pair, and
// so nothing of it is copied again; what was never copied from a folder that is really gone is gone with it. known is
// brought up to date.
func (s *surveyor) vanished(ctx context.Context, known []state.Folder) error {
	for i := range known {
		k := &known[i]
		listed := slices.IndexFunc(s.inv.Source, func(f mail.Folder) bool { return f.Raw == k.Source })
		if !k.Current || listed >= 0 && s.inv.Source[listed].Status.UIDValidity == k.SourceStatus.UIDValidity {
			continue
		}
		renamed, err := s.renamed(ctx, k, known)
		if err != nil {
			return err
		}
		if renamed != nil {
			if err := s.rename(ctx, k, known, *renamed); err != nil {
				return err
			}
		} else if listed >= 0 {
			continue // made anew under the same name
		} else if err := s.leave(ctx, k); err != nil {
			return err
		}
		if _, err := s.Ledger.PutFolder(ctx, *k); err != nil {
			return err
		}
	}
	return nil
}

// rename gives the pair its folder's new name, and those of its earlier UIDVALIDITYs, whose rows may still be needed.
func (s *surveyor) rename(ctx context.Context, k *state.Folder, known []state.Folder, to mail.Folder) error {
	from := k.Source
	k.Source, k.Path = to.Raw, to.Path.String()
	for i := range known {
		o := &known[i]
		if o.Source != from || o.Current {
			continue
		}
		o.Source, o.Path = k.Source, k.Path
		if _, err := s.Ledger.PutFolder(ctx, *o); err != nil {
			return err
		}
	}
	return nil
}

// renamed finds the one folder without a pair that has the vanished one's UIDVALIDITY and messages; a rename keeps both
// (RFC 9051, 6.3.6). nil: there is none, or more than one.
func (s *surveyor) renamed(ctx context.Context, k *state.Folder, known []state.Folder) (*mail.Folder, error) {
	var match *mail.Folder
	for i := range s.inv.Source {
		f := &s.inv.Source[i]
		paired := slices.ContainsFunc(known, func(o state.Folder) bool { return o.Current && o.Source == f.Raw })
		st := k.SourceStatus
		if paired || f.NoSelect || st.UIDValidity == 0 || f.Status.UIDValidity != st.UIDValidity || f.Status.UIDNext < st.UIDNext {
			continue
		}
		same, err := s.sameMessages(ctx, k, *f)
		if err != nil {
			return nil, err
		}
		if same && match != nil {
			return nil, nil
		}
		if same {
			match = f
		}
	}
	return match, nil
}

// sampled is how many messages decide whether two names are one folder.
const sampled = 100

// sameMessages compares the folder's first messages with the pair's rows: UIDs, sizes and dates must agree.
func (s *surveyor) sameMessages(ctx context.Context, k *state.Folder, f mail.Folder) (bool, error) {
	var uids []mail.UID
	now := map[mail.UID]mail.Message{}
	for m, err := range s.src.List(ctx, f, mail.Query{}) {
		if err != nil {
			return false, at(SideSource, "list messages", err)
		}
		uids, now[m.UID] = append(uids, m.UID), m
		if len(uids) == sampled {
			break
		}
	}
	rows, err := s.Ledger.Rows(ctx, k.ID, uids)
	for _, row := range rows {
		m := now[row.UID]
		// Once fetched, a row has the literal's octets for its size; servers whose SIZE lies are told by the dates.
		ours := row.Degraded&state.LostDate != 0 && m.InternalDate.IsZero() // the date is the one we gave it
		if !ours && !m.InternalDate.Equal(row.InternalDate) || row.Attempt == 0 && m.Size != row.Size {
			return false, err
		}
	}
	return len(rows) > 0, err
}

// leave ends a pair whose folder is gone: a complete LIST without it is the second look.
func (s *surveyor) leave(ctx context.Context, k *state.Folder) error {
	k.Current = false
	c, err := s.Ledger.Count(ctx, k.ID, state.Selection{}, 0)
	if err != nil {
		return err
	}
	if lost := c.Pending.Messages + c.Failed.Messages; lost > 0 {
		s.inv.Vanished = append(s.inv.Vanished, plan.Vanished{Path: k.Path, Lost: lost})
	}
	q := state.Query{Folder: k.ID, States: []state.State{state.StateSeen, state.StateAbsent, state.StateLeftOut,
		state.StateRefused, state.StateDamaged}}
	return eachRow(ctx, s.Ledger, q, func(rows []state.Message) error {
		for i := range rows {
			rows[i].State = state.StateGone
		}
		return s.Ledger.Put(ctx, rows, nil)
	})
}

// remake creates the destination folder again after it vanished in the middle, once.
func (fr *folderRun) remake(ctx context.Context) error {
	if fr.remade {
		return &Error{Op: "append messages", Side: SideDestination, Kind: mail.Refused, Code: mail.CodeIMAPFolderGone,
			Err: &mail.Error{Op: "append message", Kind: mail.Refused, Code: mail.CodeIMAPFolderGone,
				Text: "the destination folder vanished again after it was created"}}
	}
	fr.remade, fr.lastUID = true, 0
	fr.forgetTarget(fr.plan.Target)
	return fr.bring(ctx)
}
