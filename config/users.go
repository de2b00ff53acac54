package config

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gocarina/gocsv"
)

// maxFailures is how many mistakes of one users file are shown.
const maxFailures = 50

// usersFile is one users block with its CSV.
type usersFile struct {
	l        *loader
	node     *node
	from, to *Endpoint
	layer    layer // top level and users block
	folders  *Folders
	windows  *Windows
	name     string // of the CSV, as shown
	table    *table
	columns  []column
	failures int
	more     int // mistakes beyond maxFailures
	last     int // the last line with a mistake
}

// entry is a mailbox and the row it comes from.
type entry struct {
	*Mailbox
	file *usersFile
	rec  *record
}

// users reads the users blocks, their CSVs and the mailbox blocks.
func (l *loader) users(top layer) {
	blocks := l.blocks(usersSpec)
	if len(blocks) == 0 && !l.broken[usersSpec.name] {
		l.fail(CodeMissing, place{}, "there is no users block").
			explain("Say whose mail moves:\n" + `users "staff" {` + "\n  from = endpoint.imap.old\n  to   = endpoint.imap.new\n" + `  csv  = "users.csv"` + "\n}")
	}
	special := l.mailboxBlocks()
	var all []entry
	complete := len(blocks) > 0
	var files []*usersFile
	for _, n := range blocks {
		u := l.usersFile(n, top)
		files = append(files, u)
		if !u.open() || !u.bind() {
			complete = false
			continue
		}
		all = append(all, u.rows(special)...)
		complete = complete && u.failures == 0
	}
	l.checkTwice(all)
	for _, u := range files {
		u.conclude()
	}
	if complete {
		l.checkUnused(special, all)
	}
	l.config.Mailboxes = make([]*Mailbox, 0, len(all))
	for _, e := range all {
		l.config.Mailboxes = append(l.config.Mailboxes, e.Mailbox)
	}
}

func (l *loader) usersFile(n *node, top layer) *usersFile {
	u := &usersFile{l: l, node: n, layer: l.layer(n).over(top), columns: columnsOf(n)}
	u.folders = u.layer.folders()
	u.windows = l.windowsOf(n, "windows")
	u.from, u.to = l.endpointOf(n, "from"), l.endpointOf(n, "to")
	if u.from != nil && !u.from.SpeaksIMAP() {
		l.notYet(n.place("from"), "the transport \""+u.from.Transport()+"\" of a source")
	}
	if u.from != nil && u.from == u.to && u.from.Connections < 2 {
		l.fail(CodeConflict, n.place("to"), "from and to are the same endpoint, which may have 1 connection only").
			explain("A mailbox is open on both sides while it is copied: set connections = 2 or more in %s.", u.from.Ref())
	}
	return u
}

// endpointOf follows from or to; nil if there is none, which was then reported.
func (l *loader) endpointOf(n *node, name string) *Endpoint {
	ref, ok := get[endpointRef](n, name)
	if !ok {
		if !n.bad(name) {
			l.fail(CodeMissing, n.header(), "the users block has no %s", name).explain("Write %s = endpoint.imap.NAME.", name)
		}
		return nil
	}
	var known []string
	for _, e := range l.config.Endpoints {
		if e.Ref() == ref.String() {
			return e
		}
		known = append(known, e.Ref())
	}
	if l.broken[ref.String()] || l.broken[endpointSpec.name] {
		return nil
	}
	f := l.fail(CodeReference, n.place(name), "there is no endpoint %s", ref.String())
	if len(known) == 0 {
		f.explain("None is defined.")
		return nil
	}
	f.explain("Endpoints: %s.", strings.Join(known, ", "))
	if near := nearest(ref.String(), known); near != "" {
		f.hint("Did you mean %s?", near)
	}
	return nil
}

// open reads the CSV as a table.
func (u *usersFile) open() bool {
	l, n := u.l, u.node
	path, ok := get[string](n, "csv")
	if !ok || path == "" {
		if !n.bad("csv") {
			l.fail(CodeMissing, n.place("csv"), "the users block has no csv").explain(`Write csv = "users.csv".`)
		}
		return false
	}
	u.name = filepath.ToSlash(filepath.Clean(path))
	src, err := readLimited(l.path(path), maxUsersFile)
	if err != nil {
		l.fail(CodeFile, n.place("csv"), "the file %s can't be read", path).explain("%s", fileTrouble(err))
		return false
	}
	if !slices.Contains(l.config.Files, u.name) {
		l.config.Files = append(l.config.Files, u.name)
	}
	t, errs := readTable(u.name, src, isKnown(u.columns))
	u.table = t
	for _, e := range errs {
		r := Range{File: u.name, Start: Pos{max(e.line, 1), max(e.column, 1)}}
		r.End = r.Start
		f := u.fail(CodeCSV, place{rng: r}, "%s", e.summary)
		f.explain("%s", e.detail)
	}
	if t == nil || t.headings == nil {
		u.conclude()
		return false
	}
	return true
}

