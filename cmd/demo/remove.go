package demo

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"mailhaul/state/mail"
)

// Expunge removes messages that are named by UID and marked as deleted (RFC 4315).
func (c *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if uids == nil || c.readOnly {
		return errNever()
	}
	c.server.mu.Lock()
	var gone []uint32
	for _, m := range c.chosen(*uids) {
		if m.Flags.System&mail.Deleted != 0 {
			gone = append(gone, m.seq)
		}
	}
	slices.Reverse(gone) // the last one first: the numbers of the others stay
	for _, seq := range gone {
		c.selected.messages = slices.Delete(c.selected.messages, int(seq)-1, int(seq))
	}
	c.told = len(c.selected.messages)
	c.server.mu.Unlock()
	for _, seq := range gone {
		if err := w.WriteExpunge(seq); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a folder that holds nothing and has none below.
func (c *session) Delete(name string) error {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	f, err := c.find(name)
	if err != nil {
		return err
	}
	if len(f.messages) > 0 || f.path.IsInbox() || c.children(f) == imap.MailboxAttrHasChildren {
		return errNever()
	}
	c.account.folders = slices.DeleteFunc(c.account.folders, func(other *folder) bool { return other == f })
	return nil
}

// SetFlags changes the flags of a folder's n-th message, from 1, as another client would.
func (s *Server) SetFlags(user, name string, n int, flags mail.Flags) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.users[user].all() {
		if f.path.String() == name && n <= len(f.messages) {
			f.messages[n-1].Flags = flags
		}
	}
}
