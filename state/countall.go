package state

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"mailhaul/state/mail"
)

const (
	// walkDated counts the unfinished rows of each folder in a JSON array that are inside the dates' bounds ?2 and ?3. One
	// value for both numbers saves a second search.
	walkDated = `SELECT j.value, (SELECT count(*) || ' ' || coalesce(sum(size), 0) FROM message INDEXED BY message_date
 WHERE folder = j.value AND ` + unfinished
	walkDatedEnd = `) FROM json_each(?1) j WHERE ?2 IS ?2 AND ?3 IS ?3`
)

// CountAll gives what Folders and Count give, for many mailboxes at once and without a bound of UIDs: the counts of every
// folder pair of the mailboxes that want chooses, in the order of Folders. It costs the rows that are open in folders with
// dates on both sides of a bound, or that a size limit plays a part in. want is asked by several goroutines at a time. The
// counts that an earlier call gave are no longer good.
func (o *Overview) CountAll(ctx context.Context, want func(MailboxID) (Selection, bool)) (map[MailboxID][]FolderCount, error) {
	errs := make([]error, len(o.parts))
	var all sync.WaitGroup
	for i, part := range o.parts {
		all.Go(func() { errs[i] = o.r.countPart(ctx, part, want) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, wrap(o.r.path, err)
	}
	found := map[MailboxID][]FolderCount{}
	for _, part := range o.parts {
		for _, v := range part {
			if _, wanted := want(v.mailbox); wanted {
				found[v.mailbox] = v.counts
			}
		}
	}
	return found, nil
}

// dates are the bounds of a Selection that a walk can serve. failed says that some of the unfinished rows are not open.
type dates struct {
	older, newer time.Time
	failed       bool
}

// undecided is a folder whose rows must be looked at.
type undecided struct {
	*FolderCount
	open Count
}

func (r *Reader) countPart(ctx context.Context, part []boxView, want func(MailboxID) (Selection, bool)) error {
	dated := map[dates][]undecided{}
	for _, v := range part {
		sel, wanted := want(v.mailbox)
		if !wanted {
			continue
		}
		for i := range v.counts {
			c, more := &v.counts[i], &v.more[i]
			c.Pending, c.TooLarge, c.TooLargeList, c.Later, c.First = Count{}, Count{}, nil, Count{}, nil
			whole := c.whole(more.open, &more.extent, sel, 0)
			switch {
			case sel.First > 0, !whole && (c.LeftOut.Messages > 0 || sel.MaxSize > 0 && more.biggest > int64(sel.MaxSize)):
				if err := r.look(ctx, c, whole, sel, 0); err != nil {
					return err
				}
			case !whole:
				by := dates{sel.Older, sel.Newer, c.Failed.Messages > 0}
				dated[by] = append(dated[by], undecided{c, more.open})
			}
		}
	}
	for by, folders := range dated {
		if err := r.countDated(ctx, by, folders); err != nil {
			return err
		}
	}
	return nil
}

// countDated fills in what is inside the dates' bounds, and what is left for another pass.
func (r *Reader) countDated(ctx context.Context, by dates, folders []undecided) error {
	ids := make([]FolderID, len(folders))
	for i, f := range folders {
		ids[i] = f.Folder.ID
	}
	names, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	text, args := walkDated, []any{string(names), nil, nil}
	if by.failed {
		text += " AND state < 10"
	}
	if !by.older.IsZero() {
		text, args[1] = text+" AND date < ?2", ceilSeconds(by.older)
	}
	if !by.newer.IsZero() {
		text, args[2] = text+" AND date >= ?3", ceilSeconds(by.newer)
	}
	next := 0
	return r.walk(ctx, text+walkDatedEnd, args, func(c cells) error {
		f := folders[next]
		next++
		inside, err := countOf(c[1])
		f.Pending = inside
		f.Later = Count{f.open.Messages - inside.Messages, f.open.Bytes - inside.Bytes}
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
