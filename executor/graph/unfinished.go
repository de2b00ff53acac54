package graph

import "mailhaul/state/mail"

// What was imported and is proven not to have been moved waits here for the message to come again: then it is finished
// instead of imported a second time. Only this process knows of it. An import whose move is in doubt is not kept: it may
// stand in the folder already, as the copy of its own message.

// octets tells which octets were imported. The digest is that of the message at the source: what is sent may have been
// repaired, or its receipt disarmed, and is of another size then.
type octets struct {
	digest mail.Digest
	size   mail.Size
}

func octetsOf(m mail.Outgoing) octets { return octets{m.Digest, m.Size} }

// begin takes an import of a message with these octets; false: there is none.
func (b *box) begin(o octets) (id string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.begun[o]
	if o.digest.IsZero() || len(list) == 0 {
		return "", false
	}
	if b.begun[o] = list[1:]; len(list) == 1 {
		delete(b.begun, o)
	}
	return list[0], true
}

// keep remembers an import that was not moved.
func (b *box) keep(o octets, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o.digest.IsZero() {
		return
	}
	if b.begun == nil {
		b.begun = map[octets][]string{}
	}
	b.begun[o] = append(b.begun[o], id)
}
