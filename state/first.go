package state

import (
	"context"

	"mailhaul/state/mail"
)

// first gives the rows that a pass takes which takes only a few of each folder: those in doubt, which were sent already,
// and then the first of the others that are to be copied, in the order of the pass. A message that is marked \Deleted at
// the source is never copied, so it does not use up a place.
func (r *Reader) first(ctx context.Context, f FolderID, sel Selection, below mail.UID) ([]Message, error) {
	all, err := r.Select(ctx, Query{Folder: f, States: []State{StateIntent, StateUnknown, StateUndoing}, Limit: sel.First})
	if err != nil {
		return nil, err
	}
	q := Query{Folder: f, States: []State{StateSeen, StateAbsent}, Selection: sel, Below: below,
		NewestFirst: sel.FirstNewest, Limit: 2 * sel.First}
	for left := sel.First; left > 0; {
		rows, err := r.Select(ctx, q)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		for _, m := range rows {
			if left > 0 && m.Flags.System&mail.Deleted == 0 {
				all = append(all, m)
				left--
			}
		}
		q.After = &rows[len(rows)-1]
	}
	return all, nil
}
