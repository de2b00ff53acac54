package imap

import (
	"errors"
	"strconv"
	"time"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// What goes into one MULTIAPPEND (RFC 3502). The server commits a group at once, which is what makes it fast; but the
// answer is one for all, so a group is also one doubt, and what is cut off is sent again. So a group holds what this
// server takes in a moment, within these bounds: on a slow line the smaller ones.
const (
	groupMessages = 64
	groupOctets   = 4 << 20
	groupMost     = 64 << 20
	groupTime     = time.Second / 4
	// groupShare is how large a part of a group one message may be: a larger one gains nothing by company.
	groupShare = 4
	// singleAfterRefusal is how many messages go alone after a group was refused: what is refused often has neighbours.
	singleAfterRefusal = 512
)

// group is a command that is open for more messages.
type group struct {
	*attempt
	folder string // raw name
	octets int64
}

// next writes the next message: into the group that is open, into a new one, or as a command of its own. An error means
// that the session is dead; the message is settled then.
func (w *appender) next(m *mail.Outgoing) error {
	head, err := w.head(m)
	if err != nil {
		// Nothing is announced yet: a body that can't be read costs only itself.
		w.flight.refuse(m.ID, w.done, err)
		return nil
	}
	grouped, err := w.place(m)
	if err != nil {
		w.flight.refuse(m.ID, w.done, err)
		return err
	}
	if grouped {
		return w.member(m, head)
	}
	return w.one(m, head)
}

// place makes room for a message, and tells whether it goes into a group.
func (w *appender) place(m *mail.Outgoing) (grouped bool, err error) {
	grouped = w.grouped(m)
	if !grouped {
		w.endGroup()
	}
	if !w.flight.room() {
		w.endGroup() // or its answer, which makes the room, would never come
		err = w.wait()
	}
	return grouped, err
}

// grouped tells whether a message may go into a group, and ends the open one if it has no room for it. Only literals that
// need no consent go into groups: between two literals of one command nothing can be waited for without blocking the server.
// A message of no octets, which many servers refuse, would take its neighbours with it.
func (w *appender) grouped(m *mail.Outgoing) bool {
	if !w.c.caps.has("MULTIAPPEND") || !w.c.caps.literalPlus() {
		return false
	}
	most := w.flight.groupOctets()
	if m.Size == 0 || int64(m.Size) > most/groupShare || w.flight.alone() {
		return false
	}
	if g := w.flight.group; g != nil && (len(g.parts) >= groupMessages || g.octets+int64(m.Size) > most) {
		w.endGroup()
	}
	return true
}

// member writes a message of a group; the first one begins the command.
func (w *appender) member(m *mail.Outgoing, head []byte) error {
	if err := w.join(m); err != nil {
		w.flight.refuse(m.ID, w.done, err)
		return err
	}
	w.attributes(m)
	w.c.out.text("{" + strconv.FormatInt(int64(m.Size), 10) + "+}")
	w.c.out.endLine()
	err := w.body(w.flight.group.attempt, m, head)
	fault.AtIf(err == nil, fault.InsideGroup)
	return err
}

// join files the next message of the group. Where there is none, or it was refused meanwhile, a new one begins.
func (w *appender) join(m *mail.Outgoing) error {
	if g := w.flight.group; g != nil {
		err := w.flight.join(g.attempt, m, w.done)
		if err == nil {
			g.octets += int64(m.Size)
		}
		if !errors.Is(err, errAnswered) {
			return err
		}
		w.endGroup()
	}
	return w.begin(m)
}

// begin begins a group with its first message.
func (w *appender) begin(m *mail.Outgoing) (err error) {
	g := &group{attempt: &attempt{unfinished: true}, folder: w.folder.Raw, octets: int64(m.Size)}
	if g.tag, err = w.c.begin("APPEND", nil); err != nil {
		return err
	}
	if err := w.flight.join(g.attempt, m, w.done); err != nil {
		return err
	}
	w.flight.group = g
	w.c.out.text(g.tag + " APPEND ")
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

// endGroup ends the command that is open for more messages, if there is one. What it writes may stay in the buffer.
func (w *appender) endGroup() { w.flight.endGroup() }

// endGroup is that of the appender.
func (f *flight) endGroup() {
	if g := f.group; g != nil {
		f.group = nil
		f.finish(g.attempt)
		f.c.out.endLine()
	}
}
