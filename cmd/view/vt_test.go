package view

import (
	"fmt"
	"strings"
)

// vt is as much of a terminal as the live screen needs, in cooked mode: a line feed also goes to the first column. What
// it does not know it remembers in unknown, so that a test can fail on it.
type vt struct {
	rows     [][]rune
	row, col int
	modes    map[string]bool // private modes: "?25" is the cursor
	unknown  []string
}

func newVT() *vt { return &vt{rows: [][]rune{nil}, modes: map[string]bool{"?25": true}} }

func (v *vt) write(s string) {
	for s != "" {
		if strings.HasPrefix(s, "\x1b[") {
			end := strings.IndexFunc(s[2:], func(r rune) bool { return r >= '@' && r <= '~' }) + 2
			v.control(s[2:end], s[end])
			s = s[end+1:]
			continue
		}
		r := []rune(s)[0]
		s = s[len(string(r)):]
		switch {
		case r == '\r':
			v.col = 0
		case r == '\n':
			v.down(1)
			v.col = 0
		case r == '\b':
			v.col = max(0, v.col-1)
		case r < ' ':
			v.unknown = append(v.unknown, fmt.Sprintf("%q", r))
		default:
			v.put(r)
		}
	}
}

func (v *vt) down(n int) {
	v.row += n
	for len(v.rows) <= v.row {
		v.rows = append(v.rows, nil)
	}
}

func (v *vt) put(r rune) {
	v.extend(v.col + 1)
	v.rows[v.row][v.col] = r
	v.col++
}

func (v *vt) extend(n int) {
	for len(v.rows[v.row]) < n {
		v.rows[v.row] = append(v.rows[v.row], ' ')
	}
}

func (v *vt) control(parameters string, final byte) {
	n := 1
	_, _ = fmt.Sscanf(parameters, "%d", &n) // no number means one
	line := v.rows[v.row]
	switch final {
	case 'A':
		v.row = max(0, v.row-n)
	case 'B':
		v.down(n)
	case 'C':
		v.col += n
	case 'D':
		v.col = max(0, v.col-n)
	case 'G':
		v.col = n - 1
	case 'K':
		v.rows[v.row] = line[:min(v.col, len(line))]
	case 'J':
		v.rows[v.row] = line[:min(v.col, len(line))]
		v.rows = v.rows[:v.row+1]
	case 'L':
		v.rows = append(v.rows[:v.row:v.row], append(make([][]rune, n), v.rows[v.row:]...)...)
	case 'M':
		v.rows = append(v.rows[:v.row:v.row], v.rows[min(v.row+n, len(v.rows)):]...)
		v.down(0)
	case 'P':
		v.extend(v.col + n)
		v.rows[v.row] = append(v.rows[v.row][:v.col:v.col], v.rows[v.row][v.col+n:]...)
	case '@':
		v.extend(v.col)
		v.rows[v.row] = append(v.rows[v.row][:v.col:v.col], append([]rune(strings.Repeat(" ", n)), v.rows[v.row][v.col:]...)...)
	case 'X':
		v.extend(v.col + n)
		copy(v.rows[v.row][v.col:], []rune(strings.Repeat(" ", n)))
	case 'h', 'l':
		v.modes[parameters] = final == 'h'
	case 'm':
	default:
		v.unknown = append(v.unknown, "CSI "+parameters+string(final))
	}
}

// String gives what stands on the screen, without blanks at the ends of lines.
func (v *vt) String() string {
	lines := make([]string, len(v.rows))
	for i, r := range v.rows {
		lines[i] = strings.TrimRight(string(r), " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}
