package plan

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// folders maps the mailbox's folders and counts what is left to do in each.
func (l *line) folders() {
	source := l.inv.Source
	if !l.asked {
		source = remembered(l.memory)
	}
	mappings := Map(l.m, source, l.inv.Destination, l.inv.Limits.Names)
	l.out.Folders = make([]Folder, len(mappings))
	for i := range mappings {
		l.folder(&l.out.Folders[i], &mappings[i])
		if mappings[i].Fault != "" {
			l.fault(&mappings[i])
		}
	}
	l.choose()
	if l.asked {
		l.vanished()
	}
	sortBy(l.out.Folders, func(a, b *Folder) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), bytes.Compare(a.Source, b.Source))
	})
	l.merges()
}

// remembered makes folders of the ledger's records, for a plan that asks nobody.
func remembered(memory []state.FolderCount) []mail.Folder {
	folders := make([]mail.Folder, 0, len(memory))
	for i := range memory {
		if f := &memory[i].Folder; f.Current {
			folders = append(folders, mail.Folder{Raw: f.Source, Path: mail.ParsePath(f.Path), Status: f.SourceStatus})
		}
	}
	return folders
}

// remembered gives the ledger's counts of the source folder under that UIDVALIDITY, nil if it has none.
func (l *line) remembered(raw string, validity mail.UIDValidity) *state.FolderCount {
	for i := range l.memory {
		f := &l.memory[i].Folder
		if f.Source == raw && f.Current && f.SourceStatus.UIDValidity == validity {
			return &l.memory[i]
		}
	}
	return nil
}

// folder makes the plan's folder of a mapping.
func (l *line) folder(f *Folder, m *Mapping) {
	status, path := m.Source.Status, m.Source.Path.String()
	target := path
	if !slices.Equal(m.Target, m.Source.Path) {
		target = m.Target.String()
	}
	*f = Folder{Source: []byte(m.Source.Raw), Path: printable(path), Role: m.Role,
		Excluded: m.Excluded, NoSelect: m.Source.NoSelect, Target: target, TargetPath: m.Target,
		Exists: m.Exists, Reason: m.Reason, Surprise: m.Surprise,
		UIDValidity: status.UIDValidity, UIDNext: status.UIDNext}
	if f.Excluded || f.NoSelect || m.Fault != "" {
		return
	}
	if p, ok := l.inv.Unlisted[m.Source.Raw]; ok {
		f.Problem = &p
		l.unread(f)
		return
	}
	c := l.remembered(m.Source.Raw, status.UIDValidity)
	if c == nil {
		// Not listed yet: STATUS tells how many there are, not how large.
		if copies(l.pass.Kind) {
			f.Todo.Messages = int64(status.Messages)
		}
		if l.pass.Kind == config.PassTrial {
			f.Todo.Messages = min(f.Todo.Messages, int64(l.pass.PerFolder))
		}
		return
	}
	if f.UIDNext == 0 {
		f.UIDNext = c.Folder.Listed
	}
	l.keep(f, c)
	l.count(f, c)
}

// keep compares with where the folder went before. Offline that is all that is known of the destination.
func (l *line) keep(f *Folder, c *state.FolderCount) {
	before := c.Folder.Target
	if c.Folder.Destination == "" || before == "" || before == f.Target {
		f.Exists = f.Exists || (!l.asked && c.Folder.Destination != "")
		return
	}
	if !l.asked {
		f.Target, f.TargetPath, f.Exists = before, mail.ParsePath(before), true
		return
	}
	f.Surprise = join(f.Surprise, `went to "`+before+`" before: what was copied stays there`)
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// count fills in the numbers of a folder that takes part.
func (l *line) count(f *Folder, c *state.FolderCount) {
	if l.inv.FormerDestination != "" && l.pass.Kind != config.PassTrial {
		// What was copied went elsewhere: it is all to do, and nothing of it is done.
		f.Todo = c.Copied.Add(c.Pending).Add(c.Failed)
		return
	}
	f.Done, f.Failed = c.Copied, c.Failed
	for _, m := range c.TooLargeList {
		f.TooLarge = append(f.TooLarge, LeftOut{UID: m.UID, Size: m.Size, Date: m.InternalDate})
	}
	slices.SortFunc(f.TooLarge, func(a, b LeftOut) int { return cmp.Compare(a.UID, b.UID) })
	f.LeftOut, f.Deleted = c.TooLarge, c.Skipped
	again := c.Failed
	if !l.in.ResendAmbiguous {
		again = state.Count{Messages: again.Messages - c.Ambiguous.Messages, Bytes: again.Bytes - c.Ambiguous.Bytes}
	}
	if l.in.Pass.Kind == config.PassRetry {
		f.Todo = again.Add(c.Doubt).Add(c.Absent)
	}
	if !copies(l.pass.Kind) {
		return
	}
	if l.pass.Kind == config.PassTrial {
		// What it takes is chosen when all folders are known. What it leaves is nobody's loss.
		f.LeftOut, f.Deleted, f.TooLarge = state.Count{}, state.Count{}, nil
		return
	}
	// Pending holds the doubts that are inside the bounds; those outside are to be settled all the same.
	f.Todo = most(c.Pending, c.Doubt)
	if l.in.Pass.Kind == config.PassRetry {
		f.Todo = f.Todo.Add(again)
	}
	// A message that counts as failed is work until a run has written down that it failed.
	if l.out.Settings.TooLarge == config.TooLargeFail {
		f.Todo, f.LeftOut = f.Todo.Add(c.TooLarge), state.Count{}
	}
	if l.in.Pass.Kind == config.PassFull {
		f.FlagChanges = l.inv.FlagChanges[string(f.Source)]
	}
}

// most is the count with more messages.
func most(a, b state.Count) state.Count {
	if b.Messages > a.Messages {
		return b
	}
	return a
}

// vanished warns of folders that the source no longer lists although not all of their mail was copied.
func (l *line) vanished() {
	for _, v := range l.inv.Vanished {
		l.plan.Warnings = append(l.plan.Warnings, Note{Mailbox: l.out.Name, Code: string(mail.CodeIMAPFolderGone),
			Text: fmt.Sprintf("folder %q is gone from the source: %s of it never arrived",
				printable(v.Path), count(v.Lost, "message", "messages"))})
	}
}

// printable makes a name fit for JSON, which can't carry octets that are no UTF-8; the exact octets are in Source.
func printable(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
