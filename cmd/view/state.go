package view

import (
	"fmt"
	"strings"
	"time"

	"mailhaul/state"
)

// StateRow is one mailbox of the ledger.
type StateRow struct {
	Mailbox        state.Mailbox
	Passes         []state.MailboxPass // in the order they ran
	Copied, Failed state.Count
}

// StateList writes the mailboxes of the ledger, times in loc: on a terminal for people, elsewhere as a table for programs,
// with tabs between and the names of the columns first.
func StateList(o Output, rows []StateRow, loc *time.Location) error {
	if !o.IsTerminal {
		return o.put(stateLines(rows, loc))
	}
	var b strings.Builder
	if len(rows) == 0 {
		return o.put("The state file knows no mailbox yet.\n")
	}
	t := table{indent: 3, columns: []column{{head: "mailbox", min: 25}, {head: "copied", right: true},
		{head: "failed", right: true}, {head: "passes", gap: 3}}}
	for _, r := range rows {
		t.add("", nil, Safe(r.Mailbox.Name), Count(r.Copied.Messages), Count(r.Failed.Messages), r.passes(loc))
	}
	t.render(&b, o.Width, true)
	return o.put(b.String())
}

func stateLines(rows []StateRow, loc *time.Location) string {
	var b strings.Builder
	b.WriteString("mailbox\tdestination\tsource_endpoint\tdestination_endpoint\tcopied\tcopied_bytes\tfailed\tfailed_bytes\tpasses\n")
	for _, r := range rows {
		m := r.Mailbox
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", Safe(m.Name), Safe(m.Destination), Safe(m.SourceEndpoint),
			Safe(m.DestinationEndpoint), r.Copied.Messages, r.Copied.Bytes, r.Failed.Messages, r.Failed.Bytes, r.passes(loc))
	}
	return b.String()
}

func (r StateRow) passes(loc *time.Location) string {
	var parts []string
	for _, p := range r.Passes {
		word := Safe(p.Pass) + ": " + Safe(string(p.Progress))
		if !p.Ended.IsZero() {
			word += " " + p.Ended.In(loc).Format(time.DateOnly)
		}
		parts = append(parts, word)
	}
	return strings.Join(parts, ", ")
}

// StateInfo is the state file as a whole.
type StateInfo struct {
	Path      string
	Format    int
	Lineage   string
	Serial    int64
	Mailboxes int
	Runs      []state.Run // oldest first
	Passes    []state.Pass
	Lock      *Holder // nil: nobody works with it
}

// StateShow writes what the state file is and which runs it has seen, times in the zone of now.
func StateShow(o Output, s StateInfo, now time.Time) error {
	var b strings.Builder
	t := table{indent: 0, columns: []column{{min: 9}, {}}}
	t.add("", nil, "file", Safe(s.Path))
	t.add("", nil, "format", fmt.Sprint(s.Format))
	t.add("", nil, "lineage", Safe(s.Lineage))
	t.add("", nil, "serial", fmt.Sprint(s.Serial))
	t.add("", nil, "mailboxes", Count(s.Mailboxes))
	lock := "nobody works with it"
	if h := s.Lock; h != nil {
		lock = fmt.Sprintf("%s on %s, process %d, since %s (id %s)", Safe(h.User), Safe(h.Host), h.PID, moment(h.Started, now), Safe(h.ID))
	}
	t.add("", nil, "lock", lock)
	t.render(&b, o.Width, false)
	passes(&b, o, s.Passes)
	runs(&b, o, s.Runs, now)
	return o.put(b.String())
}

func passes(b *strings.Builder, o Output, all []state.Pass) {
	if len(all) == 0 {
		return
	}
	b.WriteString("\nPasses\n")
	t := table{indent: 3, columns: []column{{min: 10}, {}, {}}}
	for _, p := range all {
		var bounds []string
		if !p.Older.IsZero() {
			bounds = append(bounds, bound("older than", "before", p.OlderWritten, p.Older))
		}
		if !p.Newer.IsZero() {
			bounds = append(bounds, bound("newer than", "since", p.NewerWritten, p.Newer))
		}
		t.add("", nil, Safe(p.Name), Safe(p.Kind), strings.Join(bounds, " and "))
	}
	t.render(b, o.Width, false)
}

func runs(b *strings.Builder, o Output, all []state.Run, now time.Time) {
	if len(all) == 0 {
		return
	}
	b.WriteString("\nRuns\n")
	t := table{indent: 3, columns: []column{{min: 6}, {min: 10}, {}, {}}}
	for _, r := range all {
		end := "did not end by itself"
		if !r.Ended.IsZero() {
			end = fmt.Sprintf("%s, exit code %d", Duration(r.Ended.Sub(r.Started)), r.ExitCode)
		}
		t.add("", nil, Safe(r.ID), Safe(r.Pass), moment(r.Started, now), end)
	}
	t.render(b, o.Width, false)
}

// StateMailbox writes what the ledger knows of one mailbox, times in loc. The folders are counted without a selection.
func StateMailbox(o Output, r StateRow, folders []state.FolderCount, loc *time.Location) error {
	never := time.Time{}.In(loc) // so that every date is written in full
	var b strings.Builder
	m := r.Mailbox
	b.WriteString(strings.Join(wrap(fmt.Sprintf("%s (%s) -> %s (%s)", Safe(m.Name), Safe(m.SourceEndpoint),
		Safe(m.Destination), Safe(m.DestinationEndpoint)), o.Width), "\n") + "\n")
	if len(r.Passes) > 0 {
		b.WriteByte('\n')
		t := table{indent: 3, columns: []column{{min: 10}, {}, {}, {}}}
		for _, p := range r.Passes {
			why := ""
			if p.Code != "" {
				why = stopped(p.Side, p.Code)
			}
			t.add("", nil, Safe(p.Pass), Safe(string(p.Progress)), moment(p.Started, never), why)
		}
		t.render(&b, o.Width, false)
	}
	if len(folders) > 0 {
		b.WriteByte('\n')
		folderCounts(&b, o, folders)
	}
	return o.put(b.String())
}

func folderCounts(b *strings.Builder, o Output, folders []state.FolderCount) {
	t := table{indent: 3, columns: []column{{head: "folder", min: 20}, {head: "copied", right: true}, {head: "left", right: true},
		{head: "failed", right: true}, {head: "left out", right: true}, {head: "destination", gap: 3}}}
	for _, f := range folders {
		name := Safe(f.Folder.Path)
		if !f.Folder.Current {
			name += " (earlier UIDVALIDITY)"
		}
		// Counted for any pass, what is pending holds the doubts, and what was left out too.
		left := f.Pending.Messages - f.LeftOut.Messages
		t.add("", nil, name, Count(f.Copied.Messages), Count(left), Count(f.Failed.Messages), Count(f.LeftOut.Messages),
			Safe(f.Folder.Target))
	}
	t.render(b, o.Width, true)
}
