package executor

import (
	"context"
	"slices"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// survey looks at every folder pair of the mailbox.
func (u *undoRun) survey(ctx context.Context) error {
	if err := u.list(ctx); err != nil {
		return err
	}
	removing := map[string]int64{}
	for i := range u.pairs {
		if u.stopping() {
			return errStopped
		}
		look := u.newLook(&u.pairs[i])
		if err := look.all(ctx); err != nil {
			return err
		}
		removing[u.pairs[i].Destination] += int64(len(u.out.chosen[u.pairs[i].ID]))
	}
	return u.countFolders(ctx, removing)
}

// undoLook is the look at one folder pair.
type undoLook struct {
	*undoRun
	rec      *state.Folder
	src, dst mail.Folder
	// exists tells that the source folder is there under the UIDVALIDITY of the pair, placed that the destination's is.
	exists, placed, listed bool
	opened                 mail.Opened
	// source and there are the messages of both sides, those of the destination with their flags alone.
	source map[mail.UID]mail.Message
	there  map[mail.UID]mail.Flags
}

func (u *undoRun) newLook(rec *state.Folder) *undoLook {
	l := &undoLook{undoRun: u, rec: rec}
	l.src, l.exists = u.sources[rec.Source]
	l.exists = l.exists && rec.Current && l.src.Status.UIDValidity == rec.SourceStatus.UIDValidity && !begunAnew(rec, l.src.Status)
	l.dst, l.listed = u.targets[rec.Destination]
	l.placed = l.listed && l.dst.Status.UIDValidity != 0 && l.dst.Status.UIDValidity == rec.DestinationValidity
	return l
}

// all sorts the pair's copies into those that may be removed and those that stay.
func (l *undoLook) all(ctx context.Context) error {
	q := state.Query{Folder: l.rec.ID, States: []state.State{state.StateLanded, state.StateAdopted, state.StateIntent,
		state.StateUnknown, state.StateUndoing}}
	return eachRow(ctx, l.Ledger, q, func(rows []state.Message) error {
		if l.there == nil {
			if err := l.read(ctx); err != nil {
				return err
			}
		}
		var good []state.Message
		for i := range rows {
			row := &rows[i]
			if row.State == state.StateUndoing {
				l.out.Open++
				if _, there := l.there[row.DestinationUID]; !there {
					continue // removed already
				}
			}
			if why := l.why(row); why != "" {
				l.keep(why, row)
				continue
			}
			good = append(good, *row)
		}
		return l.choose(ctx, good)
	})
}

// read lists both folders.
func (l *undoLook) read(ctx context.Context) (err error) {
	l.there, l.source = map[mail.UID]mail.Flags{}, map[mail.UID]mail.Message{}
	if l.exists {
		if l.source, err = messages(ctx, l.undoRun.src, l.src, mail.Query{}); err != nil {
			return at(SideSource, "list messages", err)
		}
	}
	if !l.placed {
		return nil
	}
	if l.there, err = allFlags(ctx, l.undoRun.dst, l.dst); err != nil {
		return at(SideDestination, "list messages", err)
	}
	l.opened, err = l.undoRun.dst.Open(ctx, l.dst)
	return at(SideDestination, "open folder", err)
}

func allFlags(ctx context.Context, r Reader, f mail.Folder) (map[mail.UID]mail.Flags, error) {
	flags := map[mail.UID]mail.Flags{}
	for m, err := range r.List(ctx, f, mail.Query{}) {
		if err != nil {
			return nil, err
		}
		flags[m.UID] = m.Flags
	}
	return flags, nil
}

// messages lists a folder's messages, or some of them.
func messages(ctx context.Context, r Reader, f mail.Folder, q mail.Query) (map[mail.UID]mail.Message, error) {
	all := map[mail.UID]mail.Message{}
	for m, err := range r.List(ctx, f, q) {
		if err != nil {
			return nil, err
		}
		all[m.UID] = m
	}
	return all, nil
}

// why says why a copy stays, as far as that can be told without its octets; empty: it need not.
func (l *undoLook) why(row *state.Message) Kept {
	flags, there := l.there[row.DestinationUID]
	source, has := l.source[row.UID]
	switch {
	case row.State == state.StateAdopted:
		return KeptAdopted
	case row.State == state.StateIntent, row.State == state.StateUnknown:
		return KeptDoubt
	case row.DestinationUID == 0, l.listed && !l.placed:
		return KeptUnplaced
	case !there:
		return KeptGone
	case (!has || source.Flags.System&mail.Deleted != 0 || !dated(row, source)) && !fault.Off(fault.SourceStands):
		return KeptSource
	case !l.asWritten(row, flags) && !fault.Off(fault.Untouched):
		return KeptTouched
	}
	return ""
}

// dated tells whether a message of the source can be the one that was copied; one without a date was given ours.
func dated(row *state.Message, m mail.Message) bool {
	if m.InternalDate.IsZero() {
		return row.Degraded&state.LostDate != 0
	}
	return m.InternalDate.Unix() == row.InternalDate.Unix()
}

// standing gives the rows whose message the source still has, as far as sizes tell: where another size is listed than was
// fetched, the server lies about it or it is another message, and the octets tell which.
func (l *undoLook) standing(ctx context.Context, rows []state.Message) ([]state.Message, error) {
	var other []state.Message
	for _, row := range rows {
		if l.source[row.UID].Size != row.Size {
			other = append(other, row)
		}
	}
	if len(other) == 0 || fault.Off(fault.SourceStands) {
		return rows, nil
	}
	same := map[mail.UID]bool{}
	err := l.fetchSources(ctx, other, func(byUID map[mail.UID]*state.Message) mail.Sink {
		return &digestSink{each: func(m mail.Message, h0, _ mail.Digest) error {
			if row := byUID[m.UID]; row != nil {
				same[m.UID] = h0 == row.H0
			}
			return nil
		}}
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(r state.Message) bool {
		gone := l.source[r.UID].Size != r.Size && !same[r.UID]
		if gone {
			l.keep(KeptSource, &r)
		}
		return gone
	}), nil
}

// asWritten tells whether the copy has the flags that it was sent with. \Deleted is a touch, unless we set it.
func (l *undoLook) asWritten(row *state.Message, flags mail.Flags) bool {
	if row.State == state.StateUndoing {
		flags = carried(flags)
	}
	written, _ := (&folderRun{opened: l.opened}).holds(row.Flags)
	return flags.Equal(written)
}

// choose takes the rows whose copies have the octets that were sent.
func (l *undoLook) choose(ctx context.Context, rows []state.Message) error {
	rows, err := l.standing(ctx, rows)
	if err != nil {
		return err
	}
	same, err := l.unaltered(ctx, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		if !same[row.UID] {
			l.keep(KeptAltered, row)
			continue
		}
		l.out.chosen[l.rec.ID] = append(l.out.chosen[l.rec.ID], row.UID)
		l.out.Remove = l.out.Remove.Add(state.Count{Messages: 1, Bytes: row.Size})
	}
	return nil
}

// unaltered gives the source UIDs of the rows whose copies are what was sent: the same octets or, where the server changed
// line ends or renders mail anew, the same canonical form or meaning as the message that the source still has.
func (l *undoLook) unaltered(ctx context.Context, rows []state.Message) (map[mail.UID]bool, error) {
	same := make(map[mail.UID]bool, len(rows))
	forms := map[mail.UID]mail.Digest{}
	err := l.fetchCopies(ctx, rows, func(byUID map[mail.UID]*state.Message) mail.Sink {
		return &digestSink{each: func(m mail.Message, h0, h1 mail.Digest) error {
			if row := byUID[m.UID]; row != nil {
				same[row.UID], forms[row.UID] = slices.Contains(digestsOf(row), h0), h1
			}
			return nil
		}}
	})
	left := others(rows, same)
	if err != nil || len(left) == 0 {
		return same, err
	}
	err = l.fetchSources(ctx, left, func(byUID map[mail.UID]*state.Message) mail.Sink {
		return &digestSink{each: func(m mail.Message, h0, h1 mail.Digest) error {
			if row := byUID[m.UID]; row != nil {
				same[row.UID] = h0 == row.H0 && h1 == forms[row.UID]
			}
			return nil
		}}
	})
	left = others(left, same)
	if err != nil || len(left) == 0 || l.keepsBytes {
		return same, err
	}
	return same, l.sameMeaning(ctx, left, same)
}

// sameMeaning compares both sides by what the messages mean.
func (l *undoLook) sameMeaning(ctx context.Context, rows []state.Message, same map[mail.UID]bool) error {
	meanings := map[mail.UID]mail.Digest{}
	err := l.fetchCopies(ctx, rows, func(byUID map[mail.UID]*state.Message) mail.Sink {
		return &meaningSink{each: func(uid mail.UID, _, meaning mail.Digest) {
			if row := byUID[uid]; row != nil {
				meanings[row.UID] = meaning
			}
		}}
	})
	if err != nil {
		return err
	}
	return l.fetchSources(ctx, rows, func(byUID map[mail.UID]*state.Message) mail.Sink {
		return &meaningSink{each: func(uid mail.UID, h0, meaning mail.Digest) {
			if row := byUID[uid]; row != nil {
				copied, read := meanings[uid]
				same[uid] = read && row.H0 == h0 && meaning == copied
			}
		}}
	})
}

// others gives the rows that are not the same.
func others(rows []state.Message, same map[mail.UID]bool) []state.Message {
	return slices.DeleteFunc(slices.Clone(rows), func(r state.Message) bool { return same[r.UID] })
}

func (l *undoLook) fetchCopies(ctx context.Context, rows []state.Message, sink func(map[mail.UID]*state.Message) mail.Sink) error {
	byUID, uids := named(rows, func(r *state.Message) mail.UID { return r.DestinationUID })
	if len(uids) == 0 {
		return nil
	}
	return at(SideDestination, "read message", l.undoRun.dst.Fetch(ctx, l.dst, uids, sink(byUID)))
}

func (l *undoLook) fetchSources(ctx context.Context, rows []state.Message, sink func(map[mail.UID]*state.Message) mail.Sink) error {
	byUID, uids := named(rows, func(r *state.Message) mail.UID { return r.UID })
	if len(uids) == 0 {
		return nil
	}
	return at(SideSource, "read message", l.undoRun.src.Fetch(ctx, l.src, uids, sink(byUID)))
}

// named gives rows by the UIDs that they have on one side, and those UIDs, ascending.
func named(rows []state.Message, name func(*state.Message) mail.UID) (map[mail.UID]*state.Message, []mail.UID) {
	byUID := make(map[mail.UID]*state.Message, len(rows))
	uids := make([]mail.UID, len(rows))
	for i := range rows {
		uids[i] = name(&rows[i])
		byUID[uids[i]] = &rows[i]
	}
	slices.Sort(uids)
	return byUID, uids
}
