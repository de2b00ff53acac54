package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// batch is how many messages are asked for at once: the set of UIDs stays short of what old servers take.
const batch = 200

// reading reads the content of some messages of a folder that was listed.
type reading struct {
	*reader
	raw   string
	all   []entry
	items string // what is fetched
	kind  knowledge
	tried map[mail.UID]int
}

// content reads bodies, or the naming fields for byHead, of the messages that are wanted. Messages that vanished
// meanwhile are dropped; what is not handed over becomes unread.
func (r *reader) content(ctx context.Context, raw string, all []entry, kind knowledge, want func(*entry) bool) ([]entry, error) {
	x := &reading{reader: r, raw: raw, all: all, items: "BODY.PEEK[]", kind: kind, tried: map[mail.UID]int{}}
	if kind == byHead {
		x.items = "BODY.PEEK[HEADER.FIELDS (" + strings.ToUpper(strings.Join(namingFields, " ")) + ")]"
	}
	var asked []mail.UID
	for i := range all {
		if want(&all[i]) {
			asked = append(asked, all[i].uid)
		}
	}
	gone := map[mail.UID]bool{}
	for len(asked) > 0 {
		n := x.next(asked)
		if err := x.fetch(ctx, asked[:n]); err != nil {
			return nil, err
		}
		late, err := x.settle(ctx, asked[:n], gone)
		if err != nil {
			return nil, err
		}
		asked = append(late, asked[n:]...)
	}
	return slices.DeleteFunc(all, func(e entry) bool { return gone[e.uid] }), nil
}

// settle gives those of the messages that are to be asked for again. One that was asked for often enough is gone, or it
// can't be read.
func (x *reading) settle(ctx context.Context, uids []mail.UID, gone map[mail.UID]bool) (late []mail.UID, err error) {
	for _, uid := range uids {
		e := x.find(uid)
		if e.known >= x.kind {
			continue
		}
		if x.tried[uid] < tries {
			late = append(late, uid)
			continue
		}
		there, err := x.there(ctx, uid)
		if err != nil {
			return nil, err
		}
		gone[uid], e.known = !there, unread
	}
	return late, nil
}

// next is how many of the messages are asked for together. One that failed before goes alone, so that it takes no other
// with it.
func (x *reading) next(asked []mail.UID) int {
	most := min(len(asked), batch)
	for n, uid := range asked[:most] {
		if x.tried[uid] > 0 {
			return max(1, n)
		}
	}
	return most
}

// find gives the entry of a UID, nil if the folder was listed without it.
func (x *reading) find(uid mail.UID) *entry {
	at, found := slices.BinarySearchFunc(x.all, uid, func(e entry, uid mail.UID) int { return cmp.Compare(e.uid, uid) })
	if !found {
		return nil
	}
	return &x.all[at]
}

// fetch asks for messages once. A connection that is lost counts against the first message that did not come; an answer
// that ended whole counts against all that did not. The error is one after which nothing more can be read.
func (x *reading) fetch(ctx context.Context, uids []mail.UID) error {
	c, err := x.session(ctx)
	if err != nil {
		return err
	}
	defer c.guard(ctx)()
	if err = x.reopen(c); err == nil {
		sink := &body{}
		err = c.run("fetch messages", "UID FETCH "+set(uids)+" (UID "+x.items+")", sink, func(r response) { x.take(r, sink) })
	}
	if mail.KindOf(err) == mail.Stale {
		return err
	}
	lost := err != nil && !isRefused(err)
	if lost {
		x.close()
		x.barren++
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if x.barren > barrenMost {
		return err
	}
	for _, uid := range uids {
		if x.find(uid).known < x.kind {
			x.tried[uid]++
			if lost {
				break
			}
		}
	}
	return nil
}

// reopen opens the folder where the session is new. Under another UIDVALIDITY the UIDs would name other messages.
func (x *reading) reopen(c *conn) error {
	if x.open == x.raw {
		return nil
	}
	o, err := c.examine(x.raw)
	if err != nil {
		return err
	}
	if o.validity != x.validity[x.raw] {
		return &mail.Error{Op: "open folder", Kind: mail.Stale, Code: mail.CodeIMAPValidity,
			Err: errors.New("the folder was made anew while it was read")}
	}
	x.open = x.raw
	return nil
}

// take files a FETCH response. One without a body is news about the message and never the message.
func (x *reading) take(r response, sink *body) {
	d := sink.digester
	sink.digester = nil
	n, ok := r.fetched()
	if !ok || !n.hasBody {
		return
	}
	e := x.find(n.uid)
	if e == nil || e.known >= x.kind {
		return
	}
	if d == nil {
		d = newDigester()
		_, _ = io.WriteString(d, n.body) // a digester never fails
	}
	e.digests, e.known = d.sum(), x.kind
	x.barren = 0
}

// body digests the body of the response that is being read.
type body struct{ *digester }

// Write takes octets of a body.
func (b *body) Write(p []byte) (int, error) {
	if b.digester == nil {
		b.digester = newDigester()
	}
	return b.digester.Write(p)
}

// there asks whether a message still exists. Only an answer that does not name it proves that it is gone.
func (x *reading) there(ctx context.Context, uid mail.UID) (bool, error) {
	found := false
	err := x.again(ctx, func(c *conn) error {
		if err := x.reopen(c); err != nil {
			return err
		}
		found = false
		return c.run("look for message", fmt.Sprintf("UID SEARCH UID %d", uid), nil, func(r response) {
			for _, word := range strings.Fields(r.text) {
				found = found || word == strconv.FormatUint(uint64(uid), 10)
			}
		})
	})
	if isRefused(err) {
		return true, nil
	}
	return found, err
}

// set writes ascending UIDs as IMAP does: "3:7,9".
func set(uids []mail.UID) string {
	var b strings.Builder
	for i := 0; i < len(uids); {
		j := i
		for j+1 < len(uids) && uids[j+1] == uids[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(uids[i]), 10))
		if j > i {
			b.WriteString(":" + strconv.FormatUint(uint64(uids[j]), 10))
		}
		i = j + 1
	}
	return b.String()
}
