package state

import (
	"cmp"
	"context"
	"sync"

	"mailhaul/state/mail"
)

// tooLargeMost bounds FolderCount.TooLargeList.
const tooLargeMost = 1000

const (
	selectCounts = "SELECT " + folderColumns + ", t.counts, t.oldest, t.newest, t.undated, t.biggest, t.highest, t.sum" +
		" FROM folder f LEFT JOIN tally t ON t.folder = f.id"
	// countPending walks the rows that are open or left out. ?2 and ?3 are the dates' bounds, ?4 the size limit, ?5 the
	// bound of UIDs; NULL is no bound. A date that is NULL is inside no bound: coalesce makes that false.
	countPending = `SELECT
 coalesce(sum(inside AND fits), 0), coalesce(sum((inside AND fits) * size), 0),
 coalesce(sum(inside AND NOT fits), 0), coalesce(sum((inside AND NOT fits) * size), 0),
 coalesce(sum(state < 10 AND NOT inside), 0), coalesce(sum((state < 10 AND NOT inside) * size), 0)
 FROM (SELECT state, size, coalesce((?2 IS NULL OR date < ?2) AND (?3 IS NULL OR date >= ?3), 0) AS inside,
 (?4 IS NULL OR size <= ?4) AS fits FROM message INDEXED BY message_date WHERE folder = ?1 AND ` + unfinished + `
 AND (state < 10 OR state = 14) AND (?5 IS NULL OR uid < ?5))`
	selectTooLarge = selectMessage + ` INDEXED BY message_todo WHERE folder = ?1 AND ` + unfinished + ` AND (state < 10 OR state = 14)
 AND (?2 IS NULL OR date < ?2) AND (?3 IS NULL OR date >= ?3) AND size > ?4 AND (?5 IS NULL OR uid < ?5)
 ORDER BY uid LIMIT ?6`
)

// Count gives a folder's counts; below bounds Pending, TooLarge and Later to UIDs under it (zero: no bound). What counts
// as pending are all open states, doubts too. It costs the rows that are open or left out at most, and nothing where
// the folder's tally shows that the bounds hold for all of them.
func (r *Reader) Count(ctx context.Context, f FolderID, sel Selection, below mail.UID) (FolderCount, error) {
	found, err := r.folderTallies(ctx, " WHERE f.id = ?", int64(f))
	if err == nil && len(found) == 0 {
		err = badRequest("there is no folder %d", f)
	}
	if err != nil {
		return FolderCount{}, wrap(r.path, err)
	}
	c, err := r.count(ctx, found[0], sel, below)
	return c, wrap(r.path, err)
}

// Counts gives the counts of every Current folder of a mailbox, by source path.
func (r *Reader) Counts(ctx context.Context, m MailboxID, sel Selection) ([]FolderCount, error) {
	found, err := r.folderTallies(ctx, " WHERE f.mailbox = ? AND f.current ORDER BY f.path, f.source", int64(m))
	if err != nil {
		return nil, wrap(r.path, err)
	}
	all := make([]FolderCount, len(found))
	for i, ft := range found {
		if all[i], err = r.count(ctx, ft, sel, 0); err != nil {
			return nil, wrap(r.path, err)
		}
	}
	return all, nil
}

type folderTally struct {
	folder Folder
	tally  *tally
}

func (r *Reader) folderTallies(ctx context.Context, where string, args ...any) ([]folderTally, error) {
	rows, err := r.rows(ctx, selectCounts+where, args...)
	return collect(rows, err, func(row scanner) (folderTally, error) {
		var fr folderRow
		var tr tallyRow
		if err := row.Scan(append(fr.into(), tr.into()...)...); err != nil {
			return folderTally{}, unreadable(err)
		}
		f, err := fr.folder()
		if err != nil {
			return folderTally{}, err
		}
		t, err := tr.tally(f.ID)
		return folderTally{f, t}, err
	})
}

// counts is what the tally tells of a folder whatever the Selection, and all that is open.
func (ft folderTally) counts() (c FolderCount, open Count) {
	t := ft.tally
	c = FolderCount{Folder: ft.folder, Doubt: t.of(State.Doubt), Copied: t.of(State.Copied), Failed: t.of(State.Failed),
		Ambiguous: t.counts[StateAmbiguous],
		Absent:    t.counts[StateAbsent], Skipped: t.counts[StateSkipped], Gone: t.counts[StateGone], LeftOut: t.counts[StateLeftOut]}
	c.Oldest, c.Newest = t.bounds()
	return c, t.of(State.Open)
}

func (r *Reader) count(ctx context.Context, ft folderTally, sel Selection, below mail.UID) (FolderCount, error) {
	c, open := ft.counts()
	return c, r.look(ctx, &c, c.whole(open, &ft.tally.extent, sel, below), sel, below)
}

// whole fills in Pending where no row must be looked at for it.
func (c *FolderCount) whole(open Count, e *extent, sel Selection, below mail.UID) bool {
	again := open.Add(c.LeftOut)
	if again.Messages > 0 && !e.allInside(sel, below) {
		return false
	}
	c.Pending = again
	return true
}

