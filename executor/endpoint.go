package executor

import (
	"context"
	"iter"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// Reader is what both sides of a copy offer: one signed-in session of one mailbox. Its errors are *mail.Error.
//
// A Reader is used by one goroutine at a time. After an error of kind Transient, Throttled or Auth the session is dead:
// every later call fails, and Close must still be called. Nothing is retried inside; Retrying adds that.
type Reader interface {
	// Folders lists every folder with its status. The list is complete, or there is an error.
	Folders(ctx context.Context) ([]mail.Folder, error)
	// List yields the folder's messages without bodies, UIDs ascending. The listing is complete only if it ends without
	// an error. A UIDVALIDITY other than f.Status.UIDValidity (unless that is zero) is an error of kind Stale before the
	// first message.
	List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error]
	// Fetch asks for the bodies of the UIDs (ascending) and hands what comes to the sink, in the server's order. A UID
	// that gets no Message call was not answered: silence proves nothing (see Exists). An error of the sink ends Fetch
	// and comes back as it is. UIDVALIDITY as for List.
	Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error
	// Exists asks the server, independently of Fetch, which of the UIDs are there (UID SEARCH UID).
	Exists(ctx context.Context, f mail.Folder, uids []mail.UID) ([]mail.UID, error)
	// Close signs out and releases the connection. It may be called twice.
	Close() error
}

// Source is a mailbox that is read and never changed: an implementation has no way to send STORE, EXPUNGE, DELETE,
// RENAME, CREATE or APPEND, opens folders with EXAMINE and reads bodies with BODY.PEEK.
type Source interface {
	Reader
}

// Destination is a mailbox that mail is written to. Nothing in it deletes.
type Destination interface {
	Reader
	// Limits are facts of this mailbox, known once signed in.
	Limits(ctx context.Context) (mail.Limits, error)
	// Create makes the folder and the levels above it, and gives it as it is listed then. A folder that is there already
	// is no error. Role is a wish that the server may ignore (RFC 6154, CREATE-SPECIAL-USE).
	Create(ctx context.Context, path mail.Path, role mail.Role) (mail.Folder, error)
	// Open tells the folder's counters and which flags it can keep. It must be called before Append: its UIDNEXT is the
	// U0 of the attempts that follow.
	Open(ctx context.Context, f mail.Folder) (mail.Opened, error)
	// Append sends the messages, pipelined, and returns when every octet has been handed to the connection or the
	// connection is lost; bodies are not touched afterwards. A command for several messages may stay open for those of the
	// next call: where none follows at once, Flush ends it. done is called exactly once for each message, perhaps from
	// another goroutine, at the latest when Drain or Close returns. done must not call the Destination.
	// The error says that the session is dead; the messages' own fates come through done only.
	Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error
	// Flush ends what Append has left open. Its error says that the session is dead.
	Flush(ctx context.Context) error
	// Drain flushes and waits until done has been called for everything appended.
	Drain(ctx context.Context) error
	// SetFlags sets the flags of messages that mailhaul wrote.
	SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error
}

// Eraser is the session of an undo at a destination: the only one that can remove anything. A server that can't remove
// exactly what is named has none.
type Eraser interface {
	Reader
	// Limits, Open and SetFlags are as for a Destination.
	Limits(ctx context.Context) (mail.Limits, error)
	Open(ctx context.Context, f mail.Folder) (mail.Opened, error)
	SetFlags(ctx context.Context, f mail.Folder, changes []mail.FlagChange) error
	// Erase removes exactly the messages of these UIDs; those that are gone already do no harm. The folder's UIDVALIDITY
	// must be given, and hold. After an error each of them is gone, or there and perhaps marked \Deleted.
	Erase(ctx context.Context, f mail.Folder, uids []mail.UID) error
	// RemoveFolder removes a folder without messages; false: it holds some and stays. It must have none below.
	RemoveFolder(ctx context.Context, f mail.Folder) (bool, error)
}

// UndoEndpoints opens the sessions of an undo, as Endpoints does those of a run. Nothing else is given an Eraser.
type UndoEndpoints interface {
	Source(ctx context.Context, mailbox string) (Source, error)
	Eraser(ctx context.Context, mailbox string) (Eraser, error)
}