// fail reports a mistake of the CSV, up to maxFailures.
func (u *usersFile) fail(code Code, at place, format string, args ...any) *finding {
	u.failures++
	u.last = max(u.last, at.rng.Start.Line)
	if u.failures > maxFailures {
		u.more++
		return &finding{}
	}
	return u.l.fail(code, at, format, args...)
}

// conclude says how many mistakes were not shown.
func (u *usersFile) conclude() {
	if u.more == 0 {
		return
	}
	end := Pos{u.last + 1, 1}
	u.l.fail(CodeCSV, place{rng: Range{u.name, end, end}}, "... and %d more mistakes in %s", u.more, u.name).
		explain("Mend the ones above, and validate again.")
	u.more = 0
}

// canonical hands the table to gocsv: canonical headings, and of each row the cells under them.
type canonical struct {
	rows [][]string
	next int
}

// Read gives the next row.
func (c *canonical) Read() ([]string, error) {
	if c.next == len(c.rows) {
		return nil, io.EOF
	}
	c.next++
	return c.rows[c.next-1], nil
}

// ReadAll gives all rows.
func (c *canonical) ReadAll() ([][]string, error) { return c.rows, nil }

// rows makes mailboxes of the rows that can be one.
func (u *usersFile) rows(special map[string]*mailboxBlock) []entry {
	feed := &canonical{rows: [][]string{{"source", "username", "password", "destination", "destination_username", "destination_password", "wave"}}}
	feed.rows = slices.Grow(feed.rows, len(u.table.records))
	recs := make([]*record, 0, len(u.table.records))
	for i := range u.table.records {
		rec := &u.table.records[i]
		if !u.checkShape(rec) {
			continue
		}
		cells := make([]string, colFlags)
		for c := range cells {
			if at := u.columns[c].index; at >= 0 {
				cells[c] = rec.cells[at]
			}
		}
		feed.rows, recs = append(feed.rows, cells), append(recs, rec)
	}
	var rows []row
	if err := gocsv.UnmarshalCSV(feed, &rows); err != nil || len(rows) != len(recs) {
		u.fail(CodeCSV, u.headerPlace(-1), "the file can't be read as a table").explain("Save it again as CSV (UTF-8).")
		return nil
	}
	if len(rows) == 0 && u.failures == 0 {
		u.fail(CodeCSV, u.headerPlace(-1), "the file has headings and no mailbox").explain("Write one line for each mailbox below the headings.")
	}
	out := make([]entry, 0, len(rows))
	for i := range rows {
		if m := u.mailbox(recs[i], &rows[i], special); m != nil {
			out = append(out, entry{m, u, recs[i]})
		}
	}
	return out
}

// checkShape looks at a row before its cells mean anything.
func (u *usersFile) checkShape(rec *record) bool {
	for i, c := range rec.cells {
		if len(c) > maxCell {
			u.fail(CodeCSVRow, u.rowPlace(rec, i), "a cell is %d kB long", len(c)/1000).
				explain("At most %d kB fit. A quote that is opened and not closed takes the lines after it into the cell.", maxCell/1000)
			return false
		}
	}
	have, want := len(rec.cells), len(u.table.headings)
	if have == want {
		return true
	}
	few := "many"
	if have < want {
		few = "few"
	}
	u.fail(CodeCSVRow, u.rowPlace(rec, -1), "the line has too %s fields", few).
		explain("It has %d, the headings are %d. A password that holds %s must stand in quotes.", have, want, commaName(u.table.comma))
	return false
}

// addressTrouble says what keeps a text from being a mail address; empty: nothing.
func addressTrouble(s string) string {
	at := strings.LastIndexByte(s, '@')
	switch {
	case s == "":
		return "It is empty."
	case at < 0:
		return `It has no "@".`
	case at == 0:
		return `Nothing stands before the "@".`
	case at == len(s)-1:
		return `Nothing stands after the "@".`
	case strings.IndexByte(s, '@') != at:
		return `It has more than one "@".`
	case len(s) > 254:
		return "It is longer than 254 octets."
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }):
		return "It holds a blank or a control character."
	case strings.ContainsAny(s[:at], `<>()[]\,;:"`):
		return `The part before the "@" holds a character that needs quotes.`
	case !plainDomain(s[at+1:]) && !hostName().MatchString(s[at+1:]):
		return `What stands after the "@" is no domain.`
	}
	return ""
}

// plainDomain tells of most domains that they are one, ten times as fast as the expression.
func plainDomain(s string) bool {
	begins := true // a level, whose first and last character is no hyphen
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			begins = false
		case c != '.' || begins:
			return false
		default:
			begins = true
		}
	}
	return !begins
}
