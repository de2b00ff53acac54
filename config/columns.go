package config

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// row is one mailbox as a users file says it; gocsv fills it from the canonical columns.
type row struct {
	Source              string `csv:"source"`
	Username            string `csv:"username"`
	Password            string `csv:"password"`
	Destination         string `csv:"destination"`
	DestinationUsername string `csv:"destination_username"`
	DestinationPassword string `csv:"destination_password"`
	Wave                string `csv:"wave"`
}

// The canonical columns, in the order of row.
const (
	colSource = iota
	colUsername
	colPassword
	colDestination
	colDestinationUsername
	colDestinationPassword
	colWave
	colFlags // of MigrationWiz; read by nobody
)

// column is a column that may be in a users file.
type column struct {
	name       string
	written    string   // in the columns block; else name
	headings   []string // any of them, normalised
	configured bool     // by the columns block: then it must be there
	index      int      // in the file; -1: absent
}

// knownColumns are the defaults, with the headings of MigrationWiz's bulk add.
func knownColumns() []column {
	cs := []column{
		{name: "source", headings: []string{"source email"}},
		{name: "username", headings: []string{"source login name", "source username"}},
		{name: "password", headings: []string{"source password"}},
		{name: "destination", headings: []string{"destination email"}},
		{name: "destination_username", headings: []string{"destination login name"}},
		{name: "destination_password"},
		{name: "wave"},
		{name: "flags"},
	}
	for i := range cs {
		cs[i].index, cs[i].written = -1, cs[i].name
		cs[i].headings = append([]string{spaced(cs[i].name)}, cs[i].headings...)
	}
	return cs
}

// spaced is the form in which headings compare: "Destination_Username" is "destination username".
func spaced(h string) string { return strings.ToLower(tidy(strings.ReplaceAll(h, "_", " "))) }

// columnsOf gives the columns that a users block expects.
func columnsOf(n *node) []column {
	cs := knownColumns()
	c := n.child(columnsSpec.name)
	if c == nil {
		return cs
	}
	for i := range cs {
		if h, ok := get[string](c, cs[i].name); ok {
			cs[i].headings, cs[i].written, cs[i].configured = []string{spaced(h)}, h, true
		}
	}
	return cs
}

func isKnown(cs []column) func(string) bool {
	return func(h string) bool {
		return slices.ContainsFunc(cs, func(c column) bool { return slices.Contains(c.headings, spaced(h)) })
	}
}

// bind finds the columns in the headings and reports what is missing, twice there or unknown. It tells whether rows can
// be read.
func (u *usersFile) bind() bool {
	if u.headless() {
		return false
	}
	var unknown []string
	for i, h := range u.table.headings {
		if !u.bindHeading(i, spaced(h)) && h != "" {
			unknown = append(unknown, h)
		}
	}
	ok := u.failures == 0
	for i := range u.columns {
		unknown, ok = u.missing(&u.columns[i], unknown, ok)
	}
	if ok && len(unknown) > 0 {
		u.l.warn(CodeCSV, u.headerPlace(-1), "columns that nobody reads: %s", quoted(unknown)).
			explain("Columns: %s.", strings.Join(u.columnNames(), ", "))
	}
	return ok
}

// headless refuses a file without headings. Its first line is then a mailbox with its password: it must not be shown.
func (u *usersFile) headless() bool {
	for _, h := range u.table.headings {
		if strings.Contains(h, "@") {
			u.fail(CodeCSV, place{rng: Range{u.name, Pos{u.table.header.lines[0], 1}, Pos{u.table.header.lines[0], 1}}}, "the first line holds an address, not headings").
				explain("The first line must name the columns: source, password, destination.")
			return true
		}
	}
	if len(u.table.headings) == 1 && !isKnown(u.columns)(u.table.headings[0]) {
		u.fail(CodeCSV, u.headerPlace(-1), "the columns are not separated").
			explain("The first line is one column, %q. Columns are separated with commas, semicolons or tabs.", short(u.table.headings[0]))
		return true
	}
	return false
}

func (u *usersFile) bindHeading(i int, h string) bool {
	found := false
	for k := range u.columns {
		c := &u.columns[k]
		if h == "" || !slices.Contains(c.headings, h) {
			continue
		}
		found = true
		if c.index >= 0 {
			u.fail(CodeCSV, u.headerPlace(i), "two columns are the %s", c.name).
				explain("%q and %q mean the same. Rename or remove one of them.", short(u.table.header.cells[c.index]), short(u.table.header.cells[i]))
			continue
		}
		c.index = i
	}
	return found
}

// missing complains about a column that must be there, or that is there misspelt.
func (u *usersFile) missing(c *column, unknown []string, ok bool) ([]string, bool) {
	if c.index >= 0 || c.name == "flags" {
		return unknown, ok
	}
	near := misspelt(c, unknown)
	if !c.configured && !u.needs(c.name) && near == "" {
		return unknown, ok
	}
	f := u.fail(CodeCSV, u.headerPlace(-1), "there is no column %q", c.written)
	found := "Columns found: " + quoted(shortAll(u.table.headings)) + ", separated with " + commaName(u.table.comma) + "."
	f.explain("%s", found)
	if c.configured {
		if cn := u.node.child(columnsSpec.name); cn != nil {
			f.also(cn.place(c.name))
		}
	}
	if near == "" {
		near = nearest(c.written, unknown)
	}
	switch {
	case near != "" && c.configured:
		f.hint("Did you mean %q?", near) // what the columns block says is to be mended
	case near != "":
		f.explain("%s\nRename it, or say so in the users block: columns { %s = %q }", found, c.name, near).
			hint("The first line has %q. Did you mean %q?", near, c.written)
	case !c.configured:
		f.explain("%s\nIf it is called otherwise, say so in the users block: columns { %s = \"HEADING\" }", found, c.name)
	}
	return slices.DeleteFunc(unknown, func(h string) bool { return h == near }), false
}

// needs tells whether no mailbox can do without the column.
func (u *usersFile) needs(name string) bool {
	return name == "source" || name == "password" && u.from != nil && u.from.OwnPasswords()
}

// misspelt finds a heading that is almost the column's. A column that may be absent must not be overlooked for one wrong
// letter: the mail would go elsewhere.
func misspelt(c *column, unknown []string) string {
	for _, h := range unknown {
		for _, want := range c.headings {
			if levenshtein.Distance(spaced(h), want, nil) <= max(1, len(want)/5) {
				return h
			}
		}
	}
	return ""
}

func (u *usersFile) columnNames() []string {
	var names []string
	for _, c := range u.columns {
		if c.name == "flags" {
			continue
		}
		names = append(names, c.written)
	}
	return names
}

// short bounds what is shown of a cell.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

func shortAll(ss []string) []string {
	out := make([]string, len(ss))
	for i, s := range ss {
		out[i] = short(s)
	}
	return out
}
