package state

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

const (
	// walkFolders reads folders with their tallies. folderCells and tallyCells are where the columns of each begin.
	walkFolders = selectCounts + " WHERE f.id > ?1 AND f.id <= ?2"
	folderCells = 0
	tallyCells  = 17
	// walkDated counts the open and left-out rows of each folder that are inside the dates' bounds ?3 and ?4. One value for
	// both numbers saves a second search.
	walkDated = `SELECT f.id, (SELECT count(*) || ' ' || coalesce(sum(size), 0) FROM message INDEXED BY message_date
 WHERE folder = f.id AND ` + unfinished + ` AND (state < 10 OR state = 14)`
	walkDatedEnd = `) FROM folder f WHERE f.id > ?1 AND f.id <= ?2`
)

// CountAll gives what Folders and Count give, for many mailboxes at once and without a bound of UIDs: the counts of every
// folder pair of the mailboxes that want chooses, in the order of Folders. It is made for plans that ask nobody: a few
// walks over the file instead of questions for each folder. want is asked by several goroutines at a time.
func (r *Reader) CountAll(ctx context.Context, want func(MailboxID) (Selection, bool)) (map[MailboxID][]FolderCount, error) {
	found := make([]map[MailboxID][]FolderCount, parts())
	err := r.inParts(ctx, func(part int, from, to int64) error {
		var err error
		found[part], err = r.countPart(ctx, want, from, to)
		return err
	})
	if err != nil {
		return nil, wrap(r.path, err)
	}
	all := found[0]
	for _, part := range found[1:] {
		for m, counts := range part {
			all[m] = append(all[m], counts...)
		}
	}
	for _, counts := range all {
		slices.SortFunc(counts, func(a, b FolderCount) int {
			return cmp.Or(strings.Compare(a.Folder.Path, b.Folder.Path), strings.Compare(a.Folder.Source, b.Folder.Source),
				cmp.Compare(a.Folder.ID, b.Folder.ID))
		})
	}
	return all, nil
}

// usualFolders is how many folders a mailbox is given room for at first.
const usualFolders = 16

// dates are the bounds of a Selection that a walk can serve.
type dates struct{ older, newer time.Time }

// place is where a folder's count stands.
type place struct {
	mailbox MailboxID
	at      int
	later   Count // what is open, of which the walk takes what is inside
}

func (r *Reader) countPart(ctx context.Context, want func(MailboxID) (Selection, bool), from, to int64) (map[MailboxID][]FolderCount, error) {
	all := map[MailboxID][]FolderCount{}
	dated := map[dates]map[FolderID]place{}
	var single []folderTally
	err := r.walk(ctx, walkFolders, []any{from, to}, func(c cells) error {
		sel, wanted := want(MailboxID(c.number(folderCells + 1)))
		if !wanted {
			return nil
		}
		ft, err := c.folderTally()
		if err != nil {
			return err
		}
		count, whole := ft.counted(sel, 0)
		m := ft.folder.Mailbox
		if all[m] == nil {
			all[m] = make([]FolderCount, 0, usualFolders)
		}
		all[m] = append(all[m], count)
		switch {
		case sel.First > 0:
			single = append(single, ft)
		case whole:
		case count.LeftOut.Messages > 0 || sel.MaxSize > 0 && ft.tally.biggest > int64(sel.MaxSize):
			single = append(single, ft)
		default:
			by := dates{sel.Older, sel.Newer}
			if dated[by] == nil {
				dated[by] = map[FolderID]place{}
			}
			dated[by][ft.folder.ID] = place{m, len(all[m]) - 1, ft.tally.of(State.Open)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for by, places := range dated {
		if err := r.countDated(ctx, by, places, all, from, to); err != nil {
			return nil, err
		}
	}
	return all, r.countSingle(ctx, single, all, want)
}

// countSingle counts one by one the folders in which a size limit plays a part, or of which the first messages are asked.
func (r *Reader) countSingle(ctx context.Context, single []folderTally, all map[MailboxID][]FolderCount,
	want func(MailboxID) (Selection, bool)) error {
	for _, ft := range single {
		m := ft.folder.Mailbox
		sel, _ := want(m)
		c, err := r.count(ctx, ft, sel, 0)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all[m], func(other FolderCount) bool { return other.Folder.ID == ft.folder.ID })
		all[m][at] = c
	}
	return nil
}

// countDated fills in what is inside the dates' bounds, and what is left for another pass.
func (r *Reader) countDated(ctx context.Context, by dates, places map[FolderID]place, all map[MailboxID][]FolderCount, from, to int64) error {
	text, args := walkDated, []any{from, to, nil, nil}
	if !by.older.IsZero() {
		text, args[2] = text+" AND date < ?3", ceilSeconds(by.older)
	}
	if !by.newer.IsZero() {
		text, args[3] = text+" AND date >= ?4", ceilSeconds(by.newer)
	}
	return r.walk(ctx, text+walkDatedEnd+" AND ?3 IS ?3 AND ?4 IS ?4", args, func(c cells) error {
		p, wanted := places[FolderID(c.number(0))]
		if !wanted {
			return nil
		}
		inside, err := countOf(c[1])
		count := &all[p.mailbox][p.at]
		count.Pending = inside
		count.Later = Count{p.later.Messages - inside.Messages, p.later.Bytes - inside.Bytes}
		return err
	})
}

// countOf reads messages and octets with a blank between.
func countOf(v any) (Count, error) {
	text, _ := v.(string)
	messages, octets, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(messages, 10, 64)
	if err != nil {
		return Count{}, errSum
	}
	size, err := strconv.ParseInt(octets, 10, 64)
	if err != nil {
		return Count{}, errSum
	}
	return Count{n, mail.Size(size)}, nil
}

// folderTally reads a row of walkFolders.
func (c cells) folderTally() (folderTally, error) {
	f := c[folderCells:tallyCells]
	if !f.intact(0, tallyCells-1) {
		return folderTally{}, errSum
	}
	folder := Folder{ID: FolderID(f.number(0)), Mailbox: MailboxID(f.number(1)), Source: string(f.octets(2)), Path: string(f.octets(3)),
		SourceStatus: mail.Status{UIDValidity: mail.UIDValidity(f.number(4)), UIDNext: mail.UID(f.number(5)),
			HighestModSeq: uint64(f.number(6)), Messages: uint32(f.number(7))},
		Listed: mail.UID(f.number(8)), FlagsModSeq: uint64(f.number(9)), Complete: f.number(10) != 0, Current: f.number(11) != 0,
		Destination: string(f.octets(12)), Target: string(f.octets(13)), DestinationValidity: mail.UIDValidity(f.number(14)),
		Adopted: f.number(15) != 0}
	t := &tally{}
	return folderTally{folder, t}, c[tallyCells:].tally(t, folder.ID)
}

// tally reads the columns of a tally into an empty one; a folder without rows has none, so all may be NULL.
func (c cells) tally(t *tally, f FolderID) error {
	if c[6] == nil {
		return nil
	}
	if !c.intact(0, 6, int64(f)) {
		return errSum
	}
	t.oldest, t.newest = c.pointer(1), c.pointer(2)
	t.undated, t.biggest, t.highest = c.number(3), c.number(4), c.number(5)
	return t.decode(c.octets(0))
}
