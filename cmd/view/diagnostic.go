package view

import (
	"fmt"
	"path"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"mailhaul/config"
)

// tabStop is how wide a tab of a source line is shown.
const tabStop = 4

// Diagnostics writes every mistake and warning of the configuration, each with its places, and last how many there were.
// "Nothing was contacted" is said only where there are errors: with warnings alone the work goes on.
func Diagnostics(o Output, ds config.Diagnostics) error {
	var b strings.Builder
	errs := 0
	for _, d := range ds {
		if d.Severity == config.Error {
			errs++
		}
		diagnostic(&b, o, d)
		b.WriteByte('\n')
	}
	warnings := len(ds) - errs
	switch {
	case errs > 0 && warnings > 0:
		fmt.Fprintf(&b, "%s, %s, nothing was contacted.\n", Plural(errs, "error"), Plural(warnings, "warning"))
	case errs > 0:
		fmt.Fprintf(&b, "%s, nothing was contacted.\n", Plural(errs, "error"))
	}
	return o.put(b.String())
}

func diagnostic(b *strings.Builder, o Output, d config.Diagnostic) {
	p := palette{o.Color}
	label := p.red("Error:")
	if d.Severity == config.Warning {
		label = p.yellow("Warning:")
	}
	headline(b, o, label, Safe(d.Summary))
	if len(d.Snippets) > 0 {
		b.WriteByte('\n')
		snippets(b, o, d.Snippets)
	}
	if d.Detail == "" && d.Hint == "" {
		return
	}
	b.WriteByte('\n')
	for _, text := range []string{d.Detail, d.Hint} {
		if text != "" {
			paragraph(b, text, "  ", o.Width)
		}
	}
}

// headline writes a label and what follows it; further lines are indented.
func headline(b *strings.Builder, o Output, label, text string) {
	p := palette{o.Color}
	first := wrap(text, o.Width-width(label)-1)[0]
	b.WriteString(label + " " + p.bold(first) + "\n")
	if rest := strings.TrimLeft(strings.TrimPrefix(text, first), " "); rest != "" {
		for _, l := range wrap(rest, o.Width-2) {
			b.WriteString("  " + p.bold(l) + "\n")
		}
	}
}

// snippets writes the places of a mistake. Rows of a CSV stand in one line each; lines of HCL get a gutter and carets.
func snippets(b *strings.Builder, o Output, all []config.Snippet) {
	for i, s := range all {
		if inline(s) {
			head := fmt.Sprintf("  %s:%d:  ", Safe(s.Range.File), s.Range.Start.Line)
			fmt.Fprintf(b, "%s%s\n", head, o.cut(Safe(strings.TrimSpace(s.Text)), o.Width-width(head)))
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		snippet(b, o, s)
	}
}

// inline tells whether a snippet is a whole row of a table rather than a stretch of a source line.
func inline(s config.Snippet) bool {
	switch path.Ext(s.Range.File) {
	case ".hcl", ".json":
		return false
	}
	r := s.Range
	whole := r.Start.Column <= 1 && (r.End.Line != r.Start.Line || r.End.Column <= 1 || r.End.Column > len([]rune(s.Text)))
	return whole && s.Context == ""
}

func snippet(b *strings.Builder, o Output, s config.Snippet) {
	place := fmt.Sprintf("%s:%d", Safe(s.Range.File), s.Range.Start.Line)
	if s.Range.Start.Line == 0 {
		place = Safe(s.Range.File)
	}
	if s.Context != "" {
		place += ", " + Safe(s.Context)
	}
	paragraph(b, place+":", "  ", o.Width)
	if s.Text == "" {
		return
	}
	gutter := fmt.Sprintf("  %3d | ", s.Range.Start.Line)
	line := layOut(s)
	line.window(o.Width - width(gutter))
	b.WriteString(strings.TrimRight(gutter+line.text, " ") + "\n")
	if line.carets > 0 {
		blank := strings.Repeat(" ", width(gutter)-2) + "| " + strings.Repeat(" ", line.from)
		b.WriteString(blank + palette{o.Color}.red(strings.Repeat("^", line.carets)) + "\n")
	}
}

// sourceLine is a source line as shown, and the display columns that its carets stand under.
type sourceLine struct {
	text         string
	from, carets int
}

// layOut makes a source line safe to show and finds the display columns of its range. Columns count user-perceived
// characters, as hcl counts them; what is shown may be wider: tabs, East Asian characters, escapes.
func layOut(s config.Snippet) sourceLine {
	var shown strings.Builder
	r, column, at := s.Range, 1, 0
	from, to := -1, -1
	for rest := s.Text; rest != ""; column++ {
		if column == r.Start.Column {
			from = at
		}
		if r.End.Line == r.Start.Line && column == r.End.Column {
			to = at
		}
		cluster, _ := ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
		rest = rest[len(cluster):]
		text := Safe(cluster)
		if cluster == "\t" {
			text = strings.Repeat(" ", tabStop-at%tabStop)
		}
		shown.WriteString(text)
		at += width(text)
	}
	return sourceLine{text: shown.String()}.mark(r, from, to, at)
}

// mark sets the carets; a range that begins behind the line's end gets one caret there.
func (l sourceLine) mark(r config.Range, from, to, end int) sourceLine {
	if r.Start.Column < 1 {
		return l
	}
	if from < 0 {
		from = end
	}
	if to < 0 {
		to = max(end, from)
		if r.End.Line == r.Start.Line && r.End.Column <= r.Start.Column {
			to = from
		}
	}
	l.from, l.carets = from, max(1, to-from)
	return l
}

// window cuts a long line to the columns there are, so that the carets' beginning is in it.
func (l *sourceLine) window(columns int) {
	const dots = "... "
	if start := l.from - columns/2; l.from+min(l.carets, columns/2) > columns && start > 0 {
		l.text = dots + ansi.Cut(l.text, start, start+columns)
		l.from = l.from - start + len(dots)
	}
	if width(l.text) > columns {
		l.text = ansi.Truncate(l.text, columns, " ...")
	}
	l.carets = min(l.carets, max(0, columns-l.from))
}
