package imap

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// introduction are the commands that say who we are and ask for the namespaces; none once that is done. They go out in
// one flight with the first command that needs them.
func (c *client) introduction() []*command {
	if c.introduced {
		return nil
	}
	var cmds []*command
	if c.caps.has("ID") {
		cmds = append(cmds, newCommand("ID").raw(`("name" "mailhaul")`))
	}
	if c.caps.implied("NAMESPACE") {
		return append(cmds, newCommand("NAMESPACE"))
	}
	// The empty pattern gives the delimiter (RFC 3501, 6.3.8).
	return append(cmds, newCommand("LIST").raw(`"" ""`))
}

// introduce asks for the namespaces unless they are known.
func (c *client) introduce() error {
	if c.introduced {
		return nil
	}
	_, err := c.runAll("ask for namespaces", c.introduction(), c.hearSpaces)
	c.introduced = err == nil
	return err
}

// hearSpaces reads what the introduction's commands answer.
func (c *client) hearSpaces(r *response) error {
	switch r.verb {
	case "NAMESPACE":
		c.spaces = parseNamespaces(r.data)
	case "LIST":
		if e, ok := parseList(r.data); ok && e.raw == "" {
			c.spaces.delim, c.spaces.known = e.delim, true
		}
	}
	return nil
}

// maxCapabilities is how many are kept; servers have some dozens.
const maxCapabilities = 1000

