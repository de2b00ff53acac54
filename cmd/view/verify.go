package view

import (
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// VerifyRow is what verify found for one mailbox.
type VerifyRow struct {
	Mailbox     string      `json:"mailbox"`
	Destination string      `json:"destination"`
	Source      VerifySide  `json:"source"`
	Target      VerifySide  `json:"target"`
	Folders     int         `json:"folders"`
	Messages    state.Count `json:"messages"` // at the source, where it was counted
	QuotaKnown  bool        `json:"quota_known"`
	QuotaLeft   mail.Size   `json:"quota_left"`
	Notes       []string    `json:"notes,omitempty"` // sentences worth reading, surprises of the folder mapping among them
	Skipped     string      `json:"skipped,omitempty"`
}

// VerifySide is one side of a mailbox.
type VerifySide struct {
	Asked   bool          `json:"asked"`             // false with --source-only, --destination-only, or when the other side failed first
	SignIn  string        `json:"sign_in,omitempty"` // the sign-in method
	Problem *plan.Problem `json:"problem,omitempty"`
}

// Verify writes one line a mailbox, and below it what is wrong and how to mend it.
func Verify(o Output, rows []VerifyRow) error { return o.put("") }

// Folders writes where each folder of a mailbox goes, and which rule says so.
func Folders(o Output, m plan.Mailbox) error { return o.put("") }
