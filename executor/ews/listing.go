package ews

import (
	"context"
	"iter"
	"strconv"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

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

// List yields the folder's messages, UIDs ascending. From FirstOwn on only items with our number are asked for.
func (d *Destination) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return uids.Messages(q, func() ([]mail.Message, error) {
		const op = "list messages"
		if err := d.enter(ctx, op); err != nil {
			return nil, err
		}
		if err := d.valid(op, f); err != nil {
			return nil, err
		}
		return d.list(ctx, f.Raw, q.From)
	})
}

// list reads a folder from a UID on and keeps the items' names.
func (d *Destination) list(ctx context.Context, raw string, from mail.UID) ([]mail.Message, error) {
	const op = "list messages"
	d.index.Of(raw)
	pages := pager{most: d.s.opts.PageSize, op: op}
	l := uids.NewListing(uids.Validity(raw))
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
			l = uids.NewListing(uids.Validity(raw))
			continue
		}
		for i := range page {
			written, _ := page[i].value(propID)
			l.Add(page[i].ID.ID, written, page[i].message())
		}
	}
	return l.From(from, d.index.Note), nil
}

// find asks for a page of a folder, the oldest items first, so that what comes meanwhile comes at the end.
func find(raw string, from mail.UID, pages *pager) element {
	kids := []element{itemShape("m:ItemShape", false), page("m:IndexedPageItemView", pages.ask(), pages.offset)}
	if from >= uids.FirstOwn {
		kids = append(kids, el("m:Restriction", el("t:IsGreaterThanOrEqualTo", propNumber.path(),
			el("t:FieldURIOrConstant", el("t:Constant").with("Value", strconv.FormatInt(int64(from-uids.FirstOwn), 10))))))
	}
	return el("m:FindItem", append(kids,
		el("m:SortOrder", el("t:FieldOrder", fieldURI("item:DateTimeCreated")).with("Order", "Ascending")),
		el("m:ParentFolderIds", folderID(raw)))...).with("Traversal", "Shallow")
}

// message reads an item, its UID and digest aside.
func (i *item) message() mail.Message {
	verb, _ := i.value(propVerb)
	m := mail.Message{Size: mail.Size(max(0, i.Size)), Flags: uids.Flags(i.Categories, i.Read, i.Draft, i.Flag == flagged, verb)}
	if t, err := time.Parse(time.RFC3339, i.Received); err == nil {
		m.InternalDate = t
	}
	return m
}
