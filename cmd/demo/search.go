package demo

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"mailhaul/state/mail"
)

// Search knows numbers, flags and sizes; what would need a look into messages is refused.
func (c *session) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, _ *imap.SearchOptions) (*imap.SearchData, error) {
	if !searchable(criteria) {
		return nil, no(imap.ResponseCodeCannot, "This server searches by number, flag and size only")
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	var uids imap.UIDSet
	var seqs imap.SeqSet
	data := &imap.SearchData{}
	for i, m := range c.selected.messages {
		if !c.matches(numbered{uint32(i) + 1, m}, criteria) {
			continue
		}
		n := uint32(i) + 1
		uids.AddNum(imap.UID(m.UID))
		seqs.AddNum(n)
		if kind == imapserver.NumKindUID {
			n = uint32(m.UID)
		}
		data.Count++
		data.Max = n
		if data.Min == 0 {
			data.Min = n
		}
	}
	data.All = uids
	if kind == imapserver.NumKindSeq {
		data.All = seqs
	}
	return data, nil
}

func searchable(c *imap.SearchCriteria) bool {
	dates := !c.Since.IsZero() || !c.Before.IsZero() || !c.SentSince.IsZero() || !c.SentBefore.IsZero()
	return !dates && len(c.Header)+len(c.Body)+len(c.Text)+len(c.Not)+len(c.Or) == 0
}

func (c *session) matches(m numbered, criteria *imap.SearchCriteria) bool {
	last := uint32(len(c.selected.messages))
	for _, set := range criteria.SeqNum {
		if !slices.ContainsFunc(set, func(r imap.SeqRange) bool { return within(m.seq, r.Start, r.Stop, last) }) {
			return false
		}
	}
	for _, set := range criteria.UID {
		if !slices.ContainsFunc(set, func(r imap.UIDRange) bool {
			return within(uint32(m.UID), uint32(r.Start), uint32(r.Stop), c.selected.lastUID())
		}) {
			return false
		}
	}
	for _, flag := range criteria.Flag {
		if !has(m.Flags, flag) {
			return false
		}
	}
	for _, flag := range criteria.NotFlag {
		if has(m.Flags, flag) {
			return false
		}
	}
	size := int64(len(m.Octets))
	return (criteria.Larger == 0 || size > criteria.Larger) && (criteria.Smaller == 0 || size < criteria.Smaller)
}

func has(f mail.Flags, flag imap.Flag) bool {
	wanted := fromIMAP([]imap.Flag{flag})
	return f.System&wanted.System == wanted.System && (len(wanted.Keywords) == 0 || f.Has(wanted.Keywords[0]))
}
