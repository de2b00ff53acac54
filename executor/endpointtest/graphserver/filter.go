package graphserver

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// filter is what a $filter on an extended property asks for.
type filter struct {
	id string
	op string // eq, ne, ge, gt, le, lt
	n  int64  // with a number; or:
	s  string
}

// numberFilter and textFilter are the documented forms of a filter on an extended property.
var (
	numberFilter = regexp.MustCompile(`^singleValueExtendedProperties/[aA]ny\((\w+): ?(\w+)/id eq '([^']+)' and cast\((\w+)/value, Edm\.Int32\) (eq|ne|ge|gt|le|lt) (-?\d+)\)$`)
	textFilter   = regexp.MustCompile(`^singleValueExtendedProperties/[aA]ny\((\w+): ?(\w+)/id eq '([^']+)' and (\w+)/value (eq|ne) '([^']*)'\)$`)
)

func parseFilter(text string) (filter, error) {
	m := numberFilter.FindStringSubmatch(text)
	numeric := m != nil
	if !numeric {
		m = textFilter.FindStringSubmatch(text)
	}
	if m == nil || m[1] != m[2] || m[1] != m[4] || !extendedID.MatchString(m[3]) {
		return filter{}, fmt.Errorf("%s is not a filter that is documented", text)
	}
	f := filter{id: m[3], op: m[5], s: m[6]}
	if numeric != strings.HasPrefix(f.id, "Integer ") {
		return f, fmt.Errorf("%s compares a property with a value of another type", text)
	}
	if numeric {
		n, err := strconv.ParseInt(m[6], 10, 32)
		f.n = n
		return f, err
	}
	return f, nil
}

// fits tells whether a message has the property, and it is what the filter asks for.
func (f filter) fits(m *message) bool {
	value, has := m.extended[key(f.id)]
	if !has {
		return false
	}
	if !strings.HasPrefix(f.id, "Integer ") {
		return strings.EqualFold(value, f.s) == (f.op == "eq")
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return false
	}
	return map[string]bool{"eq": n == f.n, "ne": n != f.n, "ge": n >= f.n, "gt": n > f.n, "le": n <= f.n, "lt": n < f.n}[f.op]
}

// parseExpand gives the ids of the extended properties that are asked for.
func (m *metadata) parseExpand(t typ, text string) ([]string, error) {
	name, rest, filtered := strings.Cut(text, "($filter=")
	if t.navigation[name] == "" {
		return nil, fmt.Errorf("there is nothing called %q to expand", name)
	}
	if name != "singleValueExtendedProperties" || !filtered || !strings.HasSuffix(rest, ")") {
		return nil, fmt.Errorf("extended properties are given only by their ids")
	}
	var ids []string
	for part := range strings.SplitSeq(strings.TrimSuffix(rest, ")"), " or ") {
		id, is := strings.CutPrefix(part, "id eq '")
		id, ends := strings.CutSuffix(id, "'")
		if !is || !ends || !extendedID.MatchString(id) {
			return nil, fmt.Errorf("%q is no id", part)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// key makes ids equal that mean the same: tags are numbers, sets compare without case, names with it.
func key(id string) string {
	words := strings.SplitN(id, " ", 3)
	if tag, isTag := strings.CutPrefix(words[1], "0x"); isTag {
		return words[0] + " 0x" + strings.TrimLeft(strings.ToLower(tag), "0")
	}
	return words[0] + " " + strings.ToLower(words[1]) + " " + words[2]
}
