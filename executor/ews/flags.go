package ews

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// categories are the keywords that become categories.
func (d *Destination) categories(f mail.Flags) []string {
	if d.s.opts.KeepDollar {
		return f.Keywords
	}
	return slices.DeleteFunc(slices.Clone(f.Keywords), func(k string) bool { return strings.HasPrefix(k, "$") })
}

func categoriesElement(names []string) element {
	var kids []element
	for _, n := range names {
		kids = append(kids, text("t:String", n))
	}
	return el("t:Categories", kids...)
}

// updateItems bounds the changes of one request.
const updateItems = 50

// SetFlags sets flags. Whether a message is a draft can't be changed once it is stored. Messages that are gone are passed
// over; a refusal does not keep the others from being set, the first one comes back.
func (d *Destination) SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error {
	const op = "set flags"
	if err := d.enter(ctx, op); err != nil {
		return err
	}
	if err := d.valid(op, f); err != nil {
		return err
	}
	var uids []mail.UID
	for _, c := range changes {
		uids = append(uids, c.UID)
	}
	if err := d.locate(ctx, f.Raw, uids); err != nil {
		return err
	}
	var items []element
	for _, c := range changes {
		if e, known := d.index.Items[c.UID]; known {
			items = append(items, el("t:ItemChange", el("t:ItemId").with("Id", e.ID), d.updates(c.Flags)))
		}
	}
	var first error
	for group := range slices.Chunk(items, updateItems) {
		if err := d.update(ctx, group); err != nil {
			if d.Over() {
				return err
			}
			if first == nil {
				first = err
			}
		}
	}
	return first
}

func (d *Destination) update(ctx context.Context, group []element) error {
	c := call{op: "set flags", at: atUpdate, action: "UpdateItem", body: el("m:UpdateItem", el("m:ItemChanges", group...)).
		with("ConflictResolution", "AlwaysOverwrite").with("MessageDisposition", "SaveOnly").
		// A message that is read by a migration was not read by anybody: no receipt leaves.
		with("SuppressReadReceipts", "true")}
	list, err := d.ask(ctx, c)
	if err != nil {
		return err
	}
	for i := range list {
		if e := list[i].failure(c); e != nil && e.Kind != mail.Gone {
			return d.fail(e)
		}
	}
	return nil
}

// updates sets each flag that can change.
func (d *Destination) updates(f mail.Flags) element {
	status := notFlagged
	if f.System&mail.Flagged != 0 {
		status = flagged
	}
	all := []element{
		setField(fieldURI("message:IsRead"), text("t:IsRead", strconv.FormatBool(f.System&mail.Seen != 0))),
		setField(fieldURI("item:Flag"), el("t:Flag", text("t:FlagStatus", status))),
	}
	if names := d.categories(f); len(names) > 0 {
		all = append(all, setField(fieldURI("item:Categories"), categoriesElement(names)))
	} else {
		all = append(all, el("t:DeleteItemField", fieldURI("item:Categories")))
	}
	if f.System&mail.Answered != 0 {
		all = append(all, setField(propVerb.path(), propVerb.set(strconv.Itoa(uids.VerbReplied))))
	} else {
		all = append(all, el("t:DeleteItemField", propVerb.path()))
	}
	return el("t:Updates", all...)
}

func setField(path, value element) element {
	return el("t:SetItemField", path, el("t:Message", value))
}
