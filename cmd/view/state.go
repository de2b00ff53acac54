package view

import (
	"time"

	"mailhaul/state"
)

// StateRow is one mailbox of the ledger.
type StateRow struct {
	Mailbox state.Mailbox
	Passes  []state.MailboxPass
	Copied  state.Count
	Failed  state.Count
}

// StateList writes the mailboxes of the ledger.
func StateList(o Output, rows []StateRow, loc *time.Location) error { return o.put("") }

// StateInfo is the state file as a whole.
type StateInfo struct {
	Path      string
	Format    int
	Lineage   string
	Serial    int64
	Mailboxes int
	Runs      []state.Run // oldest first
	Passes    []state.Pass
	Lock      *Holder // nil: nobody
}

// StateShow writes what the state file is.
func StateShow(o Output, s StateInfo, now time.Time) error { return o.put("") }

// StateMailbox writes what the ledger knows of one mailbox.
func StateMailbox(o Output, row StateRow, folders []state.FolderCount, loc *time.Location) error {
	return o.put("")
}
