package imap

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// reorder holds back some messages of a listing, so that those that come out of order or in several lines are put
// right while the listing streams.
type reorder struct {
	held  map[mail.UID]*item
	order uidHeap
	last  mail.UID // yielded last
	count uint32   // distinct UIDs
	yield func(mail.Message) bool
	// enough is set when the reader of the listing wants no more.
	enough bool
}

// window is how many messages are held back.
const window = 2048

type uidHeap []mail.UID

func (h uidHeap) Len() int           { return len(h) }
func (h uidHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h uidHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push and Pop are for container/heap.
func (h *uidHeap) Push(x any) { *h = append(*h, x.(mail.UID)) }

// Pop takes the last element.
func (h *uidHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

var errOrder = errors.New("the server lists messages far out of order")

// add files an item. News of a message that was yielded already changes nothing, but a whole item comes too late.
func (o *reorder) add(it item) error {
	if held := o.held[it.msg.UID]; held != nil {
		held.merge(it)
		return nil
	}
	if it.msg.UID <= o.last {
		if it.has&hasSize != 0 {
			return errOrder
		}
		return nil
	}
	o.held[it.msg.UID] = &it
	heap.Push(&o.order, it.msg.UID)
	o.count++
	return nil
}

// pop gives the message with the lowest UID.
func (o *reorder) pop() mail.Message {
	uid := heap.Pop(&o.order).(mail.UID)
	msg := o.held[uid].msg
	delete(o.held, uid)
	o.last = uid
	return msg
}

// List yields a folder's messages in the order of their UIDs while they arrive.
func (c *client) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	const op = "list messages"
	return func(yield func(mail.Message, error) bool) {
		leave, err := c.enter(ctx, op)
		if err != nil {
			yield(mail.Message{}, err)
			return
		}
		defer leave()
		err = c.list(op, f, q, func(m mail.Message) bool { return yield(m, nil) })
		if err != nil {
			yield(mail.Message{}, c.reason(ctx, err))
		}
	}
}

func (c *client) list(op string, f mail.Folder, q mail.Query, yield func(mail.Message) bool) error {
	if q.To > 0 && q.From > q.To {
		return nil // "9:5" would be taken for "5:9" (RFC 9051, 9, seq-range)
	}
	o := &reorder{held: map[mail.UID]*item{}, yield: yield}
	spoiled := 0
	answers, err := c.within(op, f, true, []*command{c.listCommand(q)}, func(r *response) error {
		if r.verb != "FETCH" {
			c.notice(r)
			return nil
		}
		it, ok, err := parseFetch(r.data, nil)
		if err != nil {
			return err
		}
		if !ok {
			spoiled++
			return nil
		}
		if it.msg.UID < q.From || q.To > 0 && it.msg.UID > q.To {
			return nil // "n:*" always names the last message (RFC 9051, 9, seq-range)
		}
		return o.stream(it)
	})
	if err != nil {
		return err
	}
	if c.selected.exists == 0 {
		return nil // "1:*" of an empty folder is an error on some servers
	}
	if st := answers[0]; st.verb != "OK" {
		return c.fatalUnlessRefused(c.classify(op, st, atFetch))
	}
	if o.enough {
		return nil
	}
	if err := c.complete(op, q, o.count, spoiled); err != nil {
		return err
	}
	for o.order.Len() > 0 && !o.enough {
		o.enough = !yield(o.pop())
	}
	return nil
}

// stream files an item and yields what is held back no longer. After a reader who wants no more, the rest of the answer
// is read and dropped, so that the session can go on.
func (o *reorder) stream(it item) error {
	if o.enough {
		return nil
	}
	if err := o.add(it); err != nil {
		return err
	}
	if o.order.Len() > window {
		o.enough = !o.yield(o.pop())
	}
	return nil
}

func (c *client) listCommand(q mail.Query) *command {
	items := headItems
	if c.caps.condstore() {
		items += " MODSEQ"
	}
	last := "*"
	if q.To > 0 {
		last = strconv.FormatUint(uint64(q.To), 10)
	}
	text := fmt.Sprintf("%d:%s (%s)", max(q.From, 1), last, items)
	if q.ChangedSince > 0 && c.caps.condstore() {
		text += fmt.Sprintf(" (CHANGEDSINCE %d)", q.ChangedSince)
	}
	return newCommand("UID FETCH").raw(text)
}

// complete refuses a listing that is short: a message that is not listed would be left behind unseen.
func (c *client) complete(op string, q mail.Query, count uint32, spoiled int) error {
	short, part := uint32(0), q.From > 1 || q.To > 0 || q.ChangedSince > 0
	if !part && count+c.selected.expunge < c.selected.exists {
		short = c.selected.exists - count - c.selected.expunge
	}
	if fault.Off(fault.CountedListing) {
		return nil
	}
	if spoiled > 0 && part || short > 0 {
		return c.fatal(&mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPProtocol,
			Err: fmt.Errorf("the server listed %d of %d messages, %d of them unreadable", count, c.selected.exists, spoiled)})
	}
	return nil
}
