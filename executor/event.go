package executor

import (
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// Event is what leaves the executor while it runs; nothing else does. The set is closed: the types of this file. The
// executor never formats a sentence; views do. Events are delivered one at a time, in order.
type Event interface{ event() }

// Stamp is on every event.
type Stamp struct {
	Time time.Time
	Run  string
	Pass string
}

func (Stamp) event() {}

// PassStarted opens a run.
type PassStarted struct {
	Stamp
	Kind      string
	Mailboxes int // that will be worked on
	Planned   state.Count
	// Closes is when the first of them is to stop because of its window, or because the time that the user gave is over
	// (Spent); zero: none is.
	Closes time.Time
	Spent  bool
}

// MailboxStarted says that a mailbox is at work.
type MailboxStarted struct {
	Stamp
	Mailbox, Destination, Transport string
	Planned                         state.Count
}

// Step is how a mailbox moves on, for live views: sums since its start, and where it is. It comes often; views that
// print a line an event leave it out.
type Step struct {
	Stamp
	Mailbox string
	Folder  string // normalised source path
	// FolderDone and FolderPlanned count messages of the folder in this run.
	FolderDone, FolderPlanned int64
	Copied                    state.Count // of the mailbox in this run
	// Moving is what has gone to the destination of large messages under way, none of which is in Copied. Read is how much of
	// a large message has been read from the source, and Reading its size; both are zero where none is read.
	Moving, Read, Reading mail.Size
}

// Waiting says that a mailbox (or, with an empty Mailbox, the whole run) waits for a reason.
type Waiting struct {
	Stamp
	Mailbox string
	Side    string // "source" or "destination"; empty: neither
	Code    mail.Code
	Kind    mail.Kind
	Text    string // the server's words, unescaped
	Wait    time.Duration
}

// ConnectionsLowered says that a server has refused a connection, and how many are used from now on.
type ConnectionsLowered struct {
	Stamp
	Endpoint string
	Mailbox  string // whose connections are meant; empty: those of all
	Most     int
	Text     string        // the server's words, unescaped
	Again    time.Duration // until one more is tried
}

// Progress is the whole run at this moment; it comes every ten seconds.
type Progress struct {
	Stamp
	Planned, Copied, Failed, LeftOut state.Count
	Mailboxes, MailboxesDone, AtWork int // Mailboxes as in PassStarted, MailboxesDone and AtWork are part of it
	Problems                         int // mailboxes and messages failed so far
}

// MessageLeftOut names a message that stays behind by policy.
type MessageLeftOut struct {
	Stamp
	Mailbox, Destination, Transport string
	Folder, DestinationFolder       string // normalised
	UID                             mail.UID
	MessageID                       string // always empty unless the configuration allows subjects
	Bytes                           mail.Size
	Code                            mail.Code
}

// MessageChanged names a message that arrived with other octets than the source's, because the configuration asks for it.
type MessageChanged struct {
	Stamp
	Mailbox, Destination, Transport string
	Folder, DestinationFolder       string // normalised
	UID                             mail.UID
	Bytes                           mail.Size         // at the source
	Changes                         state.Degradation // those to octets only
}

// MessageFailed names a message that could not be moved.
type MessageFailed struct {
	Stamp
	Mailbox, Destination, Transport string
	Folder, DestinationFolder       string // normalised
	UID                             mail.UID
	MessageID                       string // unescaped; empty where the message was not in hand, or has none
	Bytes                           mail.Size
	Code                            mail.Code
	Kind                            mail.Kind
	Text                            string // the server's words, unescaped
	Retry                           bool   // a retry pass will try it again
}

// MailboxDone ends a mailbox that came to its end, with or without failed messages.
type MailboxDone struct {
	Stamp
	Mailbox, Destination, Transport  string
	Planned, Copied, Failed, LeftOut state.Count
	// Adopted is the part of Copied that was at the destination already: recognised, not sent.
	Adopted      state.Count
	FlagsChanged int64
	// Amended counts the messages of Copied that arrived with other octets than the source's.
	Amended int64
	Elapsed time.Duration
}

// MailboxFailed ends a mailbox that stopped as a whole.
type MailboxFailed struct {
	Stamp
	Mailbox, Destination, Transport string
	Side                            string // "source" or "destination"
	Code                            mail.Code
	Kind                            mail.Kind
	Text                            string
	Retry                           bool
	Copied                          state.Count // before it stopped
}

// Interrupted says that the first interrupt came: messages in hand are finished, nothing new is begun.
type Interrupted struct{ Stamp }

// WindowClosed says that mailboxes are left until their window opens again: messages in hand are finished.
type WindowClosed struct {
	Stamp
	Window                   string
	Opens                    time.Time // zero: nobody knows
	Spent                    bool      // no window has closed: the time that the user gave is over
	Mailboxes, MailboxesDone int
}

// WindowOpened says that a window has opened that somebody waited for.
type WindowOpened struct {
	Stamp
	Window string
}

// PassDone ends a run.
type PassDone struct {
	Stamp
	Planned, Copied, Failed, LeftOut state.Count
	Adopted                          state.Count // the part of Copied that was there already
	Gone                             state.Count // no longer at the source when their turn came: none of the counts above
	Complete, Incomplete, Blocked    int         // mailboxes
	UpToDate                         int         // mailboxes in which nothing was to do: none of those above
	FlagsChanged                     int64
	Amended                          int64 // messages that arrived with other octets than the source's
	Elapsed                          time.Duration
	Interrupted                      bool
	Closed                           int // mailboxes that wait for their window to open again
}
