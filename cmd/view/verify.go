package view

import (
	"fmt"
	"slices"
	"strings"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// VerifyRow is what verify found for one mailbox.
type VerifyRow struct {
	Mailbox     string      `json:"mailbox"`
	Destination string      `json:"destination"`
	Source      VerifySide  `json:"source"`
	Target      VerifySide  `json:"target"` // the destination's side
	Folders     int         `json:"folders"`
	Messages    state.Count `json:"messages"` // at the source, where it was counted; Bytes zero: sizes not asked
	QuotaKnown  bool        `json:"quota_known"`
	QuotaLeft   mail.Size   `json:"quota_left"`
	Notes       []string    `json:"notes,omitempty"`  // sentences worth reading, surprises of the folder mapping among them
	Faults      []string    `json:"faults,omitempty"` // sentences: what would keep its mail from being copied
	Skipped     string      `json:"skipped,omitempty"`
}

// VerifySide is one side of a mailbox.
type VerifySide struct {
	Asked   bool          `json:"asked"`             // false with --source-only and --destination-only
	SignIn  string        `json:"sign_in,omitempty"` // the sign-in method
	Problem *plan.Problem `json:"problem,omitempty"`
	// Transport is how the side is reached, where there is a choice, and Why says why not by the preferred one.
	Transport string `json:"transport,omitempty"`
	Why       string `json:"why,omitempty"`
	// Lost are sentences on what the side does not keep.
	Lost []string `json:"lost,omitempty"`
}

// Ready tells whether both sides that were asked let mailhaul in, and nothing else stands in the way.
func (r VerifyRow) Ready() bool {
	return r.Skipped == "" && len(r.Faults) == 0 && r.Source.Problem == nil && r.Target.Problem == nil
}

// Verify writes one line a mailbox, below it what is wrong and how to mend it, and last how many are ready.
func Verify(o Output, rows []VerifyRow) error {
	var b strings.Builder
	ready, skipped := 0, 0
	column := 25
	for _, r := range rows {
		if w := width(r.name()); w <= o.Width/2 {
			column = max(column, w)
		}
	}
	common := commonBlocks(rows)
	for _, r := range rows {
		switch {
		case r.Skipped != "":
			skipped++
		case r.Ready():
			ready++
		}
		r.write(&b, o, column, common)
	}
	whyBlocked(&b, o, common)
	notKept(&b, o, rows)
	text := fmt.Sprintf("%s: %s ready", Plural(len(rows), "mailbox"), Count(ready))
	if not := len(rows) - ready - skipped; not > 0 {
		text += ", " + Count(not) + " not"
	}
	if skipped > 0 {
		text += ", " + Count(skipped) + " skipped"
	}
	b.WriteString("\n" + text + ". Nothing was copied.\n")
	return o.put(b.String())
}

// name is the mailbox, with its new address where that differs.
func (r VerifyRow) name() string {
	if r.Destination == "" || r.Destination == r.Mailbox {
		return Safe(r.Mailbox)
	}
	return Safe(r.Mailbox) + " -> " + Safe(r.Destination)
}

// write writes one mailbox; what was found stands behind the column of names.
func (r VerifyRow) write(b *strings.Builder, o Output, column int, common []block) {
	p := palette{o.Color}
	mark, paint, text := o.signs().done, p.green, r.found()
	switch {
	case r.Skipped != "":
		mark, paint, text = ".", p.dim, "skipped: "+Safe(r.Skipped)
	case !r.Ready():
		mark, paint, text = "!", p.red, "not ready"
	}
	lines := wrap(pad(r.name(), column)+"  "+text, o.Width-o.lead())
	b.WriteString(paint(pad(" "+mark, o.lead())+lines[0]) + "\n")
	for _, l := range append(lines[1:], r.details(common)...) {
		paragraph(b, l, "     ", o.Width)
	}
}

// found says what was seen: "12 folders, 18,204 messages, 4.1 GB; 40.0 GB free".
func (r VerifyRow) found() string {
	text := ""
	if r.Source.Asked {
		text = Plural(r.Folders, "folder") + ", " + Plural(r.Messages.Messages, "message")
		if r.Messages.Bytes > 0 {
			text += ", " + Size(r.Messages.Bytes)
		}
	}
	if r.QuotaKnown {
		text += "; " + Size(r.QuotaLeft) + " free at the destination"
	}
	if by := r.Target.Transport; by != "" {
		text += "; by " + Safe(by)
	}
	return strings.TrimPrefix(text, "; ")
}

// notKept says once what destinations do not keep, before the first message goes there.
func notKept(b *strings.Builder, o Output, rows []VerifyRow) {
	var told []string
	for _, r := range rows {
		for i, sentence := range r.Target.Lost {
			if slices.Contains(told, sentence) {
				continue
			}
			if told = append(told, sentence); i == 0 {
				b.WriteByte('\n')
			}
			b.WriteString(" ? " + strings.Join(wrap(Safe(sentence), o.Width-3), "\n   ") + "\n")
		}
	}
}

// commonBlocks are the problems that hit several mailboxes alike: a host that is wrong is told once for all of them.
func commonBlocks(rows []VerifyRow) []block {
	var all []block
	for _, r := range rows {
		for _, p := range []*plan.Problem{r.Source.Problem, r.Target.Problem} {
			if p != nil {
				all = append(all, block{mailbox: r.Mailbox, side: p.Side, code: p.Code, text: p.Text})
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(b block) bool {
		return !slices.ContainsFunc(all, func(x block) bool {
			return x.mailbox != b.mailbox && x.side == b.side && x.code == b.code && x.text == b.text
		})
	})
}

// details are the problems with what to do, where that is not told once for several mailboxes, and the notes.
func (r VerifyRow) details(common []block) []string {
	var lines []string
	for _, p := range []*plan.Problem{r.Source.Problem, r.Target.Problem} {
		if p == nil {
			continue
		}
		lines = append(lines, problem(*p)+": "+Safe(string(p.Code)))
		if slices.Contains(common, block{mailbox: r.Mailbox, side: p.Side, code: p.Code, text: p.Text}) {
			continue
		}
		if p.Text != "" && cause(p.Code) != "" {
			lines = append(lines, said(p.Code, p.Text))
		}
		if hint := Hint(string(p.Code)); hint != "" {
			lines = append(lines, "To do: "+hint)
		}
	}
	for _, n := range r.Faults {
		lines = append(lines, Safe(n))
	}
	if r.Target.Why != "" {
		lines = append(lines, "? by "+Safe(r.Target.Transport)+": "+Safe(r.Target.Why))
	}
	for _, n := range r.Notes {
		lines = append(lines, "? "+Safe(n))
	}
	return lines
}

// Folders writes where each folder of a mailbox goes, and which rule says so. held is how many messages the source folders
// hold, by their exact names.
func Folders(o Output, m plan.Mailbox, held map[string]int64) error {
	var b strings.Builder
	p := palette{o.Color}
	b.WriteString(strings.Join(wrap(Safe(m.Name)+" -> "+Safe(m.Destination), o.Width), "\n") + "\n")
	if m.Problem != nil {
		paragraph(&b, problem(*m.Problem)+": "+Safe(string(m.Problem.Code)), "   ", o.Width)
	}
	if len(m.Folders) == 0 {
		return o.put(b.String())
	}
	b.WriteByte('\n')
	t := table{indent: 3, columns: []column{{head: "source", min: 20}, {head: "destination", min: 20},
		{head: "messages", right: true}, {head: "rule", gap: 3}}}
	for _, f := range m.Folders {
		mark, paint, target := "", func(s string) string { return s }, Safe(f.Target)
		switch {
		case f.Excluded:
			mark, paint, target = ".", p.dim, "left out"
		case f.Surprise != "":
			mark, paint = "?", p.yellow
		case !f.Exists:
			mark, paint = "+", p.green
		}
		t.add(mark, paint, Safe(f.Path), target, folderMessages(f, held), Safe(f.Reason))
		if f.Surprise != "" && !f.Excluded {
			t.rows = append(t.rows, row{text: "  " + Safe(f.Surprise), paint: paint})
		}
	}
	t.render(&b, o.Width, true)
	b.WriteString("\n+ is made at the destination, . is left out, ? deserves a look.\n")
	return o.put(b.String())
}

func folderMessages(f plan.Folder, held map[string]int64) string {
	if n, known := held[string(f.Source)]; known && !f.NoSelect {
		return Count(n)
	}
	return "-"
}
