package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// screen is as much of a terminal as the live progress needs, with a width: what would be broken into two lines it notes
// in broken, and what it does not know in unknown.
type screen struct {
	width    int
	rows     [][]rune
	row, col int
	modes    map[string]bool // private modes: "?25" is the cursor
	left     string          // the begin of a sequence whose rest has not come
	broken   []string
	unknown  []string
}

func newScreen(width int) *screen {
	return &screen{width: width, rows: [][]rune{nil}, modes: map[string]bool{"?25": true}}
}

// resize cuts lines off, as xterm does.
func (s *screen) resize(width int) {
	s.width = width
	for i, r := range s.rows {
		s.rows[i] = r[:min(len(r), width)]
	}
	s.col = min(s.col, width-1)
}

// write takes what came from the pseudo-terminal, whose line discipline has put a carriage return before each line feed.
func (s *screen) write(text string) {
	text, s.left = s.left+text, ""
	for text != "" {
		if text[0] == '\x1b' {
			n := s.escape(text)
			if n == 0 {
				s.left = text
				return
			}
			text = text[n:]
			continue
		}
		if !utf8.FullRuneInString(text) {
			s.left = text
			return
		}
		r, n := utf8.DecodeRuneInString(text)
		s.rune(r)
		text = text[n:]
	}
}

// escape carries out the control sequence that text begins with and gives its length; zero: it has not come whole.
func (s *screen) escape(text string) int {
	if len(text) < 2 {
		return 0
	}
	if text[1] == 'M' { // reverse index
		s.row = max(0, s.row-1)
		return 2
	}
	if text[1] != '[' {
		s.unknown = append(s.unknown, fmt.Sprintf("%q", text[:2]))
		return 2
	}
	end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= '@' && r <= '~' })
	if end < 0 {
		return 0
	}
	s.control(text[2:2+end], text[2+end])
	return 2 + end + 1
}

func (s *screen) rune(r rune) {
	switch {
	case r == '\r':
		s.col = 0
	case r == '\n':
		s.down(1)
	case r == '\b':
		s.col = max(0, s.col-1)
	case steers(r):
		s.unknown = append(s.unknown, fmt.Sprintf("%q", r))
	default:
		s.put(r)
	}
}

func (s *screen) put(r rune) {
	if s.col >= s.width {
		s.broken = append(s.broken, s.line(s.row))
		s.col = 0
		s.down(1)
	}
	s.extend(s.col + 1)
	s.rows[s.row][s.col] = r
	s.col++
}

func (s *screen) down(n int) {
	s.row += n
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, nil)
	}
}

func (s *screen) extend(n int) {
	for len(s.rows[s.row]) < n {
		s.rows[s.row] = append(s.rows[s.row], ' ')
	}
}

func (s *screen) control(parameters string, final byte) {
	n := 1
	_, _ = fmt.Sscanf(parameters, "%d", &n) // no number means one
	line := s.rows[s.row]
	switch final {
	case 'A':
		s.row = max(0, s.row-n)
	case 'B':
		s.down(n)
	case 'C':
		s.col = min(s.width-1, s.col+n)
	case 'D':
		s.col = max(0, s.col-n)
	case 'G':
		s.col = n - 1
	case 'K':
		s.rows[s.row] = line[:min(s.col, len(line))]
	case 'J':
		s.rows[s.row] = line[:min(s.col, len(line))]
		s.rows = s.rows[:s.row+1]
	case 'X':
		s.extend(s.col + n)
		copy(s.rows[s.row][s.col:], []rune(strings.Repeat(" ", n)))
	case 'L':
		s.rows = append(s.rows[:s.row:s.row], append(make([][]rune, n), s.rows[s.row:]...)...)
	case 'M':
		s.rows = append(s.rows[:s.row:s.row], s.rows[min(s.row+n, len(s.rows)):]...)
		s.down(0)
	case 'P':
		s.extend(s.col + n)
		s.rows[s.row] = append(s.rows[s.row][:s.col:s.col], s.rows[s.row][s.col+n:]...)
	case '@':
		s.extend(s.col)
		s.rows[s.row] = append(s.rows[s.row][:s.col:s.col], append([]rune(strings.Repeat(" ", n)), s.rows[s.row][s.col:]...)...)
	case 'h', 'l':
		s.modes[parameters] = final == 'h'
	case 'm':
	default:
		s.unknown = append(s.unknown, "CSI "+parameters+string(final))
	}
}

func (s *screen) line(row int) string { return strings.TrimRight(string(s.rows[row]), " ") }

// String gives what stands on the screen and above it, without blanks at the ends of lines.
func (s *screen) String() string {
	lines := make([]string, len(s.rows))
	for i := range s.rows {
		lines[i] = s.line(i)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}
