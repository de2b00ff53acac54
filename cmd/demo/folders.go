package demo

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"mailhaul/state/mail"
)

// List lists the folders that match, with special use, children and status as the client asks.
func (c *session) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	s := c.server
	if len(patterns) == 0 {
		// An empty pattern asks for the delimiter (RFC 9051, 6.3.9).
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: s.delimiter})
	}
	for _, data := range c.listed(ref, patterns, options) {
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func (c *session) listed(ref string, patterns []string, options *imap.ListOptions) []*imap.ListData {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*imap.ListData
	for _, f := range c.account.folders {
		matches := slices.ContainsFunc(patterns, func(p string) bool {
			return imapserver.MatchList(s.name(f.path), s.delimiter, ref, p)
		})
		_, special := roleAttributes()[f.role]
		if !matches || options.SelectSubscribed && !f.subscribed || options.SelectSpecialUse && !special {
			continue
		}
		all = append(all, c.entry(f, options))
	}
	return all
}

func (c *session) entry(f *folder, options *imap.ListOptions) *imap.ListData {
	data := &imap.ListData{Delim: c.server.delimiter, Mailbox: c.server.name(f.path)}
	data.Attrs = append(data.Attrs, c.children(f))
	if a, ok := roleAttributes()[f.role]; ok {
		data.Attrs = append(data.Attrs, a)
	}
	if f.subscribed && (options.ReturnSubscribed || options.SelectSubscribed) {
		data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
	}
	if options.ReturnStatus != nil {
		data.Status = c.status(f)
	}
	return data
}

func (c *session) children(f *folder) imap.MailboxAttr {
	below := func(other *folder) bool {
		return len(other.path) > len(f.path) && slices.Equal(other.path[:len(f.path)], f.path)
	}
	if slices.ContainsFunc(c.account.folders, below) {
		return imap.MailboxAttrHasChildren
	}
	return imap.MailboxAttrHasNoChildren
}

// Status tells a folder's counters.
func (c *session) Status(name string, _ *imap.StatusOptions) (*imap.StatusData, error) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	f, err := c.find(name)
	if err != nil {
		return nil, err
	}
	return c.status(f), nil
}

// status gives everything; the library writes what was asked for.
func (c *session) status(f *folder) *imap.StatusData {
	messages, size, recent := uint32(len(f.messages)), f.octets(), uint32(0)
	unseen := f.count(func(m Message) bool { return m.Flags.System&mail.Seen == 0 })
	deleted := f.count(func(m Message) bool { return m.Flags.System&mail.Deleted != 0 })
	limit := uint32(appendLimit)
	return &imap.StatusData{Mailbox: c.server.name(f.path), NumMessages: &messages, UIDNext: imap.UID(f.next()),
		UIDValidity: f.validity, NumUnseen: &unseen, NumDeleted: &deleted, Size: &size, NumRecent: &recent,
		AppendLimit: &limit}
}
