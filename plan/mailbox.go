package plan

import (
	"cmp"
	"strings"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// line is one mailbox on its way into the plan.
type line struct {
	in   *Input
	m    *config.Mailbox
	plan *Plan

	pass   Pass // whose messages are moved
	inv    Inventory
	asked  bool // inv is there
	memory []state.FolderCount
	out    Mailbox
}

func (l *line) build() Mailbox {
	name := l.m.Name()
	l.inv, l.asked = l.in.Inventories[name]
	l.out = Mailbox{Name: name, Destination: l.m.Destination.Address, Wave: l.m.Wave,
		Settings: SettingsOf(l.m, l.inv.Limits), FormerDestination: l.inv.FormerDestination}
	if l.m.From != nil && l.m.To != nil {
		l.out.SourceEndpoint, l.out.DestinationEndpoint, l.out.Via = l.m.From.Ref(), l.m.To.Ref(), cmp.Or(l.inv.Limits.Transport, l.m.To.Transport())
		l.out.Predecessors = l.in.predecessors(&l.out)
	}
	if l.m.Skip != "" {
		l.out.Action, l.out.Note = Skipped, l.m.Skip
		return l.out
	}
	l.pass, l.memory = l.in.PassFor(name), l.in.Memory[name]
	if l.in.Resume[name] != nil {
		resume := l.pass
		l.out.Resume = &resume
	}
	if l.inv.Limits.Transport == "" {
		l.out.Via = l.transport()
	}
	if l.inv.Problem != nil {
		problem := *l.inv.Problem
		l.out.Action, l.out.Problem, l.out.Note = Blocked, &problem, blockedNote(problem)
		return l.out
	}
	l.folders()
	l.sum()
	l.quota()
	if l.out.Problem == nil {
		l.out.Action = l.action()
		l.out.Note = l.note()
	}
	l.warn()
	return l.out
}

// transport is the one that was used so far, else the preferred one: what is said of a mailbox that was not asked.
func (l *line) transport() string {
	if l.m.To == nil {
		return ""
	}
	if l.m.To.Microsoft365 != nil && l.inv.FormerDestination == "" {
		for i := range l.memory {
			if f := l.memory[i].Folder; f.Destination != "" && f.DestinationValidity != 0 {
				return mail.TransportOf(f.Destination)
			}
		}
	}
	return l.m.To.Transport()
}

// sum adds the folders up.
func (l *line) sum() {
	o := &l.out
	for i := range o.Folders {
		f := &o.Folders[i]
		o.Todo = o.Todo.Add(f.Todo)
		o.Done = o.Done.Add(f.Done)
		o.LeftOut = o.LeftOut.Add(f.LeftOut)
		o.Deleted = o.Deleted.Add(f.Deleted)
		o.Failed = o.Failed.Add(f.Failed)
		o.FlagChanges += f.FlagChanges
	}
}

// action is the symbol of a mailbox that can be worked on. A mailbox is up to date only if a run has said so: one
// without mail still has its folders made and its pass recorded once.
func (l *line) action() Action {
	o := &l.out
	work := o.Todo.Messages > 0 || o.FlagChanges > 0 || o.Resume != nil || l.unlisted() || l.creates() || l.doubtElsewhere()
	record := l.in.Records[o.Name][l.in.Pass.Name]
	switch {
	case !work && (l.in.Pass.Kind == config.PassRetry || done(record)):
		return UpToDate
	case l.begun():
		return Continue
	default:
		return Start
	}
}

// doubtElsewhere tells whether the outcome of a message is open in a folder that is not copied any more: a run settles it.
func (l *line) doubtElsewhere() bool {
	for i := range l.memory {
		if c := &l.memory[i]; c.Doubt.Messages > 0 {
			return true
		}
	}
	return false
}

// begun tells whether a message of the mailbox was ever copied.
func (l *line) begun() bool {
	if l.inv.FormerDestination != "" {
		return false
	}
	for i := range l.memory {
		if l.memory[i].Copied.Messages > 0 {
			return true
		}
	}
	return false
}

// unlisted tells whether the listing of a folder did not end whole: then nobody knows that all is done.
func (l *line) unlisted() bool {
	for i := range l.out.Folders {
		f := &l.out.Folders[i]
		c := l.remembered(string(f.Source), f.UIDValidity)
		if c != nil && !c.Folder.Complete && !f.Excluded && copies(l.pass.Kind) {
			return true
		}
	}
	return false
}

// creates tells whether a folder is to be made that mailhaul never made: one that the user deleted stays deleted.
func (l *line) creates() bool {
	if !l.asked || !copies(l.pass.Kind) {
		return false
	}
	for i := range l.out.Folders {
		f := &l.out.Folders[i]
		if f.Excluded || f.NoSelect || f.Exists || len(f.TargetPath) == 0 {
			continue
		}
		if c := l.remembered(string(f.Source), f.UIDValidity); c == nil || c.Folder.Destination == "" {
			return true
		}
	}
	return false
}

// copies tells whether a pass of that kind moves messages that were never tried.
func copies(kind string) bool {
	return kind == config.PassTrial || kind == config.PassPrestage || kind == config.PassFull
}

// quota blocks a mailbox whose mail the destination has no room for. A verify pass only warns.
func (l *line) quota() {
	limits := l.inv.Limits
	need := l.out.Todo.Bytes
	if l.pass.Kind == config.PassVerify {
		need = l.pending().Bytes
	}
	if !limits.QuotaKnown || need <= limits.QuotaLeft {
		return
	}
	text := "destination is full"
	if limits.QuotaLeft > 0 {
		text = "destination has " + size(limits.QuotaLeft) + " free"
	}
	l.out.Note = text
	if l.pass.Kind == config.PassVerify {
		l.plan.Warnings = append(l.plan.Warnings, Note{Mailbox: l.out.Name, Code: string(mail.CodeQuotaFull),
			Text: text + ", its mail needs " + size(need), Hint: "Give the mailbox more space before its mail is copied."})
		return
	}
	l.out.Action = Blocked
	l.out.Problem = &Problem{Side: "destination", Code: mail.CodeQuotaFull, Kind: mail.Quota.String(), Text: text}
}

// pending sums what the ledger has listed and not copied, in the folders that go along.
func (l *line) pending() state.Count {
	var sum state.Count
	for i := range l.out.Folders {
		f := &l.out.Folders[i]
		if c := l.remembered(string(f.Source), f.UIDValidity); c != nil && !f.Excluded {
			sum = sum.Add(c.Pending)
		}
	}
	return sum
}

// note is the last column of a mailbox that can be worked on.
func (l *line) note() string {
	o := &l.out
	var parts []string
	switch {
	case o.Note != "":
		parts = append(parts, o.Note)
	case o.Resume != nil:
		parts = append(parts, `stopped in pass "`+o.Resume.Name+`"`)
	case l.in.Offline:
		if last := l.lastLook(); last != "" {
			parts = append(parts, last)
		}
	}
	if o.Action == Continue && o.Done.Messages > 0 && copies(l.pass.Kind) {
		parts = append(parts, number(o.Done.Messages)+" done earlier")
	}
	if why := l.inv.Limits.Why; why != "" {
		parts = append(parts, why)
	}
	if o.Failed.Messages > 0 {
		parts = append(parts, number(o.Failed.Messages)+" failed earlier")
	}
	return strings.Join(parts, ", ")
}

// lastLook says of a mailbox that is not asked now how it fared when it was asked last; empty where its folders say enough.
func (l *line) lastLook() string {
	var last state.MailboxPass
	for _, r := range l.in.Records[l.out.Name] {
		if last.Pass == "" || r.Ended.After(last.Ended) || r.Ended.Equal(last.Ended) && r.Pass < last.Pass {
			last = r
		}
	}
	switch {
	case last.Progress == state.Failed:
		return blockedNote(Problem{Side: last.Side, Code: last.Code, Text: last.Text}) + ` in pass "` + last.Pass + `"`
	case len(l.memory) > 0:
		return ""
	case last.Pass == "":
		return "never looked at"
	}
	return `looked at in pass "` + last.Pass + `"; its folders are not known`
}

// blockedNote says in a few words why a side can't be used.
func blockedNote(p Problem) string {
	side := p.Side
	switch p.Code {
	case mail.CodeIMAPLogin:
		return side + " refused the password"
	case mail.CodeIMAPConnect, mail.CodeIMAPTimeout:
		return side + " can't be reached"
	case mail.CodeIMAPTLS:
		return side + " shows a certificate that is not trusted"
	case mail.CodeM365Transport:
		return side + " can't go on by another transport"
	case mail.CodeIMAPAdmin:
		return side + " does not let the administrator in"
	}
	if p.Text == "" {
		return side + ": " + string(p.Code)
	}
	return side + ": " + p.Text
}
