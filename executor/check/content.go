package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// batch is how many messages are asked for at once, and longestSet the set of UIDs that old servers take.
const (
	batch      = 1000
	longestSet = 1000
)

// reading reads the content of some messages of a folder that was listed.
type reading struct {
	*reader
	raw      string
	all      span
	items    string // what is fetched
	kind     knowledge
	tried    map[mail.UID]int
	digester *digester
}

// content reads bodies, or the naming fields for byHead, of the messages that are wanted. Messages that vanished
// meanwhile are gone; what is not handed over becomes unread.
func (r *reader) content(ctx context.Context, raw string, all span, kind knowledge, want func(*entry) bool) error {
	x := &reading{reader: r, raw: raw, all: all, items: "BODY.PEEK[]", kind: kind, tried: map[mail.UID]int{},
		digester: newDigester(r.key, kind == byBody)}
	if kind == byHead {
		x.items = "BODY.PEEK[HEADER.FIELDS (" + strings.ToUpper(strings.Join(namingFields, " ")) + ")]"
	}
	wanted := func(e *entry) bool { return e.known < kind && want(e) }
	for at := all.from; at < all.to; {
		asked, next := x.batch(at, wanted)
		at = next
		for len(asked) > 0 {
			n := x.next(asked)
			if err := x.fetch(ctx, asked[:n]); err != nil {
				return err
			}
			late, err := x.settle(ctx, asked[:n])
			if err != nil {
				return err
			}
			asked = append(late, asked[n:]...)
		}
	}
	return nil
}

// batch gives wanted messages from an index on, as many as can be asked for at once, and the index of the next one.
func (x *reading) batch(at int, want func(*entry) bool) (asked []mail.UID, next int) {
	length, last := 0, none
	for ; at < x.all.to && len(asked) < batch && length < longestSet; at++ {
		e := x.all.at(at)
		if !want(e) {
			continue
		}
		if last != at-1 || last == none {
			length += len("4294967295:4294967295,")
		}
		asked, last = append(asked, e.uid), at
	}
	return asked, at
}

// settle gives those of the messages that are to be asked for again. One that was asked for often enough is gone, or it
// can't be read.
func (x *reading) settle(ctx context.Context, uids []mail.UID) (late []mail.UID, err error) {
	for _, uid := range uids {
		e := x.all.get(uid)
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
		if e.known = unread; !there {
			e.known = gone
		}
	}
	return late, nil
}

// next is how many of the messages are asked for together. One that failed before goes alone, so that it takes no other
// with it.
func (x *reading) next(asked []mail.UID) int {
	for n, uid := range asked {
		if x.tried[uid] > 0 {
			return max(1, n)
		}
	}
	return len(asked)
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
		sink := &body{digester: x.digester}
		c.expected = len(uids)
		err = c.run("fetch messages", "UID FETCH "+x.set(uids)+" (UID "+x.items+")", sink, func(r response) { x.take(r, sink) })
		c.expected = 0
		x.digester.reset() // of a body that was cut
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
		if x.all.get(uid).known < x.kind {
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
	came := sink.came
	sink.came = false
	n, ok := r.fetched()
	if ok && n.hasBody {
		if e := x.all.get(n.uid); e != nil && e.known < x.kind {
			if !came {
				_, _ = io.WriteString(x.digester, n.body) // a digester never fails
			}
			x.digester.fill(e)
			e.known = x.kind
			x.barren = 0
			return
		}
	}
	if came || ok && n.hasBody {
		x.digester.reset()
	}
}

// body digests the body of the response that is being read.
type body struct {
	*digester
	came bool
}

// begin makes ready for a body. Of several in one response the last counts, which is what the response's items say.
func (b *body) begin() {
	if b.came {
		b.reset()
	}
	b.came = true
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
			found = found || slices.Contains(strings.Fields(r.text), strconv.FormatUint(uint64(uid), 10))
		})
	})
	if isRefused(err) {
		return true, nil
	}
	return found, err
}

// set writes ascending UIDs as IMAP does: "3:7,9". A range may run over UIDs that the folder does not have.
func (x *reading) set(uids []mail.UID) string {
	var b strings.Builder
	for i := 0; i < len(uids); {
		j, at := i, x.all.find(uids[i])
		for j+1 < len(uids) && at+1 < x.all.to && x.all.at(at+1).uid == uids[j+1] {
			j, at = j+1, at+1
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
