package state

import (
	"time"

	"mailhaul/state/mail"
)

// Selection is which messages a pass may copy, as bounds that hold in every folder.
type Selection struct {
	Older time.Time // INTERNALDATE before this; zero: no bound. A message without a date is never inside a bound
	Newer time.Time // INTERNALDATE at or after this; zero: no bound
	// MaxSize is the largest message to copy; zero: no limit.
	MaxSize mail.Size
	// First is how many rows of each folder FolderCount.First names; FirstNewest, that the newest come first. They bound
	// nothing else.
	First       int
	FirstNewest bool
}

// Query selects rows of one folder, a stretch at a time.
type Query struct {
	Folder FolderID
	// States are the states wanted. StateLeftOut counts as wanted only for rows that fit Selection.MaxSize again.
	States []State
	Selection
	Below mail.UID // only UIDs below this; zero: no bound
	// NoDestinationUID narrows to rows whose UID at the destination is not known.
	NoDestinationUID bool
	// NewestFirst orders by INTERNALDATE descending, then UID descending; otherwise by UID ascending.
	NewestFirst bool
	// After is the last row of the stretch before; nil: from the beginning.
	After *Message
	Limit int
}

// FolderCount is what the ledger knows of one folder: the memory that a plan is built from.
type FolderCount struct {
	Folder  Folder
	Pending Count // open or fitting again, inside the Selection and below the bound
	// TooLarge are open or left-out rows inside the dates but over MaxSize; TooLargeList names them, at most 1,000.
	TooLarge     Count
	TooLargeList []Message
	Doubt        Count // intents, unknown outcomes and copies being taken back, whatever the Selection
	Copied       Count // landed and adopted, ever
	Absent       Count // proven not to be there and not failed: to be tried again, whatever the Selection
	Failed       Count
	Ambiguous    Count // the part of Failed that only a person can send again
	Skipped      Count
	Gone         Count
	// LeftOut are rows in StateLeftOut, whatever the Selection.
	LeftOut Count
	// Later are open rows outside the Selection's dates: another pass brings them.
	Later Count
	// First are the doubts and the first Selection.First rows that are to be copied, for a pass that takes only a few.
	First []Message
	// Oldest and Newest bound INTERNALDATE over all rows of the folder; zero where there is none.
	Oldest, Newest time.Time
}

// FailedMessage is a failure with the names a person needs.
type FailedMessage struct {
	Failure
	Mailbox      string
	Destination  string // destination address
	SourceFolder string // normalised
	TargetFolder string // normalised
	Size         mail.Size
	InternalDate time.Time
	State        State
	Attempt      int
}

// FailedMailbox is a mailbox that stopped as a whole, with its name.
type FailedMailbox struct {
	MailboxPass
	Name        string
	Destination string
}
