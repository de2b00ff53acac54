package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// warn adds what is to be said of the plan as a whole.
func (in *Input) warn(p *Plan) {
	for _, u := range in.Config.Unsupported {
		p.Warnings = append(p.Warnings, Note{Code: string(config.CodeNotSupported), Text: u.What + " is not carried out by this version"})
	}
	for _, h := range in.Held {
		p.Warnings = append(p.Warnings, Note{Mailbox: h.Mailbox, Code: string(h.Code),
			Text: fmt.Sprintf("stopped in pass %q and takes no part until that pass is run or retried", h.Pass),
			Hint: fmt.Sprintf("mailhaul apply --pass %s", h.Pass)})
	}
	if n := len(in.Later); n > 0 {
		p.Warnings = append(p.Warnings, Note{Text: count(int64(n), "mailbox waits for its window", "mailboxes wait for their windows"), Hint: "mailhaul apply takes them when it is open."})
	}
	if n := in.Over; n > 0 {
		p.Warnings = append(p.Warnings, Note{Text: count(int64(n), "mailbox is", "mailboxes are") + " left for the next run, as --limit says",
			Hint: "The same command again takes the next ones."})
	}
	if n := len(in.Early); n > 0 {
		p.Warnings = append(p.Warnings, Note{Code: string(config.CodePass),
			Text: fmt.Sprintf("pass %q comes after %q, which %s not finished yet", in.Pass.Name, in.Pass.After,
				count(int64(n), "mailbox has", "mailboxes have"))})
	}
}

// warn adds what is to be said of one mailbox.
func (l *line) warn() {
	l.elsewhere()
	if l.inv.Estranged && l.inv.FormerDestination == "" {
		l.plan.Warnings = append(l.plan.Warnings, Note{Mailbox: l.out.Name,
			Text: fmt.Sprintf("none of the folders that were written to is at %s any more: it is another server, or was emptied or set up anew. "+
				"What was copied counts as copied", l.out.Destination),
			Hint: fmt.Sprintf("mailhaul check %s  tells what is missing there; to copy all again:  mailhaul state forget %s", l.out.Name, l.out.Name)})
	}
	l.lost()
	l.hidden()
	l.cutByGmail()
	if text := l.fetchedAway(); text != "" {
		l.plan.Warnings = append(l.plan.Warnings, Note{Mailbox: l.out.Name, Text: text,
			Hint: "Ask whether a program fetches this mail by POP; what it fetched is on that computer only."})
	}
}

// unread says of a folder that could not be listed how to go on without it.
func (l *line) unread(f *Folder) {
	l.plan.Warnings = append(l.plan.Warnings, Note{Mailbox: l.out.Name, Code: string(f.Problem.Code),
		Text: fmt.Sprintf("folder %q can't be listed, so nothing of it is copied: %s", f.Path, f.Problem.Text),
		Hint: fmt.Sprintf("To leave it out: exclude = [%s]", hcl("^"+regexp.QuoteMeta(f.Path)+"$"))})
}

// elsewhere warns where the mailbox went to another place before.
func (l *line) elsewhere() {
	k := l.in.Known[l.out.Name]
	text := ""
	switch {
	case l.inv.FormerDestination != "":
		k.Destination = l.inv.FormerDestination
		text = "went to %s before; what was written there is not at %s, so everything is copied anew"
	case !l.asked && k.Destination != "" && (!strings.EqualFold(k.Destination, l.out.Destination) || l.otherEndpoint(k)):
		text = "went to %s before: unless the folders written there are found at %s, everything is copied again"
	default:
		return
	}
	before, now := k.Destination, l.out.Destination
	if strings.EqualFold(before, now) && l.otherEndpoint(k) {
		before, now = before+" of "+k.DestinationEndpoint, now+" of "+l.out.DestinationEndpoint
	}
	l.plan.Warnings = append(l.plan.Warnings, Note{Mailbox: l.out.Name, Text: fmt.Sprintf(text, before, now)})
}

// otherEndpoint tells whether the ledger knows the mailbox at another endpoint than the configuration has it.
func (l *line) otherEndpoint(k state.Mailbox) bool {
	return k.DestinationEndpoint != "" && k.DestinationEndpoint != l.out.DestinationEndpoint
}

// lost says what a destination does not keep; it names no mailbox, for it holds for all of them.
func (l *line) lost() {
	sentences := l.inv.Limits.Lost
	if len(sentences) == 0 {
		return
	}
	l.plan.Warnings = append(l.plan.Warnings, Note{Text: sentences[0], Hint: strings.Join(sentences[1:], "\n")})
}

// hidden says what a source keeps from whoever asks for its folders. Exchange lists none over IMAP whose name has a slash,
// which divides levels there. It names no mailbox, for it holds for all of them.
func (l *line) hidden() {
	if !l.asked || l.m.From.Microsoft365 == nil {
		return
	}
	l.plan.Warnings = append(l.plan.Warnings, Note{
		Text: "Microsoft 365 does not list folders whose name has a slash: they are not in this plan, and not copied",
		Hint: "Look for such folders in Outlook and rename them."})
}

// warnOnce adds a warning of a line. One that names no mailbox holds for all, and is said once.
func (p *Plan) warnOnce(note Note) {
	if note.Mailbox == "" && slices.Contains(p.Warnings, note) {
		return
	}
	p.Warnings = append(p.Warnings, note)
}

