package uids

import (
	"iter"
	"strconv"

	"mailhaul/state/mail"
)

// Index are the items of one folder by UID, as far as they were listed. The zero Index holds none.
type Index struct {
	Folder string // its raw name
	Items  map[mail.UID]Item
}

// Item is what is kept of a message to ask for it again.
type Item struct {
	ID   string
	Size mail.Size
}

// Of keeps the items of a folder from now on, those of another one no longer.
func (x *Index) Of(raw string) {
	if x.Folder != raw || x.Items == nil {
		*x = Index{raw, map[mail.UID]Item{}}
	}
}

// Note keeps an item; it is what Listing.From tells of each.
func (x *Index) Note(uid mail.UID, id string, size mail.Size) { x.Items[uid] = Item{id, size} }

// Lists tells whether all of these were listed.
func (x *Index) Lists(raw string, uids []mail.UID) bool {
	for _, u := range uids {
		if x.Folder != raw || x.Items[u].ID == "" {
			return false
		}
	}
	return x.Folder == raw
}

// Messages yields what read gives, as far as the query goes; an error alone.
func Messages(q mail.Query, read func() ([]mail.Message, error)) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		all, err := read()
		if err != nil {
			yield(mail.Message{}, err)
			return
		}
		for _, m := range all {
			if q.To > 0 && m.UID > q.To || !yield(m, nil) {
				return
			}
		}
	}
}

// What was last done with a message (PidTagLastVerbExecuted, MS-OXOMSG, 2.2.1.9).
const (
	VerbReplied    = 102
	VerbRepliedAll = 103
)

// Flags gives the flags of a message by what Exchange says of it. verb is PidTagLastVerbExecuted.
func Flags(categories []string, read, draft, flagged bool, verb string) mail.Flags {
	flags := mail.Flags{}
	for _, c := range categories {
		flags = flags.With(c)
	}
	if read {
		flags.System |= mail.Seen
	}
	if draft {
		flags.System |= mail.Draft
	}
	if flagged {
		flags.System |= mail.Flagged
	}
	if verb == strconv.Itoa(VerbReplied) || verb == strconv.Itoa(VerbRepliedAll) {
		flags.System |= mail.Answered
	}
	return flags
}
