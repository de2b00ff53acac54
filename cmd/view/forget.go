package view

import (
	"strings"

	"mailhaul/state/mail"
)

// ForgetQuestion is what somebody must know who is about to make mailhaul forget a mailbox.
type ForgetQuestion struct {
	Mailboxes []StateRow // of that name, at one endpoint or at several
	Backup    string     // the file that keeps what is forgotten
	// Managed tells whether the configuration has the mailbox, so that later runs begin anew with it; Ignores whether it
	// says existing = "ignore", so that they do not look for what is at the destination.
	Managed, Ignores bool
}

// Forget writes what will happen.
func Forget(o Output, q ForgetQuestion) error {
	var b strings.Builder
	p := palette{o.Color}
	for _, r := range q.Mailboxes {
		m := r.Mailbox
		for _, l := range wrap("Forget "+Safe(m.Name)+" ("+Safe(m.SourceEndpoint)+" -> "+Safe(m.Destination)+", "+
			Safe(m.DestinationEndpoint)+")?", o.Width) {
			b.WriteString(p.bold(l) + "\n")
		}
		paragraph(&b, "The state file knows of "+messages(r.Copied)+", that were copied, and of "+
			noneOr(r.Failed.Messages)+" that failed.", "", o.Width)
	}
	b.WriteByte('\n')
	for _, text := range q.consequences() {
		paragraph(&b, text, "", o.Width)
	}
	return o.put(b.String())
}

// consequences says what comes of it, sentence by sentence.
func (q ForgetQuestion) consequences() []string {
	texts := []string{"All of that is forgotten: copies, failures, passes. On both servers nothing is touched."}
	switch {
	case !q.Managed:
		texts = append(texts, "It is not in the configuration, so nothing further happens to it.")
	case q.Ignores:
		texts = append(texts, `It is in the configuration, and that says existing = "ignore": the next run copies everything A SECOND TIME.`)
	default:
		texts = append(texts, "It is in the configuration: the next run begins anew with it. It reads what is at the destination and recognises "+
			"what was copied by its content. That takes about as long as copying it.",
			"What somebody deleted or moved at the destination since it was copied is copied once more.")
	}
	return append(texts, "The state file as it is now is kept as "+Safe(q.Backup)+".")
}

// noneOr writes a number of messages.
func noneOr(n int64) string {
	if n == 0 {
		return "none"
	}
	return Plural(n, "message")
}

// Forgotten says that it is done.
func Forgotten(o Output, name, backup string) error {
	return Paragraph(o, "Forgotten: "+name+". What the state file knew is in "+backup+".", "")
}

// InDoubt makes the error of a mailbox that can't be forgotten yet: a message in doubt may be at the destination or may
// still come, and only the ledger knows where to look for it.
func InDoubt(name string, messages int64) RunError {
	return RunError{Summary: "it is not settled yet whether " + Plural(messages, "message") + " of " + Safe(name) + " arrived",
		Code: mail.CodeMessageUnknown, Detail: "Forgotten now, they could come twice. This settles them:\n  mailhaul apply\n" +
			"If the mailbox is not to be moved any more, take it out of the users file first; then it can be forgotten as it is."}
}
