package view

import "strings"

// column says how a column of a table is set.
type column struct {
	head  string
	right bool
	min   int
	gap   int // blanks before it; zero: two
}

// table sets rows in columns. No line is wider than asked for: a text that has no room in its column stands on a line of
// its own, the cells behind it go on below, and a last column that does not fit moves below the row.
type table struct {
	columns []column
	rows    []row
	indent  int
}

// row is one line of a table; mark stands in the indent.
type row struct {
	mark  string
	paint func(string) string
	cells []string
	text  string // instead of cells: a line across the table
	tail  string // behind the cells, where the row has fewer of them
}

func (t *table) add(mark string, paint func(string) string, cells ...string) {
	t.rows = append(t.rows, row{mark: mark, paint: paint, cells: cells})
}

// render writes the table for lines of the width given.
func (t *table) render(b *strings.Builder, columns int, headed bool) {
	widths := t.widths(columns)
	if headed {
		t.heads(b, widths, columns)
	}
	for _, r := range t.rows {
		if r.text == "" {
			t.line(b, r, widths, columns)
			continue
		}
		mark := r.mark
		for _, l := range wrap(r.text, columns-t.indent) {
			t.write(b, r, t.lead(mark)+l)
			mark = ""
		}
	}
}

// heads writes the names of the columns; that of the last is left out where it has no room.
func (t *table) heads(b *strings.Builder, widths []int, columns int) {
	line := t.lead("")
	for i, c := range t.columns {
		if next := line + t.set(i, c.head, widths[i]); width(strings.TrimRight(next, " ")) <= columns {
			line = next
		}
	}
	t.write(b, row{}, line)
}

// widths gives each column the width of its widest cell. A text column takes at most a third of the line, so that one
// long name does not push the others apart, and the first no more than the others leave.
func (t *table) widths(columns int) []int {
	widths := make([]int, len(t.columns))
	rest := columns - t.indent
	for i := len(t.columns) - 1; i >= 0; i-- {
		c, last := t.columns[i], i == len(t.columns)-1
		most := max(c.min, width(c.head), columns/3)
		if c.right || last {
			most = columns
		}
		if i == 0 {
			most = min(max(c.min, columns/2), max(rest, 10))
		}
		widths[i] = min(max(c.min, width(c.head), t.widest(i, most)), most)
		if !last || c.right {
			rest -= widths[i] + t.gap(i)
		}
	}
	return widths
}

// widest is the width of the widest cell of a column that is not over the limit: that one gets a line of its own.
func (t *table) widest(i, most int) int {
	widest := 0
	for _, r := range t.rows {
		if i < len(r.cells) && width(r.cells[i]) <= most {
			widest = max(widest, width(r.cells[i]))
		}
	}
	return widest
}

func (t *table) gap(i int) int {
	if i == 0 {
		return 0
	}
	if t.columns[i].gap > 0 {
		return t.columns[i].gap
	}
	return 2
}

// line writes one row: the cells, and what has no room in lines of its own.
func (t *table) line(b *strings.Builder, r row, widths []int, columns int) {
	line, at := t.lead(r.mark), t.indent
	for i, text := range r.cells {
		last := i == len(t.columns)-1
		at += t.gap(i) + widths[i]
		next := line + t.set(i, text, widths[i])
		if fits := width(strings.TrimRight(next, " ")) <= min(at, columns); fits || last && width(next) <= columns {
			line = next
			continue
		}
		t.overflow(b, r, line, text, columns)
		line = strings.Repeat(" ", at)
	}
	if r.tail != "" {
		line += "   " + r.tail
	}
	if strings.TrimSpace(line) != "" {
		t.write(b, r, line)
	}
}

// overflow writes what stands before a text that is too wide for its column, and the text below or, if it is the first,
// in the same line.
func (t *table) overflow(b *strings.Builder, r row, line, text string, columns int) {
	indent := t.lead("") + "  "
	if width(line) == t.indent {
		indent = line
	} else if strings.TrimSpace(line) != "" {
		t.write(b, r, line)
	}
	for _, l := range wrap(text, columns-width(indent)) {
		t.write(b, r, indent+l)
		indent = strings.Repeat(" ", width(indent))
	}
}

// lead is the indent with the row's mark in it.
func (t *table) lead(mark string) string {
	if mark == "" {
		return strings.Repeat(" ", t.indent)
	}
	return pad(" "+mark, t.indent)
}

// set gives a cell with the gap before it.
func (t *table) set(i int, text string, columns int) string {
	gap := strings.Repeat(" ", t.gap(i))
	if t.columns[i].right {
		return gap + padLeft(text, columns)
	}
	return gap + pad(text, columns)
}

func (t *table) write(b *strings.Builder, r row, line string) {
	line = strings.TrimRight(line, " ")
	if r.paint != nil {
		line = r.paint(line)
	}
	b.WriteString(line + "\n")
}
