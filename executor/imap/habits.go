package imap

import (
	"errors"
	"strings"

	"mailhaul/state/mail"
)

// Habits are what one kind of server does otherwise than it announces, or otherwise than servers do. They are data: the
// rest of the package asks for the habit and knows no product. The zero Habits take a server at its word.
type Habits struct {
	// Rev1 uses nothing of IMAP4rev2, announced or not.
	Rev1 bool
	// Rewrites says that messages are not read back as they were written: MIME is rendered anew.
	Rewrites bool
	// NoKeywords says that a folder keeps system flags only, whatever it announces or leaves out.
	NoKeywords bool
	// FlagAfter sets \Flagged by STORE, once a message has landed: what APPEND says of it is lost (LateFlags).
	FlagAfter bool
	// CountsErrors says that a session ends after some error answers: what can be known is asked before it is tried.
	CountsErrors bool
	// MaxMessage is the largest message where the server does not tell; zero: not known.
	MaxMessage mail.Size
	// Names are the rules for names of folders, but for the delimiter, which the server tells.
	Names mail.NameRules
	// texts are words that mean something of their own here; they come before those of the common table.
	texts []verdict
	// signIn is the code of a refused token without words that are known; empty: CodeIMAPLogin.
	signIn mail.Code
}

// Microsoft365 are the habits of Exchange Online, as seen by others in the years up to 2026. What Microsoft does not
// document is marked so; nothing here was tried against a tenant.
func Microsoft365() Habits {
	return Habits{
		// Since September 2026 some tenants announce IMAP4rev2 after sign-in, and its SEARCH is wrong there.
		Rev1:     true,
		Rewrites: true,
		// PERMANENTFLAGS has no \*; $MDNSent, which it has, would show as a category on every message.
		NoKeywords: true,
		// Reported lost in Outlook; a later STORE cures it. Not confirmed for every tenant. It needs the UID that APPEND answers
		// with: that Exchange Online, which announces UIDPLUS, tells it is not confirmed either.
		FlagAfter: true,
		// The tenth error ends the session.
		CountsErrors: true,
		Names: mail.NameRules{
			// A backslash is not documented as forbidden, and makes trouble in Outlook's own paths.
			Forbidden: `\`,
			Reserved: []string{"Files", "Calendar", "Contacts", "Tasks", "Notes", "Journal", "Outbox", "Sync Issues",
				"Conversation History", "Recoverable Items"},
			FoldCase:   true,
			TrimSpaces: true,
			MaxLevel:   250, // 255 is what Outlook takes; not documented for IMAP
		},
		texts: []verdict{
			{"authenticated but not connected", anywhere, mail.Auth, mail.CodeM365Denied},
			// What follows "Session invalidated - AccessTokenExpired" on the same connection.
			{"command received in invalid state", anywhere, mail.Transient, mail.CodeIMAPLost},
			// All that follow are words of Exchange's error names; that IMAP shows them is not confirmed.
			{"imap is disabled", anywhere, mail.Auth, mail.CodeM365IMAPOff},
			{"not enabled for imap", anywhere, mail.Auth, mail.CodeM365IMAPOff},
			{"imap4 is disabled", anywhere, mail.Auth, mail.CodeM365IMAPOff},
			{"protocol is disabled", anywhere, mail.Auth, mail.CodeM365IMAPOff},
			{"mailboxnotenabled", anywhere, mail.Auth, mail.CodeM365Licence},
			{"not licensed", anywhere, mail.Auth, mail.CodeM365Licence},
			{"mailboxnotfound", anywhere, mail.Auth, mail.CodeM365Missing},
			{"mailbox not found", atSignIn, mail.Auth, mail.CodeM365Missing},
			{"nonexistentmailbox", anywhere, mail.Auth, mail.CodeM365Missing},
		},
		signIn: mail.CodeM365SignIn,
	}
}

// grants is what an administrator types so that the application may open a mailbox.
const grants = "the application signed in and may not open this mailbox; an administrator grants it with: " +
	"Add-MailboxPermission -Identity %s -User <service principal id> -AccessRights FullAccess -AutoMapping $false"

// classify makes an error of a refusal, as the server's habits have it.
func (c *client) classify(op string, s status, at place) *mail.Error {
	e := classify(op, s, at)
	if e.Kind == mail.Throttled {
		return e
	}
	text := strings.ToLower(s.text + " " + s.code + " " + s.args)
	if v, found := find(c.opts.Habits.texts, at, func(match string) bool { return strings.Contains(text, match) }); found {
		e.Kind, e.Code = v.kind, v.code
	}
	if e.Code == mail.CodeM365Denied {
		e.Err = errors.New(strings.ReplaceAll(grants, "%s", c.opts.Login.User))
	}
	return e
}

// heard files what the server can do.
func (c *client) heard(caps capabilities) {
	if c.opts.Habits.Rev1 {
		delete(caps, "IMAP4REV2")
	}
	c.caps = caps
}

// usual corrects what a folder announces of its flags.
func (h Habits) usual(o mail.Opened) mail.Opened {
	if !h.NoKeywords {
		return o
	}
	if !o.Known {
		o.Permanent.System = mail.Seen | mail.Answered | mail.Flagged | mail.Deleted | mail.Draft
	}
	o.Known, o.AnyKeyword, o.Permanent.Keywords = true, false, nil
	return o
}
