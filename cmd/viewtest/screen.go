// Package viewtest is what tests of views stand on: a terminal that remembers what was drawn on it. It knows as much of one
// as live progress needs, and says what it does not know, so that a test can fail on it. Start with New and Write.
package viewtest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Screen is a terminal with a width and without an end at the bottom. Its lines that have scrolled away are kept.
type Screen struct {
	// Width is the number of columns; Resize changes it.
	Width int
	// Cooked says that a line feed also goes to the first column: nothing stands between that puts a carriage return there.
	Cooked bool
	// Modes are the private modes that were set or reset, by their parameter: "?25" is the cursor.
	Modes map[string]bool
	// Broken are lines that were broken into two because they are wider than the screen, and Unknown what it does not know.
	Broken, Unknown []string

	rows     [][]rune
	row, col int
	left     string // the begin of a sequence whose rest has not come
}

// New is an empty screen.
func New(width int) *Screen {
	return &Screen{Width: width, rows: [][]rune{nil}, Modes: map[string]bool{"?25": true}}
}

// Resize gives the screen another width. It cuts lines off, as xterm does; other terminals break them.
func (s *Screen) Resize(width int) {
	s.Width = width
	for i, r := range s.rows {
		s.rows[i] = r[:min(len(r), width)]
	}
	s.col = min(s.col, width-1)
}

// Write draws a text. A sequence that is not whole waits for its rest.
func (s *Screen) Write(text string) {
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
func (s *Screen) escape(text string) int {
	if len(text) < 2 {
		return 0
	}
	if text[1] == 'M' { // reverse index
		s.row = max(0, s.row-1)
		return 2
	}
	if text[1] != '[' {
		s.Unknown = append(s.Unknown, fmt.Sprintf("%q", text[:2]))
		return 2
	}
	end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= '@' && r <= '~' })
	if end < 0 {
		return 0
	}
	s.control(text[2:2+end], text[2+end])
	return 2 + end + 1
}

func (s *Screen) rune(r rune) {
	switch {
	case r == '\r':
		s.col = 0
	case r == '\n':
		s.down(1)
		if s.Cooked {
			s.col = 0
		}
	case r == '\b':
		s.col = max(0, s.col-1)
	case steers(r):
		s.Unknown = append(s.Unknown, fmt.Sprintf("%q", r))
	default:
		s.put(r)
	}
}

// steers tells runes that a terminal obeys instead of showing them.
func steers(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' }

func (s *Screen) put(r rune) {
	if s.col >= s.Width {
		s.Broken = append(s.Broken, s.line(s.row))
		s.col = 0
		s.down(1)
	}
	s.extend(s.col + 1)
	s.rows[s.row][s.col] = r
	s.col++
}

func (s *Screen) down(n int) {
	s.row += n
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, nil)
	}
}

func (s *Screen) extend(n int) {
	for len(s.rows[s.row]) < n {
		s.rows[s.row] = append(s.rows[s.row], ' ')
	}
}

func (s *Screen) control(parameters string, final byte) {
	n := 1
	_, _ = fmt.Sscanf(parameters, "%d", &n) // no number means one
	line := s.rows[s.row]
	switch final {
	case 'A':
		s.row = max(0, s.row-n)
	case 'B':
		s.down(n)
	case 'C':
		s.col = min(s.Width-1, s.col+n)
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
		s.Modes[parameters] = final == 'h'
	case 'm':
	default:
		s.Unknown = append(s.Unknown, "CSI "+parameters+string(final))
	}
}

// Cursor gives the column of the cursor and the line that it stands in.
func (s *Screen) Cursor() (column int, line string) { return s.col, s.line(s.row) }

func (s *Screen) line(row int) string { return strings.TrimRight(string(s.rows[row]), " ") }

// String gives what stands on the screen and above it, without blanks at the ends of lines.
func (s *Screen) String() string {
	lines := make([]string, len(s.rows))
	for i := range s.rows {
		lines[i] = s.line(i)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}
