package imapserver

import (
	"slices"
	"strings"
)

// expunge is UID EXPUNGE (RFC 4315): it removes what the set names and is marked.
func (c *conn) expunge() error {
	c.news()
	if err := c.space(); err != nil {
		return err
	}
	spans, err := c.set()
	if err != nil {
		return err
	}
	if err := c.endLine(); err != nil {
		return err
	}
	if !c.can("UIDPLUS") || !c.selected.write {
		return &refusal{"BAD unknown command"}
	}
	for _, m := range c.chosen(spans) {
		if slices.ContainsFunc(m.Flags, func(f string) bool { return strings.EqualFold(f, `\Deleted`) }) {
			c.mailbox.Remove(c.selected.raw, m.UID)
		}
	}
	c.news()
	c.answer("OK done")
	return nil
}

// delete is DELETE of a folder that nobody has open, and INBOX is none that can be deleted.
func (c *conn) delete() error {
	raw, err := c.name()
	if err != nil {
		return err
	}
	if err := c.endLine(); err != nil {
		return err
	}
	if c.selected != nil && c.selected.raw == raw || raw == "INBOX" || !c.mailbox.drop(raw) {
		return &refusal{"NO it can't be deleted"}
	}
	c.answer("OK done")
	return nil
}

// drop removes a folder with what is in it.
func (b *Mailbox) drop(raw string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.folders[raw] == nil {
		return false
	}
	delete(b.folders, raw)
	b.order = slices.DeleteFunc(b.order, func(name string) bool { return name == raw })
	return true
}