// Endpoints opens sessions; the one place that knows configuration and passwords implements it. It is safe for use by
// several goroutines. Each session counts against the endpoint's connections until it is closed; Open blocks while there
// is none free. Limits is told of each session by Opened and Refused: they let a mailbox begin when there is room for it.
type Endpoints interface {
	Source(ctx context.Context, mailbox string) (Source, error)
	Destination(ctx context.Context, mailbox string) (Destination, error)
	// Further opens one more session on each side of a mailbox that has one on each, if both endpoints have a connection
	// to spare that no other mailbox waits for; it does not wait for one. False: there is none, or a server refused it.
	Further(ctx context.Context, mailbox string) (Source, Destination, bool)
}

// Ledger is what the executor asks of the state file. Every method that writes returns only when the change is on
// stable storage; writes of several goroutines share a transaction, and are carried out in the order they were asked
// for by one goroutine. Safe for use by several goroutines. An error means that the state can't be trusted to be
// written: kind Internal, everything stops before the next octet of mail leaves.
type Ledger interface {
	// PutMailbox finds the mailbox by Name and SourceEndpoint or adds it, and updates the rest; it gives the row with ID.
	PutMailbox(ctx context.Context, m state.Mailbox) (state.Mailbox, error)
	// FindMailbox gives the mailbox of that Name and SourceEndpoint, if the ledger knows it.
	FindMailbox(ctx context.Context, name, sourceEndpoint string) (state.Mailbox, bool, error)
	// Folders lists the folder pairs of a mailbox, those of earlier UIDVALIDITYs too.
	Folders(ctx context.Context, m state.MailboxID) ([]state.Folder, error)
	// PutFolder adds (ID zero) or updates a folder pair and gives it with its ID.
	PutFolder(ctx context.Context, f state.Folder) (state.Folder, error)
	// See adds rows of a listing; rows that exist keep their state.
	See(ctx context.Context, rows []state.Message) error
	// Select gives rows of one folder, at most q.Limit of them.
	Select(ctx context.Context, q state.Query) ([]state.Message, error)
	// Rows gives the rows of the UIDs that exist.
	Rows(ctx context.Context, f state.FolderID, uids []mail.UID) ([]state.Message, error)
	// Claimed tells which destination UIDs of a folder pair's destination are claimed by a row, as U0 to the end. All
	// folder pairs that share the destination folder count.
	Claimed(ctx context.Context, m state.MailboxID, destination string, v mail.UIDValidity, from mail.UID) ([]state.Claim, error)
	// Sharing lists the folder pairs that share a destination folder of the mailbox, those of other mailboxes with the
	// same destination too.
	Sharing(ctx context.Context, m state.MailboxID, destination string) ([]state.Folder, error)
	// Put replaces rows whole and records or clears their failures, in one transaction.
	Put(ctx context.Context, rows []state.Message, failures []state.Failure) error
	// Count gives a folder's counts; below bounds Pending, TooLarge and Later to UIDs under it (zero: no bound).
	Count(ctx context.Context, f state.FolderID, sel state.Selection, below mail.UID) (state.FolderCount, error)
	// Pace gives what was learnt of how much a server takes, the zero Pace where nothing was; PutPace keeps it.
	Pace(ctx context.Context, scope string, of state.Measure) (state.Pace, error)
	PutPace(ctx context.Context, p state.Pace) error
	// PutMailboxPass records how a mailbox fares in a pass.
	PutMailboxPass(ctx context.Context, p state.MailboxPass) error
	// PutCreated records destination folders that were made, Created lists those of a mailbox, DropCreated forgets one.
	PutCreated(ctx context.Context, folders ...state.CreatedFolder) error
	Created(ctx context.Context, m state.MailboxID) ([]state.CreatedFolder, error)
	DropCreated(ctx context.Context, m state.MailboxID, path string) error
	// MailboxPasses lists how every mailbox fares in every pass it ran in.
	MailboxPasses(ctx context.Context) ([]state.MailboxPass, error)
}
