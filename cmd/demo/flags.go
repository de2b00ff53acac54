package demo

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"mailhaul/state/mail"
)

// Store changes flags.
func (c *session) Store(w *imapserver.FetchWriter, set imap.NumSet, change *imap.StoreFlags, _ *imap.StoreOptions) error {
	if c.readOnly {
		return no(imap.ResponseCodeNoPerm, "The mailbox is open for reading only")
	}
	c.server.mu.Lock()
	messages := c.chosen(set)
	for i, m := range messages {
		messages[i].Flags = changed(m.Flags, change)
		c.selected.messages[m.seq-1].Flags = messages[i].Flags
	}
	c.server.mu.Unlock()
	if change.Silent {
		return nil
	}
	for _, m := range messages {
		if err := c.write(w, m, &imap.FetchOptions{Flags: true, UID: true}); err != nil {
			return err
		}
	}
	return nil
}

func changed(f mail.Flags, change *imap.StoreFlags) mail.Flags {
	switch change.Op {
	case imap.StoreFlagsAdd:
		for _, flag := range change.Flags {
			f = f.With(string(flag))
		}
	case imap.StoreFlagsDel:
		without := fromIMAP(change.Flags)
		left := mail.Flags{System: f.System &^ without.System}
		for _, k := range f.Keywords {
			if !without.Has(k) {
				left = left.With(k)
			}
		}
		f = left
	default:
		f = fromIMAP(change.Flags)
	}
	return f
}