// When a source looks fetched away. A small mailbox, or a new one, is nothing unusual.
const (
	emptyInbox  = 10  // an INBOX with fewer messages than this is almost empty
	fullFolders = 200 // if the other folders hold more than this
	recentMail  = 100 // so many messages and none older than recentDays is unusual
	recentDays  = 14  // mail programs leave POP mail on the server for a week or two
)

// fetchedAway says why the source looks as if a program had fetched its mail by POP and deleted it.
func (l *line) fetchedAway() string {
	if !l.asked {
		return ""
	}
	var inbox, others, copied int64
	for _, f := range l.inv.Source {
		if !f.Path.IsInbox() {
			others += int64(f.Status.Messages)
			continue
		}
		inbox += int64(f.Status.Messages)
		if c := l.remembered(f.Raw, f.Status.UIDValidity); c != nil {
			copied += c.Copied.Messages
		}
	}
	// An INBOX that was copied earlier and emptied since is the user's doing.
	if inbox < emptyInbox && copied < emptyInbox && others > fullFolders {
		return fmt.Sprintf("may have been fetched away by POP: INBOX holds %s, the other folders %s",
			count(inbox, "message", "messages"), number(others))
	}
	oldest := l.oldest()
	if inbox+others < recentMail || oldest.IsZero() || oldest.Before(l.in.Now.AddDate(0, 0, -recentDays)) {
		return ""
	}
	return fmt.Sprintf("may have been fetched away by POP: none of its %s messages is older than %d days",
		number(inbox+others), recentDays)
}

// oldest is the oldest date in the ledger's rows; the zero Time while a folder with mail is not listed.
func (l *line) oldest() time.Time {
	var oldest time.Time
	for _, f := range l.inv.Source {
		if f.NoSelect || f.Status.Messages == 0 {
			continue
		}
		c := l.remembered(f.Raw, f.Status.UIDValidity)
		if c == nil || c.Oldest.IsZero() {
			return time.Time{}
		}
		if oldest.IsZero() || c.Oldest.Before(oldest) {
			oldest = c.Oldest
		}
	}
	return oldest
}

// merges makes an error of every target that several folders share, unless that is allowed.
func (l *line) merges() {
	if mergeAllowed(l.m.Folders) || differ(l.out.Folders) {
		return
	}
	meet := map[string][]*Folder{}
	var order []string
	for i := range l.out.Folders {
		f := &l.out.Folders[i]
		if f.Excluded || f.NoSelect || len(f.TargetPath) == 0 {
			continue
		}
		key := spelling(mail.Path(f.TargetPath))
		if len(meet[key]) == 0 {
			order = append(order, key)
		}
		meet[key] = append(meet[key], f)
	}
	for _, key := range order {
		if len(meet[key]) > 1 {
			l.plan.Errors = append(l.plan.Errors, l.merge(meet[key]))
		}
	}
}

// differ tells of a few folders that no two go to one target: that costs less than to gather them by target.
func differ(folders []Folder) bool {
	const few = 32
	if len(folders) > few {
		return false
	}
	for i := range folders {
		for k := range folders[:i] {
			if a, b := folders[i].Target, folders[k].Target; a != "" && len(a) == len(b) && strings.EqualFold(a, b) {
				return false
			}
		}
	}
	return true
}

func (l *line) merge(folders []*Folder) Note {
	names := make([]string, 0, sharesMost)
	for _, f := range folders[:min(len(folders), sharesMost)] {
		names = append(names, f.Path)
	}
	last := len(names) - 1
	all := quoted(names[:last]) + " and " + quoted(names[last:])
	if len(folders) > len(names) {
		all = some(names, len(folders))
	}
	both := "all"
	if len(folders) == 2 {
		both = "both"
	}
	return Note{Mailbox: l.out.Name, Code: string(config.CodeMerge),
		Text: fmt.Sprintf("%s %s go to %q", all, both, folders[0].Target),
		Hint: mergeHint(l.out.Name, folders)}
}

// mergeHint gives the lines that allow the merge, and those that keep the folders apart: the one whose name the target
// is not gets another name.
func mergeHint(mailbox string, folders []*Folder) string {
	other := folders[len(folders)-1]
	for _, f := range slices.Backward(folders) {
		if f.Path != f.Target {
			other = f
			break
		}
	}
	pattern := "^" + regexp.QuoteMeta(other.Path) + "$"
	return fmt.Sprintf("To allow it:\n  mailbox %s {\n    folders { merge = \"allow\" }\n  }\n"+
		"To keep them apart, in the folders block before its other rename blocks:\n  rename %s { to = %s }",
		hcl(mailbox), hcl(pattern), hcl(strings.ReplaceAll(other.Target+" 2", "$", "$$")))
}

// hcl writes a string as HCL does: quoted, with ${ and %{ doubled so that they are no templates.
func hcl(s string) string {
	q := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{").Replace(s)
	return `"` + q + `"`
}

// fault makes an error of a folder that the rules leave without a name.
func (l *line) fault(m *Mapping) {
	name := printable(m.Source.Path.String())
	l.plan.Errors = append(l.plan.Errors, Note{Mailbox: l.out.Name, Code: string(config.CodeFolderName),
		Text: fmt.Sprintf("%q can have no place: %s", name, m.Fault),
		Hint: fmt.Sprintf("To leave it out: exclude = [%s]", hcl("^"+regexp.QuoteMeta(name)+"$"))})
}
