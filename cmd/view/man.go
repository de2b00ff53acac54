package view

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// ManPage is one manual page.
type ManPage struct {
	Name    string // "mailhaul-plan"
	Section int    // 1: commands, 7: topics
	Version string
	Short   string
	// Synopsis is the line to type; empty for topics.
	Synopsis string
	// Text is a text of ours as the help shows it: paragraphs, headings, lists, words in backquotes; what is indented keeps
	// its shape.
	Text     string
	Commands []ManEntry // below this one
	Options  []ManEntry
	See      []string // "mailhaul-apply(1)"
}

// ManEntry is a flag or a command with what it does.
type ManEntry struct {
	Name  string // "-q, --quiet"
	Value string // of a flag: "FILE"
	Usage string
}

// File is the name that man(1) looks for.
func (m ManPage) File() string { return fmt.Sprintf("%s.%d", m.Name, m.Section) }

// Man writes the page in roff with the macros of man(7). By hand, since the texts are few in kind and our own, and nothing
// of them may be lost on the way; a test holds that.
func Man(w io.Writer, m ManPage) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s %d \"\" \"mailhaul %s\" \"mailhaul\"\n", roff(strings.ToUpper(m.Name)), m.Section, roff(m.Version))
	b.WriteString(".nh\n.ad l\n") // words that are typed are not parted at line ends, nor blanks put between them
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(m.Name), roff(m.Short))
	if m.Synopsis != "" {
		fmt.Fprintf(&b, ".SH SYNOPSIS\n\\fB%s\\fR\n", roff(m.Synopsis))
	}
	if m.Text != "" {
		b.WriteString(".SH DESCRIPTION\n")
		roffText(&b, m.Text)
	}
	entries(&b, "COMMANDS", m.Commands)
	entries(&b, "OPTIONS", m.Options)
	if len(m.See) > 0 {
		b.WriteString(".SH SEE ALSO\n" + roff(strings.Join(m.See, ", ")) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func entries(b *strings.Builder, head string, all []ManEntry) {
	if len(all) == 0 {
		return
	}
	b.WriteString(".SH " + head + "\n")
	for _, e := range all {
		b.WriteString(".TP\n\\fB" + roff(e.Name) + "\\fR")
		if e.Value != "" {
			b.WriteString(" \\fI" + roff(e.Value) + "\\fR")
		}
		b.WriteString("\n" + roff(strings.ReplaceAll(e.Usage, "\n", " ")) + "\n")
	}
}

// signsOfRoff are those that roff would take for its own, or set as another sign: what can be typed must stay what it is.
var signsOfRoff = strings.NewReplacer(`\`, `\(rs`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// roff escapes one line of text. A line that begins with a dot would be a request.
func roff(text string) string {
	text = signsOfRoff.Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

var listItem = regexp.MustCompile(`^(-|\d+\.) +`)

// roffText sets a text, block by block: blocks are what blank lines part.
func roffText(b *strings.Builder, text string) {
	for _, block := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		if heading, ok := strings.CutPrefix(lines[0], "## "); ok {
			b.WriteString(".SH " + roff(strings.ToUpper(heading)) + "\n")
			lines = lines[1:]
		}
		roffBlock(b, lines)
	}
}

// roffBlock sets the lines of a block: a shape to be kept, list items, or a paragraph.
func roffBlock(b *strings.Builder, lines []string) {
	for len(lines) > 0 {
		n := 1
		switch item := listItem.FindString(lines[0]); {
		case item != "":
			n += run(lines[1:], func(l string) bool { return strings.HasPrefix(l, "  ") })
			b.WriteString(".IP " + roffMark(item) + " 4\n")
			roffProse(b, strings.TrimPrefix(strings.Join(trimmed(lines[:n]), "\n"), item))
		case strings.HasPrefix(lines[0], "  "):
			n += run(lines[1:], func(l string) bool { return strings.HasPrefix(l, "  ") })
			b.WriteString(".PP\n.nf\n")
			for _, l := range lines[:n] {
				b.WriteString(roff(l) + "\n")
			}
			b.WriteString(".fi\n")
		default:
			n += run(lines[1:], func(l string) bool { return !strings.HasPrefix(l, "  ") && !listItem.MatchString(l) })
			b.WriteString(".PP\n")
			roffProse(b, strings.Join(lines[:n], "\n"))
		}
		lines = lines[n:]
	}
}

func roffMark(item string) string {
	if strings.HasPrefix(item, "-") {
		return `\(bu`
	}
	return strings.TrimSpace(item)
}

// run counts the lines at the beginning that are of a kind.
func run(lines []string, kind func(string) bool) int {
	for i, l := range lines {
		if !kind(l) {
			return i
		}
	}
	return len(lines)
}

func trimmed(lines []string) []string {
	var all []string
	for _, l := range lines {
		all = append(all, strings.TrimLeft(l, " "))
	}
	return all
}

// roffProse sets running text; what stands in backquotes is bold, across a line end too.
func roffProse(b *strings.Builder, text string) {
	parts := strings.Split(text, "`")
	var out strings.Builder
	for i, part := range parts {
		switch {
		case i%2 == 1 && i < len(parts)-1:
			out.WriteString(`\fB` + signsOfRoff.Replace(part) + `\fR`)
		case i%2 == 1:
			out.WriteString(signsOfRoff.Replace("`" + part)) // one without its fellow
		default:
			out.WriteString(signsOfRoff.Replace(part))
		}
	}
	for _, l := range strings.Split(out.String(), "\n") {
		if strings.HasPrefix(l, ".") {
			l = `\&` + l
		}
		b.WriteString(l + "\n")
	}
}
