package ews

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"slices"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// What is asked for in one GetItem: messages are held in memory while they are read, a large one alone.
const (
	fetchItems = 20
	fetchBytes = 2 << 20
)

// Fetch hands the bodies to the sink, as the server renders them.
func (d *Destination) Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	const op = "fetch messages"
	if err := d.enter(ctx, op); err != nil {
		return err
	}
	if err := d.valid(op, f); err != nil {
		return err
	}
	if err := d.locate(ctx, f.Raw, uids); err != nil {
		return err
	}
	var group []mail.UID
	var octets mail.Size
	for _, uid := range uids {
		e, known := d.index.Items[uid]
		if !known {
			continue
		}
		if len(group) > 0 && (len(group) == fetchItems || octets+e.Size > fetchBytes) {
			if err := d.fetch(ctx, group, to); err != nil {
				return err
			}
			group, octets = nil, 0
		}
		group, octets = append(group, uid), octets+e.Size
	}
	if len(group) == 0 {
		return nil
	}
	return d.fetch(ctx, group, to)
}

// locate makes sure that the index knows the names of the UIDs that are there.
func (d *Destination) locate(ctx context.Context, raw string, uids []mail.UID) error {
	if len(uids) == 0 {
		return nil
	}
	if d.index.Lists(raw, uids) {
		return nil
	}
	_, err := d.list(ctx, raw, slices.Min(uids))
	return err
}

func (d *Destination) fetch(ctx context.Context, uids []mail.UID, to mail.Sink) error {
	const op = "fetch messages"
	var ids []element
	for _, uid := range uids {
		ids = append(ids, el("t:ItemId").with("Id", d.index.Items[uid].ID))
	}
	c := call{op: op, at: atRead, action: "GetItem", mime: true,
		body: el("m:GetItem", itemShape("m:ItemShape", true), el("m:ItemIds", ids...))}
	list, err := d.ask(ctx, c)
	if err != nil {
		return err
	}
	for i := range list {
		if i >= len(uids) {
			break
		}
		if e := list[i].failure(c); e != nil && e.Kind != mail.Gone {
			return d.fail(e)
		} else if e != nil || len(list[i].Items.List) == 0 {
			continue // silence: it is not there
		}
		if err := deliver(uids[i], &list[i].Items.List[0], to); err != nil {
			return err
		}
	}
	return nil
}

// deliver gives one item to the sink.
func deliver(uid mail.UID, it *item, to mail.Sink) error {
	m := it.message()
	m.UID = uid
	written, _ := it.value(propID)
	if mark, ours := uids.ParseMark(written); ours {
		m.Written = mark.Digest
	}
	size := decodedLen(it.mime)
	if size == 0 {
		return to.Message(m, false)
	}
	m.Size = mail.Size(size)
	body := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(it.mime))
	if err := to.Body(m.Size, exactly{body}); err != nil {
		return err
	}
	return to.Message(m, true)
}

// decodedLen is how many octets base64 holds; line breaks between do not count.
func decodedLen(s []byte) int {
	n := 0
	for i := range len(s) {
		switch s[i] {
		case '\r', '\n', ' ', '\t', '=':
		default:
			n++
		}
	}
	return n * 3 / 4
}

// exactly turns an error of the base64 into one that is not the end.
type exactly struct{ r io.Reader }

func (e exactly) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a decoder gives io.EOF as it is
		err = &mail.Error{Op: "fetch messages", Kind: mail.Transient, Code: mail.CodeEWSProtocol, Err: err}
	}
	return n, err
}

// Exists asks which of the UIDs are there.
func (d *Destination) Exists(ctx context.Context, f mail.Folder, uids []mail.UID) ([]mail.UID, error) {
	const op = "look for messages"
	if err := d.enter(ctx, op); err != nil {
		return nil, err
	}
	if err := d.valid(op, f); err != nil {
		return nil, err
	}
	if len(uids) == 0 {
		return nil, nil
	}
	all, err := d.list(ctx, f.Raw, slices.Min(uids))
	if err != nil {
		return nil, err
	}
	var there []mail.UID
	for _, uid := range uids {
		if slices.ContainsFunc(all, func(m mail.Message) bool { return m.UID == uid }) {
			there = append(there, uid)
		}
	}
	return there, nil
}
