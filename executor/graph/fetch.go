package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

// Fetch hands the bodies to the sink, as the server renders them, one request each.
func (d *Destination) Fetch(ctx context.Context, f mail.Folder, want []mail.UID, to mail.Sink) error {
	const op = "fetch messages"
	if _, err := d.usable(ctx, op, f); err != nil {
		return err
	}
	if err := d.locate(ctx, f.Raw, want); err != nil {
		return err
	}
	for _, uid := range want {
		e, known := d.index.Items[uid]
		if !known {
			continue
		}
		if err := d.fetch(ctx, uid, e.ID, to); err != nil {
			return err
		}
	}
	return nil
}

// locate makes sure that the index knows the names of the UIDs that are there.
func (d *Destination) locate(ctx context.Context, raw string, want []mail.UID) error {
	if len(want) == 0 {
		return nil
	}
	if d.index.Lists(raw, want) {
		return nil
	}
	_, err := d.list(ctx, raw, slices.Min(want))
	return err
}

// fetch asks for one message: first for its properties, which are small, then for its octets.
func (d *Destination) fetch(ctx context.Context, uid mail.UID, id string, to mail.Sink) error {
	const op = "fetch messages"
	var it item
	failed := d.ask(ctx, get(op, atRead, itemQuery(), "messages", id), &it)
	var fromSink error
	if failed == nil {
		m := it.message()
		m.UID = uid
		if mark, ours := uids.ParseMark(it.value(propMark)); ours {
			m.Written = mark.Digest
		}
		failed = d.send(ctx, get(op, atRead, nil, "messages", id, "$value"), func(r *http.Response) (failed *mail.Error) {
			failed, fromSink = deliver(op, m, r, to)
			return failed
		})
	}
	switch {
	case fromSink != nil:
		return fromSink
	case failed != nil && failed.Kind != mail.Gone:
		return d.fail(failed)
	}
	return nil // silence: it is not there
}

// deliver gives one message to the sink. An answer without a length is read whole first: the sink is promised one.
func deliver(op string, m mail.Message, r *http.Response, to mail.Sink) (failed *mail.Error, fromSink error) {
	body, size := io.Reader(r.Body), r.ContentLength
	if size < 0 {
		whole, err := io.ReadAll(io.LimitReader(r.Body, maxItem+1))
		switch {
		case err != nil:
			return codes.Broken(op, err), nil
		case len(whole) > maxItem:
			return strange(op, errors.New("the message is larger than any that makes sense")), nil
		}
		body, size = bytes.NewReader(whole), int64(len(whole))
	}
	if size == 0 {
		return nil, to.Message(m, false)
	}
	m.Size = mail.Size(size)
	if err := to.Body(m.Size, &unbroken{op, body}); err != nil {
		return nil, err
	}
	return nil, to.Message(m, true)
}

// unbroken turns an error of the connection into one of the contract's.
type unbroken struct {
	op string
	r  io.Reader
}

func (u *unbroken) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // net/http gives io.EOF as it is
		err = codes.Broken(u.op, err)
	}
	return n, err
}

// Exists asks which of the UIDs are there.
func (d *Destination) Exists(ctx context.Context, f mail.Folder, want []mail.UID) ([]mail.UID, error) {
	if _, err := d.usable(ctx, "look for messages", f); err != nil {
		return nil, err
	}
	if len(want) == 0 {
		return nil, nil
	}
	all, err := d.list(ctx, f.Raw, slices.Min(want))
	if err != nil {
		return nil, err
	}
	var there []mail.UID
	for _, uid := range want {
		if slices.ContainsFunc(all, func(m mail.Message) bool { return m.UID == uid }) {
			there = append(there, uid)
		}
	}
	return there, nil
}
