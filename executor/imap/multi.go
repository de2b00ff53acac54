package imap

import (
	"strconv"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// What goes into one MULTIAPPEND (RFC 3502). The server commits a group at once, which is what makes it fast on small
// mail; but the answer is one for all, so a group is also one doubt. Large messages gain nothing by company.
const (
	groupMessages = 64
	groupOctets   = 4 << 20
	groupLargest  = 1 << 20
	// singleAfterRefusal is how many messages go alone after a group was refused: what is refused often has neighbours.
	singleAfterRefusal = 512
)

// next writes the next message of the batch, or a group, and tells how many messages it took. They are settled or in
// flight then, also where there is an error.
func (w *appender) next(batch []mail.Outgoing) (int, error) {
	n := w.group(batch)
	if n == 1 {
		return 1, w.one(&batch[0])
	}
	return w.many(batch[:n])
}

// group tells how many messages from the head of the batch may go into one command. Only literals that need no consent
// go into groups: between two literals of one command nothing can be waited for without blocking the server. A message of no
// octets, which many servers refuse, would take its neighbours with it.
func (w *appender) group(batch []mail.Outgoing) int {
	if !w.c.caps.has("MULTIAPPEND") || !w.c.caps.literalPlus() {
		return 1
	}
	n, octets := 0, int64(0)
	for n < min(len(batch), groupMessages) {
		size := int64(batch[n].Size)
		if size == 0 || size > groupLargest || octets+size > groupOctets {
			break
		}
		octets += size
		n++
	}
	if n < 2 || w.flight.alone() {
		return 1
	}
	return n
}

// many writes messages as one command. A body that can't be read ends the group before its literal is announced; what
// comes behind it is left to the next one.
func (w *appender) many(batch []mail.Outgoing) (int, error) {
	if err := w.wait(); err != nil {
		return 0, err
	}
	a := &attempt{done: w.done, unfinished: true}
	for i := range batch {
		head, err := w.head(&batch[i])
		if err != nil {
			w.flight.refuse(batch[i].ID, w.done, err)
			w.finish(a)
			return i + 1, nil
		}
		if err := w.join(a, &batch[i]); err != nil {
			return i, err
		}
		w.attributes(&batch[i])
		w.c.out.text("{" + strconv.FormatInt(int64(batch[i].Size), 10) + "+}")
		w.c.out.endLine()
		if err := w.body(a, &batch[i], head); err != nil {
			return i + 1, err
		}
		fault.At(fault.InsideGroup)
	}
	w.finish(a)
	return len(batch), nil
}

// join files the next message of a group; the first one begins the command.
func (w *appender) join(a *attempt, m *mail.Outgoing) (err error) {
	first := len(a.parts) == 0
	if first {
		if a.tag, err = w.c.begin("APPEND", nil); err != nil {
			return err
		}
	}
	if err := w.flight.join(a, m); err != nil {
		return err
	}
	if !first {
		return nil
	}
	w.c.out.text(a.tag + " APPEND ")
	name := piece{w.folder.Raw, true}
	if w.c.asLiteral(name) {
		w.c.out.text("{" + strconv.Itoa(len(name.text)) + "+}")
		w.c.out.endLine()
		w.c.out.literal(name.text)
		return nil
	}
	w.c.out.text(name.written())
	return nil
}

// finish ends the command, if one was begun.
func (w *appender) finish(a *attempt) {
	if len(a.parts) > 0 {
		w.flight.finish(a)
		w.c.out.endLine()
	}
}
