package plan

import (
	"fmt"
	"slices"

	"mailhaul/state/mail"
)

// gmailShows are the numbers of messages that a user of Gmail can choose as the most that a folder shows over IMAP. What
// is beyond is there, and no IMAP client can know of it.
var gmailShows = []uint32{1000, 2000, 5000, 10_000}

// cutByGmail says which folders look as if Gmail showed only a part of them. A folder can hold such a number of messages
// by chance, so it is said only where the source is Gmail.
func (l *line) cutByGmail() {
	if !slices.ContainsFunc(l.inv.Source, gmailFolder) {
		return
	}
	for _, f := range l.inv.Source {
		if slices.Contains(gmailShows, f.Status.Messages) {
			l.plan.Warnings = append(l.plan.Warnings, Note{Mailbox: l.out.Name,
				Text: fmt.Sprintf("%q shows exactly %s messages: Gmail may be set to show no more of a folder over IMAP",
					f.Path.String(), number(int64(f.Status.Messages))),
				Hint: "Gmail, Settings, Forwarding and POP/IMAP: Do not limit the number of messages in an IMAP folder."})
		}
	}
}

// gmailFolder tells whether a folder is the one above Gmail's own, or below it.
func gmailFolder(f mail.Folder) bool {
	return len(f.Path) > 0 && (f.Path[0] == "[Gmail]" || f.Path[0] == "[Google Mail]")
}