// look fills in what only the rows tell.
func (r *Reader) look(ctx context.Context, c *FolderCount, whole bool, sel Selection, below mail.UID) (err error) {
	if sel.First > 0 {
		if c.First, err = r.first(ctx, c.Folder.ID, sel, below); err != nil {
			return err
		}
	}
	if whole {
		return nil
	}
	args := selectionArgs(c.Folder.ID, sel, below)
	rows, err := r.rows(ctx, countPending, args...)
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		return struct{}{}, row.Scan(&c.Pending.Messages, &c.Pending.Bytes, &c.TooLarge.Messages, &c.TooLarge.Bytes,
			&c.Later.Messages, &c.Later.Bytes)
	})
	if err != nil || c.TooLarge.Messages == 0 {
		return err
	}
	rows, err = r.rows(ctx, selectTooLarge, append(args, tooLargeMost)...)
	c.TooLargeList, err = collect(rows, err, scanMessage())
	return err
}

// allInside tells whether the bounds hold for every row of the folder.
func (c *extent) allInside(sel Selection, below mail.UID) bool {
	dated := sel.Older.IsZero() && sel.Newer.IsZero()
	if !dated && c.undated == 0 && c.oldest != nil && c.newest != nil {
		dated = (sel.Older.IsZero() || *c.newest < ceilSeconds(sel.Older)) &&
			(sel.Newer.IsZero() || *c.oldest >= ceilSeconds(sel.Newer))
	}
	return dated && (sel.MaxSize == 0 || c.biggest <= int64(sel.MaxSize)) && (below == 0 || c.highest < int64(below))
}

func selectionArgs(f FolderID, sel Selection, below mail.UID) []any {
	args := []any{int64(f), nil, nil, nonZero(int64(sel.MaxSize)), nonZero(int64(below))}
	if !sel.Older.IsZero() {
		args[1] = ceilSeconds(sel.Older)
	}
	if !sel.Newer.IsZero() {
		args[2] = ceilSeconds(sel.Newer)
	}
	return args
}

// MailboxTotal is how far a mailbox is over all its Current folders.
type MailboxTotal struct {
	Mailbox Mailbox
	Folders int
	// Open counts all work that is left, Doubt the part of it whose outcome is not known.
	Copied, Open, Doubt, Failed, Skipped, Gone, LeftOut Count
	// Passes are the passes in which the mailbox was at work, the earliest started first.
	Passes []MailboxPass
}

// Totals gives every mailbox, by name. It costs the number of folders, not of messages.
func (r *Reader) Totals(ctx context.Context) ([]MailboxTotal, error) {
	var sums []map[MailboxID]*folderSum
	var failed error
	var walk sync.WaitGroup
	walk.Go(func() { sums, failed = r.folderSums(ctx) })
	all, at, err := r.noTotals(ctx)
	walk.Wait()
	if err := cmp.Or(err, wrap(r.path, failed)); err != nil {
		return nil, err
	}
	for _, part := range sums {
		for id, s := range part {
			if t, ok := at[id]; ok {
				t.Folders += s.folders
				t.add(&s.tally)
			}
		}
	}
	return all, nil
}

// noTotals gives every mailbox with its passes and without sums, and where each is.
func (r *Reader) noTotals(ctx context.Context) ([]MailboxTotal, map[MailboxID]*MailboxTotal, error) {
	boxes, err := r.Mailboxes(ctx)
	if err != nil {
		return nil, nil, err
	}
	passes, err := r.MailboxPasses(ctx)
	if err != nil {
		return nil, nil, err
	}
	all := make([]MailboxTotal, len(boxes))
	at := make(map[MailboxID]*MailboxTotal, len(boxes))
	for i, m := range boxes {
		all[i].Mailbox = m
		at[m.ID] = &all[i]
	}
	for _, p := range passes {
		if t, ok := at[p.Mailbox]; ok {
			t.Passes = append(t.Passes, p)
		}
	}
	return all, at, nil
}

// folderSum is the tallies of a mailbox's Current folders, added up.
type folderSum struct {
	folders int
	tally   tally
}

// walkTallies reads no more of the folders than whose they are.
const walkTallies = "SELECT f.mailbox, f.id, t.counts, t.oldest, t.newest, t.undated, t.biggest, t.highest, t.sum" +
	" FROM folder f LEFT JOIN tally t ON t.folder = f.id WHERE f.current AND f.id > ?1 AND f.id <= ?2"

// folderSums adds the tallies up, in a few parts.
func (r *Reader) folderSums(ctx context.Context) ([]map[MailboxID]*folderSum, error) {
	found := make([]map[MailboxID]*folderSum, parts())
	err := r.inParts(ctx, lastFolder, func(part int, from, to int64) error {
		all := map[MailboxID]*folderSum{}
		found[part] = all
		var reading sums
		return r.walk(ctx, walkTallies, []any{from, to}, func(c cells) error {
			one, err := reading.read(c[2:], FolderID(c.number(1)))
			if err != nil {
				return err
			}
			s := all[MailboxID(c.number(0))]
			if s == nil {
				s = &folderSum{}
				all[MailboxID(c.number(0))] = s
			}
			s.folders++
			for state, n := range one.counts {
				s.tally.counts[state] = s.tally.counts[state].Add(n)
			}
			return nil
		})
	})
	return found, err
}

func (m *MailboxTotal) add(t *tally) {
	m.Copied = m.Copied.Add(t.of(State.Copied))
	m.Open = m.Open.Add(t.of(State.Open))
	m.Doubt = m.Doubt.Add(t.of(State.Doubt))
	m.Failed = m.Failed.Add(t.of(State.Failed))
	m.Skipped = m.Skipped.Add(t.counts[StateSkipped])
	m.Gone = m.Gone.Add(t.counts[StateGone])
	m.LeftOut = m.LeftOut.Add(t.counts[StateLeftOut])
}
