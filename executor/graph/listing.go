package graph

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// index are the items of one folder by UID, as far as they were listed.
type index struct {
	folder string
	items  map[mail.UID]entry
}

// entry is what is kept of an item to ask for it again.
type entry struct {
	id   string
	size mail.Size
}

// item is a message as Graph gives it.
type item struct {
	ID         string   `json:"id"`
	Received   string   `json:"receivedDateTime"`
	Read       bool     `json:"isRead"`
	Draft      bool     `json:"isDraft"`
	Categories []string `json:"categories"`
	Flag       struct {
		Status string `json:"flagStatus"`
	} `json:"flag"`
	Extended []property `json:"singleValueExtendedProperties"`
}

// value gives an extended property. Servers write tags in hex of any case, and leave out the zero in front.
func (i *item) value(id string) string {
	for _, p := range i.Extended {
		if strings.EqualFold(p.ID, id) || strings.EqualFold(strings.Replace(p.ID, " 0x", " 0x0", 1), id) {
			return p.Value
		}
	}
	return ""
}

// itemQuery names what a message is made of.
func itemQuery() url.Values {
	var ids []string
	for _, id := range []string{propMark, propDate, propVerb, propSize} {
		ids = append(ids, "id eq '"+id+"'")
	}
	return url.Values{"$select": {"id,receivedDateTime,isRead,isDraft,flag,categories"},
		"$expand": {"singleValueExtendedProperties($filter=" + strings.Join(ids, " or ") + ")"}}
}

// List yields the folder's messages, UIDs ascending. From FirstOwn on only items with our number are asked for.
func (d *Destination) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		_, err := d.usable(ctx, "list messages", f)
		var all []mail.Message
		if err == nil {
			all, err = d.list(ctx, f.Raw, q.From)
		}
		if err != nil {
			yield(mail.Message{}, err)
			return
		}
		for _, m := range all {
			if q.To > 0 && m.UID > q.To || !yield(m, nil) {
				return
			}
		}
	}
}

// patience is how often a listing is read that does not hold still.
const patience = 4

// list reads a folder from a UID on and keeps the items' names. Pages are told by a number of entries to skip, so one may
// be missed while others vanish. Where all were seen, and as many as the server counted with each page, it held still long
// enough; else it is read again.
func (d *Destination) list(ctx context.Context, raw string, from mail.UID) ([]mail.Message, error) {
	const op = "list messages"
	if d.index.folder != raw {
		d.index = index{folder: raw, items: map[mail.UID]entry{}}
	}
	for range patience {
		l, count, failed := d.pages(ctx, op, raw, from)
		if failed != nil {
			return nil, d.fail(failed)
		}
		if count == untold || l.Len() == count {
			return l.From(from, func(uid mail.UID, id string, size mail.Size) { d.index.items[uid] = entry{id, size} }), nil
		}
	}
	return nil, d.fail(strange(op, errors.New("the folder does not hold still: its listing and its count differ each time")))
}

// pages reads the pages of one listing.
func (d *Destination) pages(ctx context.Context, op, raw string, from mail.UID) (*uids.Listing, int, *mail.Error) {
	l := uids.NewListing(uids.Validity(raw))
	take := func(page []item) {
		for i := range page {
			l.Add(page[i].ID, page[i].value(propMark), page[i].message())
		}
	}
	q := d.top(itemQuery())
	q.Set("$count", "true")
	filtered := from >= uids.FirstOwn && !d.s.lost.is(filters)
	if filtered {
		q.Set("$filter", fmt.Sprintf("singleValueExtendedProperties/any(p:p/id eq '%s' and cast(p/value, Edm.Int32) ge %d)",
			propNumber, from-uids.FirstOwn))
	}
	c := get(op, atFolder, q, "mailFolders", strings.TrimPrefix(raw, mail.RawGraph), "messages")
	count, failed := collect(ctx, d.client, c, take)
	if failed == nil || !filtered || !refusesFilter(failed) {
		return l, count, failed
	}
	d.s.lost.note(filters) // a listing of the whole folder is slower and as right
	return d.pages(ctx, op, raw, from)
}

// refusesFilter tells whether Graph says that it can't search so. It is documented that it can; for a folder of many
// messages that is unconfirmed.
func refusesFilter(err *mail.Error) bool {
	status, code := statusOf(err)
	return (status == 400 || status == 501) && err.Kind == mail.Refused && !strings.Contains(code, "Id")
}

// message reads an item, its UID and digest aside. Its date is the one that was asked for, where it carries one: whether
// Graph has kept that is for people, and matching must not depend on it.
func (i *item) message() mail.Message {
	m := mail.Message{Flags: mail.Flags{}}
	if n, err := strconv.ParseInt(i.value(propSize), 10, 64); err == nil {
		m.Size = mail.Size(max(0, n))
	}
	if t, err := time.Parse(time.RFC3339, i.Received); err == nil {
		m.InternalDate = t
	}
	if t, err := time.Parse(time.RFC3339, i.value(propDate)); err == nil {
		m.InternalDate = t
	}
	for _, c := range i.Categories {
		m.Flags = m.Flags.With(c)
	}
	if i.Read {
		m.Flags.System |= mail.Seen
	}
	if i.Draft {
		m.Flags.System |= mail.Draft
	}
	if strings.EqualFold(i.Flag.Status, flagged) {
		m.Flags.System |= mail.Flagged
	}
	if verb := i.value(propVerb); verb == strconv.Itoa(verbReplied) || verb == strconv.Itoa(verbRepliedAll) {
		m.Flags.System |= mail.Answered
	}
	return m
}
