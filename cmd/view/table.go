package view

import "strings"

// column says how a column of a table is set.
type column struct {
	head  string
	right bool
	min   int
	gap   int // blanks before it; zero: two
}

// table sets rows in columns. The first column is the one that gives way: where its text is too wide for the line it
// stands on a line of its own. The last column, if it is not right-aligned, moves to lines of its own where it does not fit.
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
		heads := make([]string, len(t.columns))
		for i, c := range t.columns {
			heads[i] = c.head
		}
		t.line(b, row{cells: heads}, widths, columns)
	}
	for _, r := range t.rows {
		if r.text != "" {
			mark := r.mark
			for _, l := range wrap(r.text, columns-t.indent) {
				t.write(b, r, t.lead(mark)+l)
				mark = ""
			}
			continue
		}
		t.line(b, r, widths, columns)
	}
}

// widths gives each column the width of its widest cell; the first gives way to the others.
func (t *table) widths(columns int) []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = max(c.min, width(c.head))
	}
	rest := columns - t.indent
	for i := len(t.columns) - 1; i >= 0; i-- {
		for _, r := range t.rows {
			if i < len(r.cells) {
				widths[i] = max(widths[i], width(r.cells[i]))
			}
		}
		if i > 0 && (i < len(t.columns)-1 || t.columns[i].right) {
			rest -= widths[i] + t.gap(i)
		}
	}
	widths[0] = max(min(widths[0], rest), 10)
	return widths
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

// line writes one row: the cells, and below them what had no room.
func (t *table) line(b *strings.Builder, r row, widths []int, columns int) {
	lead := t.lead(r.mark)
	cells := r.cells
	if len(cells) > 1 && width(cells[0]) > widths[0] {
		lines := wrap(cells[0], columns-t.indent)
		for _, l := range lines {
			t.write(b, r, lead+l)
			lead = t.lead("")
		}
		cells = append([]string{""}, cells[1:]...)
	}
	line, over := lead, ""
	for i, text := range cells {
		next := line + strings.Repeat(" ", t.gap(i)) + t.set(i, text, widths[i])
		if last := i == len(t.columns)-1 && i > 0; last && width(strings.TrimRight(next, " ")) > columns {
			over = text
			break
		}
		line = next
	}
	if r.tail != "" {
		line += "   " + r.tail
	}
	t.write(b, r, line)
	if over == "" {
		return
	}
	for _, l := range wrap(over, columns-t.indent-2) {
		t.write(b, r, t.lead("")+"  "+l)
	}
}

// lead is the indent with the row's mark in it.
func (t *table) lead(mark string) string {
	if mark == "" {
		return strings.Repeat(" ", t.indent)
	}
	return pad(" "+mark, t.indent)
}

func (t *table) set(i int, text string, columns int) string {
	if t.columns[i].right {
		return padLeft(text, columns)
	}
	return pad(text, columns)
}

func (t *table) write(b *strings.Builder, r row, line string) {
	line = strings.TrimRight(line, " ")
	if r.paint != nil {
		line = r.paint(line)
	}
	b.WriteString(line + "\n")
}
