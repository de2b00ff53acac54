package view

import "strings"

// Prose sets a text of our own in lines of at most so many columns, with a line end at its end. Blank lines part
// paragraphs; lines that begin with two blanks keep their shape.
func Prose(text string, columns int) string {
	var b strings.Builder
	line := ""
	flush := func() {
		if line != "" {
			paragraph(&b, line, "", columns)
		}
		line = ""
	}
	for l := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if l == "" || strings.HasPrefix(l, "  ") {
			flush()
			b.WriteString(l + "\n")
			continue
		}
		if line != "" {
			line += " "
		}
		line += l
	}
	flush()
	return b.String()
}

// HelpEntry sets a command of a list with what it does, its further lines below the first.
func HelpEntry(name string, padding int, text string, columns int) string {
	const before = 3 // blanks around the name
	lines := wrap(text, columns-padding-before)
	return "  " + pad(name, padding) + " " + strings.Join(lines, "\n"+strings.Repeat(" ", padding+before)) + "\n"
}
