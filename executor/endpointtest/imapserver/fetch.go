package imapserver

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// fetch is UID FETCH with CHANGEDSINCE (RFC 7162).
func (c *conn) fetch() error {
	c.news()
	if err := c.space(); err != nil {
		return err
	}
	spans, err := c.set()
	if err != nil {
		return err
	}
	if err := c.space(); err != nil {
		return err
	}
	items, err := c.fetchItems()
	if err != nil {
		return err
	}
	since := uint64(0)
	if c.is(' ') {
		if since, err = c.changedSince(); err != nil {
			return err
		}
	}
	if err := c.endLine(); err != nil {
		return err
	}
	for _, m := range c.chosen(spans) {
		if m.ModSeq <= since {
			continue
		}
		c.mark(&m, items)
		if err := c.sayMessage(m, items); err != nil {
			return err
		}
	}
	c.answer("OK done")
	return nil
}

// fetchItems takes "(UID FLAGS BODY.PEEK[HEADER.FIELDS (DATE)])", in upper case.
func (c *conn) fetchItems() ([]string, error) {
	if err := c.expect('('); err != nil {
		return nil, err
	}
	var items []string
	for {
		item, err := c.word(" )[")
		if err != nil {
			return nil, err
		}
		if c.is('[') {
			section, err := c.word("]")
			if err != nil {
				return nil, err
			}
			if err := c.expect(']'); err != nil {
				return nil, err
			}
			item += section + "]"
		}
		items = append(items, strings.ToUpper(item))
		if c.is(')') {
			return items, c.expect(')')
		}
		if err := c.space(); err != nil {
			return nil, err
		}
	}
}

func (c *conn) changedSince() (uint64, error) {
	if err := c.space(); err != nil {
		return 0, err
	}
	words, err := c.list()
	if err != nil {
		return 0, err
	}
	if len(words) != 2 || !strings.EqualFold(words[0], "CHANGEDSINCE") || !c.can("CONDSTORE") {
		return 0, bad("unknown modifier")
	}
	n, err := strconv.ParseUint(words[1], 10, 63)
	if err != nil {
		return 0, bad("that is no number")
	}
	return n, nil
}

// mark sets \Seen where a body is read without PEEK in a folder that is open for writing.
func (c *conn) mark(m *numbered, items []string) {
	reads := slices.ContainsFunc(items, func(i string) bool { return strings.HasPrefix(i, "BODY[") })
	if reads && c.selected.write && !slices.Contains(m.Flags, `\Seen`) {
		m.Flags = append(slices.Clone(m.Flags), `\Seen`)
		c.mailbox.setFlags(c.selected.raw, m.UID, m.Flags)
	}
}

func (c *conn) sayMessage(m numbered, items []string) error {
	_, _ = fmt.Fprintf(c.out, "* %d FETCH (", m.number) // an error shows at the flush
	if !slices.Contains(items, "UID") {
		items = append([]string{"UID"}, items...) // it is always told (RFC 9051, 6.4.9)
	}
	for i, item := range items {
		if i > 0 {
			_ = c.out.WriteByte(' ') // an error shows at the flush
		}
		if err := c.sayItem(m, item); err != nil {
			return err
		}
	}
	c.say(")")
	return nil
}

func (c *conn) sayItem(m numbered, item string) error {
	var err error
	switch {
	case item == "UID":
		_, err = fmt.Fprintf(c.out, "UID %d", m.UID)
	case item == "FLAGS":
		_, err = fmt.Fprintf(c.out, "FLAGS (%s)", strings.Join(m.Flags, " "))
	case item == "INTERNALDATE":
		_, err = fmt.Fprintf(c.out, "INTERNALDATE %q", m.Date.Format(dateLayout))
	case item == "RFC822.SIZE":
		_, err = fmt.Fprintf(c.out, "RFC822.SIZE %d", len(m.Octets))
	case item == "MODSEQ" && c.can("CONDSTORE"):
		_, err = fmt.Fprintf(c.out, "MODSEQ (%d)", m.ModSeq)
	case item == "BODY.PEEK[]", item == "BODY[]":
		err = c.sayLiteral("BODY[]", m.Octets)
	case strings.HasPrefix(item, "BODY.PEEK[HEADER.FIELDS ("), strings.HasPrefix(item, "BODY[HEADER.FIELDS ("):
		section := strings.Replace(item, ".PEEK", "", 1)
		names := strings.Fields(section[len("BODY[HEADER.FIELDS ("):strings.IndexByte(section, ')')])
		err = c.sayLiteral(section, fields(m.Octets, names))
	default:
		_, err = fmt.Fprintf(c.out, "%s NIL", item)
	}
	return err
}

func (c *conn) sayLiteral(name string, octets []byte) error {
	_, _ = fmt.Fprintf(c.out, "%s {%d}\r\n", name, len(octets)) // an error comes again with the octets
	_, err := c.out.Write(octets)
	return err
}

// fields gives the header fields of the names with their folded lines, and the blank line.
func fields(octets []byte, names []string) []byte {
	var found []byte
	taking := false
	for line := range bytes.SplitAfterSeq(octets, []byte("\n")) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			taking = slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, string(name)) })
		}
		if taking {
			found = append(found, line...)
		}
	}
	return append(found, "\r\n"...)
}

// storeFlags is UID STORE with FLAGS, and whether it says what came of it or not.
func (c *conn) storeFlags() error {
	c.news()
	if err := c.space(); err != nil {
		return err
	}
	spans, err := c.set()
	if err != nil {
		return err
	}
	if err := c.space(); err != nil {
		return err
	}
	item, err := c.atom()
	if err != nil {
		return err
	}
	if err := c.space(); err != nil {
		return err
	}
	flags, err := c.list()
	if err != nil {
		return err
	}
	if err := c.endLine(); err != nil {
		return err
	}
	name, silent := strings.CutSuffix(strings.ToUpper(item), ".SILENT")
	if name != "FLAGS" && name != "+FLAGS" {
		return &refusal{"BAD only FLAGS and +FLAGS can be stored"}
	}
	if err := c.server.profile.keyword(flags); err != nil {
		return err
	}
	if !c.selected.write {
		return &refusal{"NO the folder is open for reading"}
	}
	for _, m := range c.chosen(spans) {
		flags := flags
		if name == "+FLAGS" {
			flags = append(slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return slices.Contains(flags, f) }), flags...)
		}
		c.mailbox.setFlags(c.selected.raw, m.UID, flags)
		if !silent {
			c.say("* %d FETCH (UID %d FLAGS (%s))", m.number, m.UID, strings.Join(flags, " "))
		}
	}
	c.answer("OK done")
	return nil
}

func (b *Mailbox) setFlags(raw string, uid uint32, flags []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folders[raw]
	f.messages = slices.Clone(f.messages) // others read the old ones
	for i := range f.messages {
		if f.messages[i].UID == uid {
			f.modSeq++
			f.messages[i].Flags, f.messages[i].ModSeq = flags, f.modSeq
		}
	}
}
