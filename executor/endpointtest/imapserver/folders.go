package imapserver

import (
	"fmt"
	"slices"
	"strings"
)

func (c *conn) namespace() error {
	if err := c.endLine(); err != nil {
		return err
	}
	if !c.can("NAMESPACE") {
		return &refusal{"BAD unknown command"}
	}
	c.say("* NAMESPACE ((%s %s)) NIL NIL", quote(c.server.profile.Prefix), quote(c.server.profile.delimiter()))
	c.answer("OK done")
	return nil
}

// quote writes a string as the grammar wants it: quoted, or a literal where it can't be.
func quote(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return fmt.Sprintf("{%d}\r\n%s", len(s), s)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// returns are what LIST shall give beside the names (RFC 5258).
type returns struct {
	use    bool
	status []string
}

// listFolders is LIST, with RETURN where LIST-EXTENDED is announced.
func (c *conn) listFolders() error {
	var words [2]string
	for i := range words {
		if err := c.space(); err != nil {
			return err
		}
		word, err := c.astring()
		if err != nil {
			return err
		}
		words[i] = word
	}
	var ret returns
	if c.is(' ') {
		var err error
		if ret, err = c.returns(); err != nil {
			return err
		}
	}
	if err := c.endLine(); err != nil {
		return err
	}
	delimiter := quote(c.server.profile.delimiter())
	if words[1] == "" {
		c.say(`* LIST (\Noselect) %s ""`, delimiter)
		c.answer("OK done")
		return nil
	}
	for _, f := range c.mailbox.matching(c.mailbox.spelled(words[0]+words[1]), c.server.profile.delimiter()) {
		attributes := ""
		if ret.use || c.can("SPECIAL-USE") {
			attributes = f.use
		}
		c.say("* LIST (%s) %s %s", attributes, delimiter, quote(f.raw))
		if ret.status != nil {
			c.sayStatus(f, ret.status)
		}
	}
	c.answer("OK done")
	return nil
}

// returns takes "RETURN (SPECIAL-USE STATUS (...))".
func (c *conn) returns() (ret returns, err error) {
	if !c.can("LIST-EXTENDED") {
		return ret, bad("LIST is not extended here")
	}
	if err := c.space(); err != nil {
		return ret, err
	}
	if word, err := c.atom(); err != nil || !strings.EqualFold(word, "RETURN") {
		return ret, bad("expected RETURN")
	}
	if err := c.space(); err != nil {
		return ret, err
	}
	if err := c.expect('('); err != nil {
		return ret, err
	}
	for !c.is(')') {
		word, err := c.atom()
		if err != nil {
			return ret, err
		}
		switch word = strings.ToUpper(word); {
		case word == "SPECIAL-USE" && c.can(word):
			ret.use = true
		case word == "STATUS" && c.can("LIST-STATUS"):
			if err := c.space(); err != nil {
				return ret, err
			}
			if ret.status, err = c.list(); err != nil {
				return ret, err
			}
		default:
			return ret, bad("unknown option " + word)
		}
		if c.is(' ') {
			if err := c.space(); err != nil {
				return ret, err
			}
		}
	}
	return ret, c.expect(')')
}

// matching gives the folders that a pattern names, as they are now.
func (b *Mailbox) matching(pattern, delimiter string) []folder {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []folder
	for _, raw := range b.order {
		if wild(pattern, raw, delimiter) {
			found = append(found, *b.folders[raw])
		}
	}
	return found
}

// wild matches "*" with anything and "%" with anything but the delimiter (RFC 9051, 6.3.9).
func wild(pattern, name, delimiter string) bool {
	for i := range len(pattern) {
		if pattern[i] != '*' && pattern[i] != '%' {
			if i >= len(name) || pattern[i] != name[i] {
				return false
			}
			continue
		}
		for j := i; j <= len(name); j++ {
			if wild(pattern[i+1:], name[j:], delimiter) {
				return true
			}
			if j < len(name) && pattern[i] == '%' && strings.HasPrefix(name[j:], delimiter) {
				return false
			}
		}
		return false
	}
	return len(pattern) == len(name)
}

func (c *conn) status() error {
	raw, err := c.name()
	if err != nil {
		return err
	}
	if err := c.space(); err != nil {
		return err
	}
	items, err := c.list()
	if err != nil {
		return err
	}
	if err := c.endLine(); err != nil {
		return err
	}
	f, there := c.mailbox.look(raw)
	if !there {
		return &refusal{"NO [NONEXISTENT] no such folder"}
	}
	c.sayStatus(f, items)
	c.answer("OK done")
	return nil
}

// name takes a folder's name after a blank.
func (c *conn) name() (string, error) {
	if err := c.space(); err != nil {
		return "", err
	}
	raw, err := c.astring()
	return c.mailbox.spelled(raw), err
}

// look gives a folder as it is now.
func (b *Mailbox) look(raw string) (folder, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folders[raw]
	if f == nil {
		return folder{}, false
	}
	now := *f
	now.messages = slices.Clone(f.messages)
	return now, true
}

func (c *conn) sayStatus(f folder, items []string) {
	var values []string
	for _, item := range items {
		item = strings.ToUpper(item)
		switch {
		case item == "MESSAGES":
			values = append(values, fmt.Sprint(item, " ", len(f.messages)))
		case item == "UIDNEXT":
			values = append(values, fmt.Sprint(item, " ", f.next))
		case item == "UIDVALIDITY":
			values = append(values, fmt.Sprint(item, " ", f.validity))
		case item == "HIGHESTMODSEQ" && c.can("CONDSTORE"):
			values = append(values, fmt.Sprint(item, " ", f.modSeq))
		}
	}
	c.say("* STATUS %s (%s)", quote(f.raw), strings.Join(values, " "))
}

// create is CREATE, with (USE (\Sent)) where CREATE-SPECIAL-USE is announced (RFC 6154).
func (c *conn) create() error {
	raw, err := c.name()
	if err != nil {
		return err
	}
	use := ""
	if c.is(' ') && c.can("CREATE-SPECIAL-USE") {
		if use, err = c.use(); err != nil {
			return err
		}
	}
	if err := c.endLine(); err != nil {
		return err
	}
	if !strings.HasPrefix(raw, c.server.profile.Prefix) {
		return &refusal{"NO [CANNOT] not in the namespace"}
	}
	if c.server.profile.reserved(raw) {
		return &refusal{"NO Folder name is reserved"}
	}
	if !c.mailbox.create(raw, use) {
		return &refusal{"NO [ALREADYEXISTS] it is there already"}
	}
	c.answer("OK done")
	return nil
}

func (c *conn) use() (string, error) {
	if err := c.space(); err != nil {
		return "", err
	}
	if err := c.expect('('); err != nil {
		return "", err
	}
	if word, err := c.atom(); err != nil || !strings.EqualFold(word, "USE") {
		return "", bad("expected USE")
	}
	if err := c.space(); err != nil {
		return "", err
	}
	uses, err := c.list()
	if err != nil {
		return "", err
	}
	return strings.Join(uses, " "), c.expect(')')
}

func (c *conn) subscribe() error {
	if _, err := c.name(); err != nil {
		return err
	}
	if err := c.endLine(); err != nil {
		return err
	}
	c.answer("OK done")
	return nil
}
