package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// Count writes a number with commas: "18,204".
func Count[N int | int64 | uint32](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// Size writes octets in decimal units with one digit behind the point: "4.1 GB"; below 1 kB in octets: "512 B".
func Size(s mail.Size) string {
	if s < mail.KB {
		return fmt.Sprintf("%d B", s)
	}
	value, units := float64(s)/1000, []string{"kB", "MB", "GB", "TB", "PB"}
	at := 0
	// 999.95 would be printed as 1000.0.
	for value >= 999.95 && at < len(units)-1 {
		value, at = value/1000, at+1
	}
	return fmt.Sprintf("%.1f %s", value, units[at])
}

// Limit writes a size that a person has set: "150 MB" rather than "150.0 MB".
func Limit(s mail.Size) string { return strings.Replace(Size(s), ".0 ", " ", 1) }

// Duration writes a time span as people say it: "2h 50m", "58m", "4m 10s", "12s".
func Duration(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	h, m := s/3600, s/60%60
	switch {
	case d < time.Second:
		return "less than 1s"
	case h > 0 && m == 0:
		return fmt.Sprintf("%dh", h)
	case h > 0:
		return fmt.Sprintf("%dh %02dm", h, m)
	case m >= 10 || m > 0 && s%60 == 0:
		return fmt.Sprintf("%dm", m)
	case m > 0:
		return fmt.Sprintf("%dm %02ds", m, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// Plural writes a number with its noun: "1 mailbox", "3 mailboxes", "1,204 messages".
func Plural[N int | int64 | uint32](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "x") {
		return Count(n) + " " + noun + "es"
	}
	return Count(n) + " " + noun + "s"
}

// messages writes "18,204 messages, 4.1 GB".
func messages(c state.Count) string { return Plural(c.Messages, "message") + ", " + Size(c.Bytes) }

// width is the number of columns that a text takes; escape sequences take none.
func width(s string) int { return ansi.StringWidth(s) }

// pad fills with blanks on the right; padLeft on the left.
func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-width(s)))
}

func padLeft(s string, columns int) string {
	return strings.Repeat(" ", max(0, columns-width(s))) + s
}

// cut shortens a text to the columns given.
func (o Output) cut(s string, columns int) string {
	return ansi.Truncate(s, max(0, columns), o.signs().ellipsis)
}

// wrap breaks text at blanks into lines of at most columns. Words longer than a line are broken too, so no line is ever
// wider; blanks inside a line stay as they are.
func wrap(s string, columns int) []string {
	columns = max(10, columns)
	var lines []string
	line := ""
	for s != "" {
		var word string
		if word, s = nextWord(s); width(line)+width(word) <= columns {
			line += word
			continue
		}
		if line != "" {
			lines, word = append(lines, strings.TrimRight(line, " ")), strings.TrimLeft(word, " ")
		}
		for width(word) > columns {
			head := ansi.Truncate(word, columns, "")
			lines, word = append(lines, head), strings.TrimPrefix(word, head)
		}
		line = word
	}
	return append(lines, strings.TrimRight(line, " "))
}

// nextWord splits off the first word together with the blanks before it.
func nextWord(s string) (word, rest string) {
	begin := len(s) - len(strings.TrimLeft(s, " "))
	if end := strings.IndexByte(s[begin:], ' '); end >= 0 {
		return s[:begin+end], s[begin+end:]
	}
	return s, ""
}

// paragraph wraps each line of a text of ours and indents it. Lines that begin with two blanks are commands: they are
// never wrapped, so that they can be copied.
func paragraph(b *strings.Builder, text, indent string, columns int) {
	for _, line := range strings.Split(SafeLines(strings.TrimRight(text, "\n")), "\n") {
		switch {
		case line == "":
			b.WriteByte('\n')
		case strings.HasPrefix(line, "  "):
			b.WriteString(indent + line + "\n")
		default:
			for _, l := range wrap(line, columns-len(indent)) {
				b.WriteString(indent + l + "\n")
			}
		}
	}
}

// Paragraph writes lines of ours, each broken to the width there is and indented. Those that begin with two blanks are
// commands and stay whole.
func Paragraph(o Output, text, indent string) error {
	var b strings.Builder
	paragraph(&b, text, indent, o.Width)
	return o.put(b.String())
}

// palette paints a text; without colour it gives it back. Colour only repeats what a sign or a word says.
type palette struct{ on bool }

func (p palette) paint(style lipgloss.Style, s string) string {
	if !p.on || s == "" {
		return s
	}
	lines := strings.Split(s, "\n") // Render would fill lines of unequal length with blanks
	for i, l := range lines {
		lines[i] = style.Render(l)
	}
	return strings.Join(lines, "\n")
}

func (p palette) green(s string) string {
	return p.paint(lipgloss.NewStyle().Foreground(lipgloss.Green), s)
}

func (p palette) yellow(s string) string {
	return p.paint(lipgloss.NewStyle().Foreground(lipgloss.Yellow), s)
}

func (p palette) red(s string) string {
	return p.paint(lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true), s)
}

func (p palette) dim(s string) string  { return p.paint(lipgloss.NewStyle().Faint(true), s) }
func (p palette) bold(s string) string { return p.paint(lipgloss.NewStyle().Bold(true), s) }
