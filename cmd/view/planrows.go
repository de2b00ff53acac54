package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// mailboxes writes the table: what is to copy, what is blocked, what is skipped, and how many are up to date.
func (v *planView) mailboxes() {
	t := table{indent: 3, columns: []column{{head: "mailbox", min: 25}, {head: "folders", right: true},
		{head: "messages", right: true, min: 9}, {head: "size", right: true, min: 8}, {head: "via", min: 4}, {head: "note", gap: 3}}}
	v.group(&t, "to copy, nothing unusual", plan.Start, plan.Continue)
	v.group(&t, "blocked", plan.Blocked)
	v.group(&t, "skipped", plan.Skipped)
	if v.opt.All {
		v.group(&t, "up to date", plan.UpToDate)
	} else if n := v.plan.Total.UpToDate; n > 0 {
		t.rows = append(t.rows, row{mark: string(plan.UpToDate), text: isAre(n, "mailbox") + " up to date", paint: v.dim})
	}
	t.render(&v.b, v.Width, true)
}

// group adds the lines of some actions. Where they are many, the first few ordinary ones stand for all of them; what is
// unusual is shown as far as twenty lines go.
func (v *planView) group(t *table, what string, actions ...plan.Action) {
	var all []*plan.Mailbox
	for i := range v.plan.Mailboxes {
		if m := &v.plan.Mailboxes[i]; slices.Contains(actions, m.Action) {
			all = append(all, m)
		}
	}
	shown := all
	if !v.opt.All && len(all) > many {
		shown = v.chosen(all)
	}
	for _, m := range shown {
		v.mailbox(t, m)
	}
	if more := len(all) - len(shown); more > 0 {
		if slices.ContainsFunc(without(all, shown), v.unusual) {
			what, _, _ = strings.Cut(what, ",")
		}
		t.rows = append(t.rows, row{text: fmt.Sprintf("... %s more %s (--all lists them)", Count(more), what)})
	}
}

// unusual tells whether a person should see the line. What was done earlier is news only where nothing else is.
func (v *planView) unusual(m *plan.Mailbox) bool {
	return v.longest(m) || m.Problem != nil || m.Note != "" && m.Note != doneEarlier(m)
}

func doneEarlier(m *plan.Mailbox) string { return Count(m.Done.Messages) + " done earlier" }

// chosen picks the unusual mailboxes and a sample of the others, in the order of the plan.
func (v *planView) chosen(all []*plan.Mailbox) []*plan.Mailbox {
	var picked []*plan.Mailbox
	ordinary := 0
	for _, m := range all {
		switch {
		case v.unusual(m) && len(picked) < many:
			picked = append(picked, m)
		case !v.unusual(m) && ordinary < sample:
			picked, ordinary = append(picked, m), ordinary+1
		}
	}
	return picked
}

func without(all, shown []*plan.Mailbox) []*plan.Mailbox {
	return slices.DeleteFunc(slices.Clone(all), func(m *plan.Mailbox) bool { return slices.Contains(shown, m) })
}

func (v *planView) mailbox(t *table, m *plan.Mailbox) {
	paint := map[plan.Action]func(string) string{plan.Start: v.green, plan.Continue: v.yellow, plan.UpToDate: v.dim,
		plan.Blocked: v.red, plan.Skipped: v.dim}[m.Action]
	folders, todo, size, via := "-", "-", "-", "-"
	if len(m.Folders) > 0 {
		folders, todo, size = Count(copied(m.Folders)), Count(m.Todo.Messages), Size(m.Todo.Bytes)
		via = Safe(cmp.Or(m.Via, "-"))
	}
	t.add(string(m.Action), paint, Safe(m.Name), folders, todo, size, via, v.note(m))
}

// longest tells whether the mailbox takes the longest, and so long that it is worth knowing.
func (v *planView) longest(m *plan.Mailbox) bool {
	e := v.plan.Estimate
	return e != nil && m.Name == e.Longest && e.LongestSeconds >= 3600 && v.plan.Total.Start+v.plan.Total.Continue > 1
}

// note is the last column of a mailbox.
func (v *planView) note(m *plan.Mailbox) string {
	text := note(m)
	if !v.longest(m) {
		return text
	}
	longest := "longest: about " + roughly(v.plan.Estimate.LongestSeconds)
	if text != "" {
		longest += "; " + text
	}
	return longest
}

// copied counts the folders that are not excluded.
func copied(folders []plan.Folder) int {
	n := 0
	for _, f := range folders {
		if !f.Excluded && !f.NoSelect {
			n++
		}
	}
	return n
}

// note is what is unusual about a mailbox, or what was done earlier.
func note(m *plan.Mailbox) string {
	switch {
	case m.Note != "":
		return Safe(m.Note)
	case m.Problem != nil:
		return problem(*m.Problem)
	case m.Action == plan.Continue && m.Done.Messages > 0:
		return doneEarlier(m)
	}
	return ""
}

// problem says in half a sentence why a mailbox can't go on: "source refused the password".
func problem(p plan.Problem) string {
	text := cause(p.Code)
	if text == "" {
		return strings.TrimSpace(Safe(p.Side) + ": " + Safe(p.Text))
	}
	if p.Side == "source" || p.Side == "destination" {
		return p.Side + " " + text
	}
	return text
}

// folders says how the folder rules worked out, with a few examples and every surprise.
func (v *planView) folders() {
	t := v.plan.Total
	if t.Folders == 0 {
		return
	}
	v.b.WriteByte('\n')
	switch {
	case t.Folders == 1 && t.Surprises == 0:
		v.say("Folders: the only one follows the rules without surprise.")
	case t.Surprises == 0:
		v.say("Folders: all %s follow the rules without surprise.", Count(t.Folders))
	default:
		v.say("Folders: %s of %s follow the rules without surprise.", Count(t.Folders-t.Surprises), Count(t.Folders))
	}
	if line := strings.Join(v.examples(), "     "); line != "" {
		v.b.WriteString("   " + strings.Join(wrap(line, v.Width-3), "\n   ") + "\n")
	}
	v.surprises()
}

