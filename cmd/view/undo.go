package view

import (
	"strings"

	"mailhaul/executor"
	"mailhaul/state"
)

// UndoTotal sums what an undo would take back, or took back.
type UndoTotal struct {
	Remove    state.Count
	Kept      map[executor.Kept]state.Count
	Folders   int
	Mailboxes int // that something is taken back from
	Open      int64
	Problems  int
}

// TotalOf sums the mailboxes of an undo.
func TotalOf(list []executor.UndoMailbox) UndoTotal {
	t := UndoTotal{Kept: map[executor.Kept]state.Count{}}
	for i := range list {
		m := &list[i]
		t.Remove, t.Folders, t.Open = t.Remove.Add(m.Remove), t.Folders+m.Folders, t.Open+m.Open
		if m.Remove.Messages > 0 || m.Folders > 0 {
			t.Mailboxes++
		}
		if m.Problem != nil {
			t.Problems++
		}
		for why, n := range m.Kept {
			t.Kept[why] = t.Kept[why].Add(n)
		}
	}
	return t
}

// UndoPlan shows what an undo would take back.
func UndoPlan(o Output, list []executor.UndoMailbox) error {
	var b strings.Builder
	p, total := palette{o.Color}, TotalOf(list)
	paragraph(&b, "Undo: what mailhaul wrote to the destination and nobody has touched since", "", o.Width)
	b.WriteByte('\n')
	t := table{indent: 3, columns: []column{{head: "mailbox", min: 25}, {head: "to remove", right: true}, {head: "size", right: true},
		{head: "folders", right: true}, {head: "stays", right: true}}}
	for i := range list {
		m := &list[i]
		if m.Problem != nil {
			t.add("!", p.red, Safe(m.Mailbox.Name), "-", "-", "-", "-")
			continue
		}
		t.add("", nil, Safe(m.Mailbox.Name), Count(m.Remove.Messages), Size(m.Remove.Bytes), Count(m.Folders), Count(keptOf(m.Kept)))
	}
	t.render(&b, o.Width, true)
	whyBlocked(&b, o, blocksOfUndo(list))
	whatStays(&b, o, total.Kept)
	b.WriteByte('\n')
	if total.Open > 0 {
		paragraph(&b, "An earlier undo stopped in the middle of "+Plural(total.Open, "message")+"; this one finishes it.", "", o.Width)
	}
	paragraph(&b, "Undo: "+removes(total)+".", "", o.Width)
	return o.put(b.String())
}

// removes counts what goes.
func removes(t UndoTotal) string {
	if t.Folders == 0 {
		return messages(t.Remove)
	}
	return messages(t.Remove) + ", and " + Plural(t.Folders, "folder") + " that would be empty"
}

func keptOf(kept map[executor.Kept]state.Count) int64 {
	var n int64
	for _, c := range kept {
		n += c.Messages
	}
	return n
}

// blocksOfUndo are the mailboxes that can't be worked on.
func blocksOfUndo(list []executor.UndoMailbox) []block {
	var all []block
	for i := range list {
		if p := list[i].Problem; p != nil {
			all = append(all, block{mailbox: list[i].Mailbox.Name, side: p.Side, code: p.Code, text: p.Text, again: "mailhaul undo"})
		}
	}
	return all
}

// whatStays counts what is not taken back, by reason.
func whatStays(b *strings.Builder, o Output, kept map[executor.Kept]state.Count) {
	if keptOf(kept) == 0 {
		return
	}
	b.WriteString("\nWhat stays at the destination as it is\n")
	t := table{indent: 3, columns: []column{{right: true}, {}}}
	for _, why := range executor.Reasons() {
		if n := kept[why].Messages; n > 0 {
			t.add("", nil, Count(n), staying(why))
		}
	}
	t.render(b, o.Width, false)
}

// staying says why copies stay.
func staying(why executor.Kept) string {
	switch why {
	case executor.KeptTouched:
		return "read, answered, flagged or marked as deleted since"
	case executor.KeptGone:
		return "moved or deleted since; not copied again"
	case executor.KeptAdopted:
		return "were there before mailhaul came"
	case executor.KeptSource:
		return "no longer at the source: it may be the last copy"
	case executor.KeptAltered:
		return "not the octets that were sent"
	case executor.KeptDoubt:
		return "not settled whether they arrived; mailhaul apply settles it"
	case executor.KeptUnplaced:
		return "can't be told from others: folder made anew, or no UID known"
	case executor.KeptUnremoved:
		return "not removed by the server"
	}
	return "not reached: the undo was stopped"
}

// UndoQuestion is what undo asks before it removes anything; the answer is read behind it.
func UndoQuestion(o Output, list []executor.UndoMailbox, destination string) error {
	t := TotalOf(list)
	what := "Remove " + Plural(t.Remove.Messages, "message") + " from " + Safe(destination) + " now?"
	var b strings.Builder
	b.WriteString(palette{o.Color}.bold(what) + "\n")
	paragraph(&b, "They are removed for good, not moved to the trash. The source is not touched: the same messages can be "+
		"copied again. What somebody touches until then stays.", "", o.Width)
	b.WriteString(`Only "yes" is accepted: `)
	return o.put(b.String())
}

// Undone tells what an undo came to. next is the command to go on with; empty: none.
func Undone(o Output, list []executor.UndoMailbox, interrupted bool, next string) error {
	var b strings.Builder
	t := TotalOf(list)
	word := "Undone"
	if interrupted {
		word = "Undo was interrupted"
	}
	text := word + ": " + messages(t.Remove)
	if t.Folders > 0 {
		text += ", and " + Plural(t.Folders, "empty folder")
	}
	paragraph(&b, text+" removed from "+Plural(t.Mailboxes, "mailbox")+".", "", o.Width)
	whyBlocked(&b, o, blocksOfUndo(list))
	whatStays(&b, o, t.Kept)
	if interrupted {
		b.WriteString("\nThe same command again goes on.\n")
	} else if next != "" {
		b.WriteString("\nNext:   " + next + "\n")
	}
	return o.put(b.String())
}

// NothingUndone says that there is nothing to take back, and what stays all the same.
func NothingUndone(o Output, list []executor.UndoMailbox) error {
	var b strings.Builder
	b.WriteString("Nothing to take back.\n")
	whyBlocked(&b, o, blocksOfUndo(list))
	whatStays(&b, o, TotalOf(list).Kept)
	return o.put(b.String())
}
