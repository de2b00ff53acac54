package executor

import (
	"context"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// placing is where the copies of a pair are to be looked for.
type placing struct {
	folder mail.Folder
	found  bool
	// emptied tells of a pair that is not found, because there is a folder of its name: the one that it was in seems to be
	// there under another, without any of the copies.
	emptied bool
}

// find gives the folder in which the copies of a pair are to be looked for: the one that they were put into or, where that
// was renamed since, the one with its UIDVALIDITY (RFC 9051, 6.3.6: a rename keeps it) that proves to be the same. rows are
// the pair's rows that are being taken back.
func (u *undoing) find(ctx context.Context, rec *state.Folder, rows []state.Message) (placing, error) {
	listed := false
	var likely []mail.Folder
	for _, f := range u.folders {
		same := rec.DestinationValidity != 0 && f.Status.UIDValidity == rec.DestinationValidity
		switch {
		case f.Raw == rec.Destination && f.Status.UIDValidity == rec.DestinationValidity:
			return placing{folder: f, found: true}, nil
		case f.Raw == rec.Destination:
			listed = true
		case same && !f.NoSelect:
			likely = append(likely, f)
		}
	}
	var proven, empty []mail.Folder
	for _, f := range likely {
		same, taken, err := u.compare(ctx, rec, f, rows)
		switch {
		case err != nil:
			return placing{}, err
		case same > 0:
			proven = append(proven, f)
		case taken == 0:
			empty = append(empty, f)
		}
	}
	if len(proven) == 1 {
		return placing{folder: proven[0], found: true}, nil
	}
	if len(proven) > 0 || len(likely) != 1 || len(empty) != 1 {
		return placing{}, nil
	}
	ours, err := u.emptied(ctx, rec, empty[0], rows)
	return placing{folder: empty[0], found: ours && !listed, emptied: ours}, err
}

// compare counts the pair's copies that are in a folder under their UID and date, and the UIDs of theirs that it has at all.
func (u *undoing) compare(ctx context.Context, rec *state.Folder, f mail.Folder, rows []state.Message) (same, taken int, err error) {
	copied, err := u.ledger.Select(ctx, state.Query{Folder: rec.ID, Limit: sampled,
		States: []state.State{state.StateLanded, state.StateAdopted}})
	dates := map[mail.UID]int64{}
	from := mail.UID(0)
	for _, list := range [][]state.Message{copied, rows} {
		for i := range list {
			uid := list[i].DestinationUID
			if uid == 0 {
				continue
			}
			dates[uid] = list[i].InternalDate.Unix()
			if from == 0 || uid < from {
				from = uid
			}
		}
	}
	if err != nil || len(dates) == 0 {
		return 0, 0, err
	}
	for m, err := range u.dst.List(ctx, f, mail.Query{From: from}) {
		if err != nil {
			return 0, 0, err
		}
		date, ours := dates[m.UID]
		if !ours {
			continue
		}
		if taken++; date == m.InternalDate.Unix() {
			same++
		}
	}
	return same, taken, nil
}

// emptied tells whether the only folder with the UIDVALIDITY, which has none of the copies, must be the one that had them:
// it has given their UIDs away, and no other pair is written there.
func (u *undoing) emptied(ctx context.Context, rec *state.Folder, f mail.Folder, rows []state.Message) (bool, error) {
	for i := range rows {
		if f.Status.UIDNext <= rows[i].DestinationUID {
			return false, nil
		}
	}
	others, err := u.ledger.Sharing(ctx, rec.Mailbox, f.Raw)
	return len(others) == 0, err
}