// examples are the two commonest mappings that change a name, and the commonest folders that are left out.
func (v *planView) examples() []string {
	mapped, excluded := map[string]int{}, map[string]int{}
	for _, m := range v.plan.Mailboxes {
		for _, f := range m.Folders {
			switch {
			case f.Excluded:
				excluded[Safe(f.Path)]++
			case f.Path != f.Target && f.Target != "":
				mapped[Safe(f.Path)+" -> "+Safe(f.Target)]++
			}
		}
	}
	examples := commonest(mapped, 2)
	if left := commonest(excluded, 3); len(left) > 0 {
		examples = append(examples, strings.Join(left, ", ")+": left out")
	}
	return examples
}

// commonest gives the n keys with the highest counts; equal counts in alphabetical order, so that the same plan always
// looks the same.
func commonest(counts map[string]int, n int) []string {
	keys := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(keys, func(a, b string) int { return counts[b] - counts[a] })
	return keys[:min(n, len(keys))]
}

func (v *planView) surprises() {
	shown, more := 0, 0
	for _, m := range v.plan.Mailboxes {
		for _, f := range m.Folders {
			if f.Surprise == "" || f.Excluded {
				continue
			}
			if shown >= many && !v.opt.All {
				more++
				continue
			}
			shown++
			text := fmt.Sprintf("%s has \"%s\": %s", Safe(m.Name), Safe(f.Path), Safe(f.Surprise))
			lines := wrap(text, v.Width-3)
			v.b.WriteString(v.yellow(" ? "+lines[0]) + "\n")
			for _, l := range lines[1:] {
				v.b.WriteString(v.yellow("   "+l) + "\n")
			}
		}
	}
	if more > 0 {
		v.say("   ... %s more (--all lists them)", Count(more))
	}
}

// leftBehind says how many messages are over the size limit, and how many are marked as deleted.
func (v *planView) leftBehind() {
	if why := leftWhy(v.plan); why != "" {
		v.b.WriteByte('\n')
		text := "Left behind: " + why + ". List: mailhaul plan --left-out"
		if width(text) > v.Width {
			text = strings.Replace(text, ". List:", ".\nList:", 1) // the command is not to be broken
		}
		v.say("%s", text)
	}
}

// leftWhy counts the messages that stay behind, by the reason; "" where there is none.
func leftWhy(p *plan.Plan) string {
	var parts []string
	if left := p.Total.LeftOut; left.Messages > 0 {
		parts = append(parts, fmt.Sprintf("%s over %s (%s)", Plural(left.Messages, "message"), sizeLimit(p), Size(left.Bytes)))
	}
	if marked := p.Total.Deleted; marked.Messages > 0 {
		parts = append(parts, fmt.Sprintf("%s marked as deleted (%s)", Plural(marked.Messages, "message"), Size(marked.Bytes)))
	}
	return strings.Join(parts, ", ")
}

// neverMoved is the sentence about what no pass of mailhaul moves.
func (v *planView) neverMoved() {
	if v.plan.NeverMoved != "" {
		v.b.WriteByte('\n')
		v.say("%s", Safe(v.plan.NeverMoved))
	}
}

// sizeLimit is the limit of all mailboxes with something left behind, where they agree.
func sizeLimit(p *plan.Plan) string {
	var limit mail.Size
	for _, m := range p.Mailboxes {
		if m.LeftOut.Messages == 0 {
			continue
		}
		if limit != 0 && limit != m.Settings.MaxSize {
			return "the size limit"
		}
		limit = m.Settings.MaxSize
	}
	if limit == 0 {
		return "the size limit"
	}
	return Limit(limit)
}

// leftOut lists what stays behind, folder by folder: the messages over the size limit by name, and how many are marked as
// deleted.
func leftOut(o Output, p *plan.Plan) error {
	v := planView{Output: o, palette: palette{o.Color}, plan: p}
	why := leftWhy(p)
	if why == "" {
		v.say("Pass \"%s\" leaves no message behind.", Safe(p.Pass.Name))
		return o.put(v.b.String())
	}
	v.say("Pass \"%s\" leaves behind %s.", Safe(p.Pass.Name), why)
	for _, m := range p.Mailboxes {
		for _, f := range m.Folders {
			if f.LeftOut.Messages > 0 || f.Deleted.Messages > 0 {
				v.leftOutOf(m.Name, f)
			}
		}
	}
	v.raise()
	return o.put(v.b.String())
}

func (v *planView) leftOutOf(mailbox string, f plan.Folder) {
	v.b.WriteByte('\n')
	v.say("%s, \"%s\":", Safe(mailbox), Safe(f.Path))
	t := table{indent: 3, columns: []column{{right: true}, {right: true}, {}}}
	for _, m := range f.TooLarge {
		date := "no date"
		if !m.Date.IsZero() {
			date = m.Date.Format("2006-01-02")
		}
		t.add("", nil, fmt.Sprintf("UID %d", m.UID), Size(m.Size), date)
	}
	t.render(&v.b, v.Width, false)
	if more := f.LeftOut.Messages - int64(len(f.TooLarge)); more > 0 {
		v.say("   ... %s more", Count(more))
	}
	if n := f.Deleted; n.Messages > 0 {
		v.say("   %s marked as deleted at the source, %s", Plural(n.Messages, "message"), Size(n.Bytes))
	}
}