// capability asks what the server can do, unless it has just said so.
func (c *client) capability() error {
	if c.caps != nil {
		return nil
	}
	const op = "ask for capabilities"
	caps := capabilities{}
	st, err := c.run(op, newCommand("CAPABILITY"), func(r *response) error {
		if r.verb == "CAPABILITY" {
			for t := r.data.next(); t.kind != tokEnd && len(caps) < maxCapabilities; t = r.data.next() {
				caps[strings.ToUpper(string(t.text))] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if st.verb != "OK" {
		return c.classify(op, st, atGreeting)
	}
	c.heard(caps)
	return nil
}

// parseNamespaces reads three lists of (prefix delimiter extensions...) or NIL.
func parseNamespaces(s *scanner) namespaces {
	n := namespaces{known: true}
	for kind := range 3 {
		t := s.next()
		if t.kind != tokOpen {
			continue // NIL, or nonsense
		}
		for t = s.next(); t.kind == tokOpen; t = s.next() {
			prefix := string(s.text(s.next()))
			delim := ""
			if d := s.next(); !d.isNil() {
				delim = string(s.text(d))
			}
			for t := s.next(); t.kind != tokClose && t.kind != tokEnd; t = s.next() {
				s.skip(t)
			}
			n.add(kind, prefix, delim)
		}
	}
	return n
}

func (n *namespaces) add(kind int, prefix, delim string) {
	switch {
	case kind > 0 && prefix != "":
		n.foreign = append(n.foreign, prefix)
	case kind == 0:
		if len(n.personal) == 0 {
			n.prefix, n.delim = prefix, delim
		}
		n.personal = append(n.personal, prefix)
	}
}

// listed is one line of LIST.
type listed struct {
	raw   string
	delim string
	attrs []string // lower case
}

func (e listed) has(attr string) bool { return slices.Contains(e.attrs, attr) }

// parseList reads "(attributes) delimiter name". It takes a name in any form: quoted, literal, atom (NIL and 200 are
// names too), and one with quotes or blanks that should have been escaped.
func parseList(s *scanner) (listed, bool) {
	var e listed
	if t := s.next(); t.kind != tokOpen {
		return e, false
	}
	for t := s.next(); t.kind != tokClose; t = s.next() {
		if t.kind == tokEnd {
			return e, false
		}
		e.attrs = append(e.attrs, strings.ToLower(string(t.text)))
	}
	e.delim = listDelimiter(s)
	return e, s.listName(&e.raw)
}

func listDelimiter(s *scanner) string {
	// A backslash ought to be escaped and often is not.
	if rest := bytes.TrimLeft(s.line(), " "); bytes.HasPrefix(rest, []byte(`"\" `)) {
		s.rest = rest[3:]
		return `\`
	}
	t := s.next()
	if t.isNil() {
		return ""
	}
	return string(s.text(t))
}

// listName reads the name and what may follow it: extended data in parentheses (RFC 5258), which is skipped.
func (s *scanner) listName(name *string) bool {
	line := slices.Clone(bytes.TrimLeft(s.line(), " "))
	t := s.next()
	switch t.kind {
	case tokBody:
		data, err := s.literal()
		*name = string(data)
		return err == nil
	case tokQuoted:
		*name = string(t.text)
		if rest := bytes.TrimSpace(s.line()); len(rest) > 0 && rest[0] != '(' {
			*name = looseQuoted(line)
		}
		return true
	case tokEnd:
		return false
	}
	// An atom: all of the line but extended data.
	if at := bytes.Index(line, []byte(" (")); at > 0 && line[len(line)-1] == ')' {
		line = line[:at]
	}
	*name = string(line)
	return true
}

// looseQuoted reads a quoted name that holds quotes nobody escaped: it ends at the last quote of the line.
func looseQuoted(line []byte) string {
	if end := bytes.LastIndexByte(line, '"'); end > 0 {
		line = line[1:end]
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(string(line))
}

var roles = map[string]mail.Role{
	`\archive`: mail.RoleArchive, `\drafts`: mail.RoleDrafts, `\junk`: mail.RoleJunk, `\sent`: mail.RoleSent,
	`\trash`: mail.RoleTrash, `\all`: mail.RoleAll, `\flagged`: mail.RoleFlagged, `\important`: mail.RoleImportant,
	// Names of XLIST that outlived it.
	`\spam`: mail.RoleJunk, `\allmail`: mail.RoleAll, `\starred`: mail.RoleFlagged,
}

// folder makes a folder of a line of LIST.
func (c *client) folder(e listed) mail.Folder {
	f := mail.Folder{Raw: e.raw, Path: c.spaces.path(e.raw, e.delim)}
	f.NoSelect = e.has(`\noselect`) || e.has(`\nonexistent`)
	for _, a := range e.attrs {
		if role := roles[a]; role != "" && f.Role == "" {
			f.Role = role
		}
	}
	if f.Path.IsInbox() {
		f.Role = mail.RoleInbox
	}
	return f
}

// statusItems are what STATUS is asked for.
func (c *client) statusItems() string {
	if c.caps.condstore() {
		return "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
	}
	return "(MESSAGES UIDNEXT UIDVALIDITY)"
}

// parseStatusData reads "name (ITEM value ...)".
func parseStatusData(s *scanner) (raw string, st mail.Status, ok bool) {
	raw = string(s.text(s.next()))
	// A name with blanks that nobody quoted: the items are the last list of the line.
	if at := bytes.LastIndexByte(s.line(), '('); at > 0 {
		raw += string(bytes.TrimRight(s.line()[:at], " "))
		s.rest = s.line()[at:]
	}
	if s.next().kind != tokOpen {
		return raw, st, false
	}
	for t := s.next(); t.kind == tokAtom; t = s.next() {
		item := strings.ToUpper(string(t.text))
		n, err := strconv.ParseUint(string(s.text(s.next())), 10, 64)
		if err != nil {
			continue
		}
		setStatus(&st, item, n)
	}
	return raw, st, true
}

// setStatus files one number. UIDs and UIDVALIDITYs beyond 32 bits do not exist; a server that sends one is treated as
// if it had said nothing.
func setStatus(st *mail.Status, item string, n uint64) {
	small := uint32(n)
	if n > 1<<32-1 {
		small = 0
	}
	switch item {
	case "MESSAGES":
		st.Messages = small
	case "UIDNEXT":
		st.UIDNext = mail.UID(small)
	case "UIDVALIDITY":
		st.UIDValidity = mail.UIDValidity(small)
	case "HIGHESTMODSEQ":
		st.HighestModSeq = n
	}
}
