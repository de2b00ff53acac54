package ews

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

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

// itemShape names what a message is made of.
func itemShape(name string, mime bool) element {
	kids := []element{text("t:BaseShape", "IdOnly")}
	if mime {
		kids = append(kids, text("t:IncludeMimeContent", "true"))
	}
	return el(name, append(kids, el("t:AdditionalProperties", fieldURI("item:DateTimeReceived"), fieldURI("item:Size"),
		fieldURI("item:Categories"), fieldURI("item:IsDraft"), fieldURI("message:IsRead"), fieldURI("item:Flag"),
		propVerb.path(), propID.path()))...)
}

// List yields the folder's messages, UIDs ascending. From firstOwn on only items with our number are asked for.
func (d *Destination) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		const op = "list messages"
		err := d.enter(ctx, op)
		if err == nil {
			err = d.valid(op, f)
		}
		var all []mail.Message
		if err == nil {
			all, err = d.list(ctx, f.Raw, q.From)
		}
		if err != nil {
			yield(mail.Message{}, err)
			return
		}
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// list reads a folder from a UID on and keeps the items' names.
func (d *Destination) list(ctx context.Context, raw string, from mail.UID) ([]mail.Message, error) {
	const op = "list messages"
	if d.index.folder != raw {
		d.index = index{folder: raw, items: map[mail.UID]entry{}}
	}
	pages := pager{most: d.s.opts.PageSize, op: op}
	l := newListing(raw)
	for !pages.done {
		list, err := d.each(ctx, call{op: op, at: atFolder, action: "FindItem", body: find(raw, from, &pages)}, "")
		if err != nil {
			return nil, err
		}
		page := list[0].Root.Items.List
		var ids []string
		for _, it := range page {
			ids = append(ids, it.ID.ID)
		}
		anew, failed := pages.turn(ids, list[0].Root.Last)
		if failed != nil {
			return nil, d.fail(failed)
		}
		if anew {
			l = newListing(raw)
			continue
		}
		for i := range page {
			l.add(&page[i])
		}
	}
	return l.from(from, d.index.items), nil
}

// find asks for a page of a folder, the oldest items first, so that what comes meanwhile comes at the end.
func find(raw string, from mail.UID, pages *pager) element {
	kids := []element{itemShape("m:ItemShape", false), page("m:IndexedPageItemView", pages.ask(), pages.offset)}
	if from >= firstOwn {
		kids = append(kids, el("m:Restriction", el("t:IsGreaterThanOrEqualTo", propNumber.path(),
			el("t:FieldURIOrConstant", el("t:Constant").with("Value", strconv.FormatInt(int64(from-firstOwn), 10))))))
	}
	return el("m:FindItem", append(kids,
		el("m:SortOrder", el("t:FieldOrder", fieldURI("item:DateTimeCreated")).with("Order", "Ascending")),
		el("m:ParentFolderIds", folderID(raw)))...).with("Traversal", "Shallow")
}

// listing gives UIDs to the items of a folder.
type listing struct {
	validity mail.UIDValidity
	seen     map[string]bool // by name: pages overlap
	own      map[mail.UID]named
	others   []named
}

// named is a message with the name of its item.
type named struct {
	mail.Message
	id string
}

func newListing(raw string) *listing {
	return &listing{validity: validity(raw), seen: map[string]bool{}, own: map[mail.UID]named{}}
}

// add takes an item. A copy of one of ours has the id of the first: it counts as one of others.
func (l *listing) add(it *item) {
	if l.seen[it.ID.ID] {
		return
	}
	l.seen[it.ID.ID] = true
	m := named{it.message(), it.ID.ID}
	written, _ := it.value(propID)
	if mark, ours := parseMark(written); ours {
		m.Written = mark.digest
		uid := firstOwn + mail.UID(mark.number)
		if _, taken := l.own[uid]; mark.validity == l.validity && !taken {
			m.UID = uid
			l.own[uid] = m
			return
		}
	}
	l.others = append(l.others, m)
}

// from gives the messages from a UID on and puts all of them into the index.
func (l *listing) from(from mail.UID, into map[mail.UID]entry) []mail.Message {
	var all []mail.Message
	take := func(m named) {
		into[m.UID] = entry{m.id, m.Size}
		if m.UID >= from {
			all = append(all, m.Message)
		}
	}
	if from < firstOwn {
		slices.SortFunc(l.others, func(a, b named) int { return strings.Compare(a.id, b.id) })
		given := strangers{}
		for _, m := range l.others {
			m.UID = given.uid(m.id)
			take(m)
		}
	}
	for _, m := range l.own {
		take(m)
	}
	slices.SortFunc(all, func(a, b mail.Message) int { return cmp.Compare(a.UID, b.UID) })
	return all
}

// message reads an item, its UID and digest aside.
func (i *item) message() mail.Message {
	m := mail.Message{Size: mail.Size(max(0, i.Size)), Flags: mail.Flags{}}
	if t, err := time.Parse(time.RFC3339, i.Received); err == nil {
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
	if i.Flag == flagged {
		m.Flags.System |= mail.Flagged
	}
	if verb, _ := i.value(propVerb); verb == strconv.Itoa(verbReplied) || verb == strconv.Itoa(verbRepliedAll) {
		m.Flags.System |= mail.Answered
	}
	return m
}
