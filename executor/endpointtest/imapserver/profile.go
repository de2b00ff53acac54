package imapserver

import (
	"slices"
	"strings"
	"time"
)

// Profile is what kind of server it is. The zero Profile announces almost nothing and is honest; Dovecot is what most
// tests begin with. Capabilities are data: what stands in After decides what the server understands and answers
// (UIDPLUS, LITERAL+, LITERAL-, MULTIAPPEND, CONDSTORE, UNSELECT, LIST-STATUS ...).
type Profile struct {
	// Before and After are the capabilities before and after sign-in. STARTTLS is added where it can be had.
	Before, After []string
	// Delimiter stands between the levels of a folder's name; empty: "/".
	Delimiter string
	// Prefix is that of the personal namespace, as "INBOX.".
	Prefix string
	// Deduplicate answers a message that is equal to one in the folder with OK and that one's UID, and stores nothing.
	Deduplicate bool
	// ForgetEvery answers every n-th message of a mailbox with OK and does not store it; zero: never.
	ForgetEvery int
	// LateBy stores the message of an APPEND that lost its connection only that much later; see also Held.
	LateBy time.Duration
	// Held stores such a message when Mailbox.Release is called, and not before.
	Held bool
	// SlowBy is the time between an APPEND's last octet and its storing, whatever becomes of the connection meanwhile.
	SlowBy time.Duration
	// Rewrite gives the octets that are stored in place of those that came; nil: the same.
	Rewrite func(octets []byte) []byte
	// Refuse gives the answer to a message that is not stored, from the status on, as "NO [LIMIT] too large"; empty: it
	// is stored. Of a MULTIAPPEND nothing is stored then.
	Refuse func(folder string, m Message) string
	// Authorize decides about AUTHENTICATE XOAUTH2, and of a session that lasts, with each command, whether its token is
	// still good; nil: there are no tokens.
	Authorize func(user, token string) Entry
	// Masters may open every mailbox, by AUTHENTICATE PLAIN with an authorization identity, with these passwords.
	Masters map[string]string
	// FoldCase makes one folder of names that differ in case only.
	FoldCase bool
	// Reserved are names of which no folder can be made.
	Reserved []string
	// Folders are there from the beginning, beside INBOX.
	Folders []string
	// Drops are names of folders that end the session of whoever opens them.
	Drops []string
	// NoKeywords keeps system flags only, and refuses others.
	NoKeywords bool
	// LoseFlagged forgets \Flagged where it comes with APPEND.
	LoseFlagged bool
	// NoEscapes ends a quoted string at its next quote, whatever stands before that.
	NoEscapes bool
	// MostErrors ends a session at this error answer; zero: never.
	MostErrors int
	// Budget is what all mailboxes together may send; nil: as much as they like.
	Budget *Budget
	// Crowd bounds how many may be there at once; nil: nothing does.
	Crowd *Crowd
	// BackOff is how many milliseconds a throttled client is asked to wait.
	BackOff int
}

// Dovecot is a server that can all that this package can.
func Dovecot() Profile {
	return Profile{
		Before: []string{"IMAP4rev1", "SASL-IR", "ID", "LITERAL+", "AUTH=PLAIN"},
		After: []string{"IMAP4rev1", "ID", "LITERAL+", "NAMESPACE", "UNSELECT", "UIDPLUS", "MULTIAPPEND", "CONDSTORE",
			"LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CREATE-SPECIAL-USE"},
	}
}

// Without gives the profile without capabilities, neither before nor after sign-in.
func (p Profile) Without(capabilities ...string) Profile {
	gone := func(c string) bool { return slices.Contains(capabilities, c) }
	p.Before = slices.DeleteFunc(slices.Clone(p.Before), gone)
	p.After = slices.DeleteFunc(slices.Clone(p.After), gone)
	return p
}

// With gives the profile with capabilities more, after sign-in.
func (p Profile) With(capabilities ...string) Profile {
	p.After = append(slices.Clone(p.After), capabilities...)
	return p
}

func (p Profile) delimiter() string {
	if p.Delimiter == "" {
		return "/"
	}
	return p.Delimiter
}

func has(capabilities []string, name string) bool {
	return slices.ContainsFunc(capabilities, func(c string) bool { return strings.EqualFold(c, name) })
}

// Kind is what goes wrong with an APPEND.
type Kind int

// The kinds of faults.
const (
	None Kind = iota
	// Swallow stores, and breaks the connection in place of the answer.
	Swallow
	// BreakBefore breaks the connection when the command has come whole, and stores nothing.
	BreakBefore
	// ByeInside says BYE in the middle of the first literal and closes; nothing is stored.
	ByeInside
	// Refuse answers NO and stores nothing.
	Refuse
	// Unavailable stores, and answers NO [UNAVAILABLE].
	Unavailable
	// Throttle asks to wait, stores nothing and ends the session.
	Throttle
	// Expire calls Faults.Expire in the middle of the first literal, and ends the session if its token is no good then.
	Expire
	// ExpireStored is Expire once the message is stored, in place of the answer.
	ExpireStored
)

// Faults are what goes wrong in a mailbox, by the number of the APPEND command since they were set, from 1 on.
type Faults struct {
	Append map[int]Kind
	// Reset breaks connections with a reset, which takes answers away that are still under way; otherwise they are
	// closed in order, and what was said before arrives.
	Reset bool
	// Expire makes the token of the session worthless.
	Expire func()
}

// Counts are what a mailbox was asked for.
type Counts struct {
	Connections int            // that signed in
	Commands    map[string]int // by verb, UID commands with their second word
	Appended    int            // messages that came whole
	Stored      int            // messages that an APPEND left in a folder
}
