package uids

import (
	"cmp"
	"slices"
	"strings"

	"mailhaul/state/mail"
)

// Listing gives UIDs to the items of one folder as they are listed.
type Listing struct {
	validity mail.UIDValidity
	seen     map[string]bool // by name: pages overlap
	own      map[mail.UID]named
	others   []named
}

// named is a message with the name of its item.
type named struct {
	mail.Message
	id string
}

// NewListing begins the listing of a folder.
func NewListing(v mail.UIDValidity) *Listing {
	return &Listing{validity: v, seen: map[string]bool{}, own: map[mail.UID]named{}}
}

// Len is how many items there are, each counted once.
func (l *Listing) Len() int { return len(l.seen) }

// Add takes an item of that name, with what its mark says; an empty or strange mark is none. A copy of one of ours has the
// mark of the first: it counts as one of others.
func (l *Listing) Add(id, mark string, m mail.Message) {
	if l.seen[id] {
		return
	}
	l.seen[id] = true
	it := named{m, id}
	if mark, ours := ParseMark(mark); ours {
		it.Written = mark.Digest
		uid := FirstOwn + mail.UID(mark.Number)
		if _, taken := l.own[uid]; mark.Validity == l.validity && !taken {
			it.UID = uid
			l.own[uid] = it
			return
		}
	}
	l.others = append(l.others, it)
}

// From gives the messages from a UID on, ascending, and tells of every one which item it is. Below FirstOwn the listing
// must hold the whole folder.
func (l *Listing) From(from mail.UID, name func(mail.UID, string, mail.Size)) []mail.Message {
	var all []mail.Message
	take := func(m named) {
		name(m.UID, m.id, m.Size)
		if m.UID >= from {
			all = append(all, m.Message)
		}
	}
	if from < FirstOwn {
		slices.SortFunc(l.others, func(a, b named) int { return strings.Compare(a.id, b.id) })
		given := Strangers{}
		for _, m := range l.others {
			m.UID = given.UID(m.id)
			take(m)
		}
	}
	for _, m := range l.own {
		take(m)
	}
	slices.SortFunc(all, func(a, b mail.Message) int { return cmp.Compare(a.UID, b.UID) })
	return all
}
