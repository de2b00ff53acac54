package view

import (
	"cmp"
	"slices"
	"strings"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// block is why one mailbox can't go on.
type block struct {
	mailbox, side, text string
	code                mail.Code
	again               string // the command to run when it is mended; empty: mailhaul apply
}

// obstacle is one cause with everybody it hits.
type obstacle struct {
	side      string
	code      mail.Code
	mailboxes []string
	heard     words
	again     string
}

// obstacles groups by cause, the one that hits most first.
func obstacles(all []block) []obstacle {
	var list []obstacle
	for _, b := range all {
		i := slices.IndexFunc(list, func(o obstacle) bool { return o.side == b.side && o.code == b.code })
		if i < 0 {
			i = len(list)
			list = append(list, obstacle{side: b.side, code: b.code, heard: words{}, again: b.again})
		}
		list[i].mailboxes = append(list[i].mailboxes, b.mailbox)
		list[i].heard.add(b.text)
	}
	slices.SortStableFunc(list, func(x, y obstacle) int { return cmp.Compare(len(y.mailboxes), len(x.mailboxes)) })
	return list
}

// whyBlocked writes each cause once: what it is, whom it hits, the reason given, what to do.
func whyBlocked(b *strings.Builder, o Output, all []block) {
	if len(all) == 0 {
		return
	}
	b.WriteString("\nWhy mailboxes are blocked\n")
	for _, cause := range obstacles(all) {
		paragraph(b, stopped(cause.side, cause.code)+": "+Safe(string(cause.code)), "   ", o.Width)
		cause.write(b, o)
	}
}

// write writes what stands below the name of a cause.
func (c obstacle) write(b *strings.Builder, o Output) {
	const indent = "     "
	paragraph(b, nameList(c.mailboxes), indent, o.Width)
	c.heard.write(b, o, c.code, indent)
	if hint := Hint(string(c.code)); hint != "" {
		if c.again != "" {
			hint = strings.Replace(hint, "run: mailhaul apply", "run: "+c.again, 1)
		}
		paragraph(b, "To do: "+hint, indent, o.Width)
	}
}

// blocksOfPlan are the mailboxes that a plan can't take along.
func blocksOfPlan(p *plan.Plan) []block {
	var all []block
	for _, m := range p.Mailboxes {
		if m.Action == plan.Blocked && m.Problem != nil {
			all = append(all, block{mailbox: m.Name, side: m.Problem.Side, code: m.Problem.Code, text: m.Problem.Text})
		}
	}
	return all
}

// blocksOf are mailboxes that stand still.
func blocksOf(failed []state.FailedMailbox) []block {
	var all []block
	for _, m := range failed {
		all = append(all, block{mailbox: m.Name, side: m.Side, code: m.Code, text: m.Text})
	}
	return all
}
