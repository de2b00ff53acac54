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
	return uids.Messages(q, func() ([]mail.Message, error) {
		if _, err := d.usable(ctx, "list messages", f); err != nil {
			return nil, err
		}
		return d.list(ctx, f.Raw, q.From)
	})
}

// patience is how often a listing is read that does not hold still.
const patience = 4

// list reads a folder from a UID on and keeps the items' names. Pages are told by a number of entries to skip, so one may
// be missed while others vanish. Where all were seen, and as many as the server counted with each page, it held still long
// enough; else it is read again.
func (d *Destination) list(ctx context.Context, raw string, from mail.UID) ([]mail.Message, error) {
	const op = "list messages"
	d.index.Of(raw)
	for range patience {
		l, count, failed := d.pages(ctx, op, raw, from)
		if failed != nil {
			return nil, d.fail(failed)
		}
		if count == untold || l.Len() == count {
			return l.From(from, d.index.Note), nil
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
	m := mail.Message{Flags: uids.Flags(i.Categories, i.Read, i.Draft, strings.EqualFold(i.Flag.Status, flagged), i.value(propVerb))}
	if n, err := strconv.ParseInt(i.value(propSize), 10, 64); err == nil {
		m.Size = mail.Size(max(0, n))
	}
	if t, err := time.Parse(time.RFC3339, i.Received); err == nil {
		m.InternalDate = t
	}
	if t, err := time.Parse(time.RFC3339, i.value(propDate)); err == nil {
		m.InternalDate = t
	}
	return m
}
