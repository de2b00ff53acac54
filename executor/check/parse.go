package check

import (
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// value is an atom, a string or a list of a response.
type value struct {
	text   string
	list   []value
	isList bool
	isNil  bool // the atom NIL, which is no string
}

// scanner reads values from a response's text.
type scanner struct {
	rest     string
	literals []string
	broken   bool
}

// values reads all values of a text.
func (r response) values(text string) ([]value, bool) {
	s := &scanner{rest: text, literals: r.literals}
	list := s.list(0)
	return list, !s.broken && s.rest == ""
}

const deepest = 16

// list reads values up to a closing parenthesis or the end.
func (s *scanner) list(depth int) []value {
	var list []value
	for !s.broken {
		s.rest = strings.TrimLeft(s.rest, " ")
		if s.rest == "" {
			s.broken = s.broken || depth > 0
			return list
		}
		switch s.rest[0] {
		case ')':
			s.broken = depth == 0
			if depth > 0 {
				s.rest = s.rest[1:]
			}
			return list
		case '(':
			s.rest = s.rest[1:]
			s.broken = depth > deepest
			if !s.broken {
				list = append(list, value{list: s.list(depth + 1), isList: true})
			}
		default:
			list = append(list, s.single())
		}
	}
	return list
}

// single reads an atom or a string.
func (s *scanner) single() value {
	switch s.rest[0] {
	case '"':
		return value{text: s.quoted()}
	case 0:
		n, rest, found := strings.Cut(s.rest[1:], "\x00")
		i, err := strconv.Atoi(n)
		if !found || err != nil || i >= len(s.literals) {
			s.broken = true
			return value{}
		}
		s.rest = rest
		return value{text: s.literals[i]}
	}
	end := strings.IndexAny(s.rest, " ()")
	if end < 0 {
		end = len(s.rest)
	}
	if open := strings.IndexByte(s.rest[:end], '['); open >= 0 && strings.EqualFold(s.rest[:open], "BODY") {
		// The section is part of the name, blanks and parentheses too: BODY[HEADER.FIELDS (DATE)].
		close := strings.IndexByte(s.rest, ']')
		if close < 0 {
			s.broken = true
			return value{}
		}
		end = close + 1
	}
	text := s.rest[:end]
	s.rest = s.rest[end:]
	return value{text: text, isNil: strings.EqualFold(text, "NIL")}
}

func (s *scanner) quoted() string {
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			if i++; i < len(s.rest) {
				b.WriteByte(s.rest[i])
			}
		case '"':
			s.rest = s.rest[i+1:]
			return b.String()
		default:
			b.WriteByte(s.rest[i])
		}
	}
	s.broken = true
	return ""
}

// news is what one FETCH response says of a message.
type news struct {
	uid     mail.UID
	size    uint32
	date    int64
	system  systemFlags
	words   uint32
	hasAll  bool // size, date and flags were there
	hasBody bool
	body    string // where it came as a short string and not to the sink
}

// fetched reads a FETCH response; ok is false for others and for those that can't be understood or name no UID.
func (r response) fetched() (n news, ok bool) {
	words := strings.SplitN(r.text, " ", 4)
	if len(words) < 4 || words[0] != "*" || !strings.EqualFold(words[2], "FETCH") {
		return n, false
	}
	all, ok := r.values(words[3])
	if !ok || len(all) != 1 || !all[0].isList {
		return n, false
	}
	n.date = noDate
	items, seen := all[0].list, 0
	for i := 0; i+1 < len(items); i += 2 {
		seen += n.item(strings.ToUpper(items[i].text), items[i+1])
	}
	n.hasAll = seen == 3
	return n, n.uid != 0
}

// item takes one item; it gives 1 for those that a listing needs.
func (n *news) item(name string, v value) int {
	switch {
	case name == "UID":
		uid, _ := strconv.ParseUint(v.text, 10, 32) // 0 is no UID
		n.uid = mail.UID(uid)
	case name == "RFC822.SIZE":
		size, _ := strconv.ParseUint(v.text, 10, 32) // it is a hint only, and the most where it is more
		n.size = uint32(size)
		return 1
	case name == "INTERNALDATE":
		if t, err := time.Parse("_2-Jan-2006 15:04:05 -0700", strings.TrimSpace(v.text)); err == nil {
			n.date = t.Unix()
		}
		return 1
	case name == "FLAGS":
		n.system, n.words = flagsOf(v.list)
		return 1
	case strings.HasPrefix(name, "BODY["):
		n.hasBody, n.body = !v.isNil && !v.isList, v.text
	}
	return 0
}

// listed reads a LIST response.
func (r response) listed() (raw string, selectable, ok bool) {
	words := strings.SplitN(r.text, " ", 3)
	if len(words) < 3 || !strings.EqualFold(words[1], "LIST") {
		return "", false, false
	}
	end := strings.IndexByte(words[2], ')') // attributes hold none
	if end < 0 {
		return "", false, false
	}
	attributes := " " + strings.ToLower(strings.Trim(words[2][:end], "(")) + " "
	selectable = !strings.Contains(attributes, ` \noselect `) && !strings.Contains(attributes, ` \nonexistent `)
	name, ok := afterDelimiter(strings.TrimLeft(words[2][end+1:], " "))
	if !ok {
		return "", false, false
	}
	if v, whole := r.values(name); whole && len(v) == 1 && !v[0].isList {
		return v[0].text, selectable, true
	}
	return name, selectable, name != "" // as it stands: some servers forget the quotes
}

// afterDelimiter cuts the delimiter off: NIL or one quoted character, whose backslash some servers do not escape.
func afterDelimiter(text string) (string, bool) {
	if rest, ok := strings.CutPrefix(text, `"\\" `); ok {
		return rest, true
	}
	if len(text) > 4 && text[0] == '"' && text[2] == '"' && text[3] == ' ' {
		return text[4:], true
	}
	if len(text) > 4 && strings.EqualFold(text[:4], "NIL ") {
		return text[4:], true
	}
	return "", false
}

// prefixes reads a NAMESPACE response: those of one's own folders, and those of other people's.
func (r response) prefixes() (own, foreign []string, ok bool) {
	words := strings.SplitN(r.text, " ", 3)
	if len(words) < 3 || !strings.EqualFold(words[1], "NAMESPACE") {
		return nil, nil, false
	}
	kinds, whole := r.values(words[2])
	if !whole {
		return nil, nil, false
	}
	for i, kind := range kinds {
		for _, n := range kind.list {
			switch {
			case len(n.list) == 0:
			case i == 0:
				own = append(own, n.list[0].text)
			case n.list[0].text != "":
				foreign = append(foreign, n.list[0].text)
			}
		}
	}
	return own, foreign, true
}
