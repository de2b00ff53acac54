package graph

import "mailhaul/state/mail"

// What was imported and is proven not to have been moved waits here for the message to come again: then it is finished
// instead of imported a second time. Only this process knows of it. An import whose move is in doubt is not kept: it may
// stand in the folder already, as the copy of its own message.

// begin takes an import of a message with these octets; false: there is none.
func (b *box) begin(digest mail.Digest) (id string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.begun[digest]
	if digest.IsZero() || len(list) == 0 {
		return "", false
	}
	b.begun[digest] = list[1:]
	return list[0], true
}

// keep remembers an import that was not moved.
func (b *box) keep(digest mail.Digest, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if digest.IsZero() {
		return
	}
	if b.begun == nil {
		b.begun = map[mail.Digest][]string{}
	}
	b.begun[digest] = append(b.begun[digest], id)
}
