// Package plan decides what is left to do: Build takes the configuration, an inventory of both sides and the ledger's
// memory and returns a Plan, plain data that can be shown, saved and carried out. It does no I/O and reads no clock:
// the same input gives the same bytes.
//
// A plan promises: what apply does is wholly in it. It binds the settings, the folders and the UIDNEXT of each, so mail
// that arrives later waits for the next plan. It holds addresses and folder names, never a secret, a subject or a body.
package plan

import (
	"time"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// FormatVersion is the format of the plan file that this package writes and reads.
const FormatVersion = 1

// NeverMoved is the sentence about what stays behind whatever the configuration says.
const NeverMoved = "Not moved: contacts, calendars, tasks, rules, archive mailboxes, public folders."

// Action is what the plan says of a mailbox; the constant is the symbol the user sees.
type Action string

// The actions. There is no "-": a pass never deletes.
const (
	Start    Action = "+" // nothing copied yet
	Continue Action = "~" // some copied earlier, more to do
	UpToDate Action = "=" // nothing to do
	Blocked  Action = "!" // can't be done until somebody mends something
	Skipped  Action = "." // skipped on request
)

// Plan is what one pass would do.
type Plan struct {
	Format  int       `json:"format"`  // of the plan file; FormatVersion
	Version string    `json:"version"` // mailhaul's, that made it
	Made    time.Time `json:"made"`
	// Config, Lineage and Serial are what the plan was made from; a plan file is refused when they have changed.
	Config  string `json:"config"`
	Lineage string `json:"lineage"`
	Serial  int64  `json:"serial"`
	// Basis is what Config sums, so that a refusal can name what has changed. Only a plan that is saved has it, not the
	// files of earlier releases.
	Basis *config.Basis `json:"-"`
	// Project and Users name the files for the first line: "mailhaul.hcl", "users.csv".
	Files   []string `json:"files"`
	State   string   `json:"state"`   // the state file's base name
	Runs    int      `json:"runs"`    // earlier runs in the state
	Offline bool     `json:"offline"` // made from the state alone

	Pass Pass  `json:"pass"`
	When *When `json:"when,omitempty"` // it may run; nil: at any time
	// Only are the mailboxes that a saved plan was asked for, where that was not all of them: it is their outcome that counts.
	Only      []string  `json:"only,omitempty"`
	Mailboxes []Mailbox `json:"mailboxes"` // in the order of the configuration
	Warnings  []Note    `json:"warnings,omitempty"`
	Errors    []Note    `json:"errors,omitempty"` // a plan with errors can be shown but not applied
	Total     Total     `json:"total"`
	Estimate  *Estimate `json:"estimate,omitempty"` // nil: nothing tells how long the work takes
	// NeverMoved is the sentence about contacts, calendars and so on.
	NeverMoved string `json:"never_moved"`
}

// Pass is the pass with its bounds resolved.
type Pass struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Order string `json:"order,omitempty"`
	// Why says why this pass runs, where the user named none.
	Why string `json:"why,omitempty"`
	// OlderWritten and NewerWritten are as in the file; Older and Newer the instants they were frozen to.
	OlderWritten string     `json:"older_written,omitempty"`
	NewerWritten string     `json:"newer_written,omitempty"`
	Older        *time.Time `json:"older,omitempty"`
	Newer        *time.Time `json:"newer,omitempty"`
	Attempts     int        `json:"attempts,omitempty"` // retry
	// PerFolder and MaxBytes bound a trial: messages of each folder, and octets of each mailbox in all.
	PerFolder int       `json:"per_folder,omitempty"`
	MaxBytes  mail.Size `json:"max_bytes,omitempty"`
	// ResendAmbiguous says that a person wants messages sent again of which it can't be told whether they arrived.
	ResendAmbiguous bool `json:"resend_ambiguous,omitempty"`
	// WaitSeconds is how long a retry waits between its rounds.
	WaitSeconds int64 `json:"wait_seconds,omitempty"`
}

// Settings are the message settings of one mailbox as they were when the plan was approved.
type Settings struct {
	MaxSize  mail.Size `json:"max_size"` // zero: no limit
	TooLarge string    `json:"too_large"`
	Keywords string    `json:"keywords"`
	Existing string    `json:"existing"`
	Receipts string    `json:"receipts"` // "keep" or "disarm"
	Repair   bool      `json:"repair,omitempty"`
}

// Mailbox is one line of the plan.
type Mailbox struct {
	Action              Action   `json:"action"`
	Name                string   `json:"name"` // source address
	Destination         string   `json:"destination"`
	SourceEndpoint      string   `json:"source_endpoint"` // "endpoint.imap.old"
	DestinationEndpoint string   `json:"destination_endpoint"`
	Wave                string   `json:"wave,omitempty"`
	Via                 string   `json:"via"` // transport: "imap"
	Settings            Settings `json:"settings"`
	Folders             []Folder `json:"folders,omitempty"` // sorted by Source path; excluded ones too
	// Todo, Done, LeftOut, Deleted, Failed and FlagChanges sum the folders.
	Todo        state.Count `json:"todo"`
	Done        state.Count `json:"done"` // copied earlier
	LeftOut     state.Count `json:"left_out"`
	Deleted     state.Count `json:"deleted,omitzero"`
	Failed      state.Count `json:"failed"` // failed earlier; a retry brings them
	FlagChanges int64       `json:"flag_changes,omitempty"`
	// Note is what is unusual, for the last column; empty where nothing is.
	Note string `json:"note,omitempty"`
	// Resume is set by a retry where the mailbox stopped as a whole: the pass it stopped in, carried out too.
	Resume *Pass `json:"resume,omitempty"`
	// FormerDestination is set where the mailbox went to another one before: all of it is copied anew.
	FormerDestination string `json:"former_destination,omitempty"`
	// Predecessors are mailboxes that the configuration no longer has and that had the same destination: a person's mail
	// under an earlier source address, say. What they copied counts as copied for this one where it has an equal message.
	Predecessors []Predecessor `json:"predecessors,omitempty"`
	// Problem says why the mailbox is Blocked.
	Problem *Problem `json:"problem,omitempty"`
}

// Predecessor names a mailbox of the state file.
type Predecessor struct {
	Name           string `json:"name"` // source address
	SourceEndpoint string `json:"source_endpoint"`
}

// Problem is why a mailbox can't go on.
type Problem struct {
	Side string    `json:"side"` // "source", "destination" or "plan"
	Code mail.Code `json:"code"`
	Kind string    `json:"kind"`
	Text string    `json:"text"` // the server's words or a sentence
}

// Folder is one folder pair of the plan.
type Folder struct {
	// Source is the exact octets of the source's name. It may hold any octet, so JSON carries it in base64.
	Source []byte    `json:"source"`
	Path   string    `json:"path"` // the same, normalised
	Role   mail.Role `json:"role,omitempty"`
	// Excluded folders are listed with their Reason and not copied.
	Excluded bool   `json:"excluded,omitempty"`
	NoSelect bool   `json:"no_select,omitempty"` // holds no messages; created if rules say so
	Target   string `json:"target,omitempty"`    // destination path, normalised
	// TargetPath is Target as decoded levels, which a level with "/" needs.
	TargetPath []string `json:"target_path,omitempty"`
	Exists     bool     `json:"exists"` // the destination has it already
	// Reason is the rule that decided, as in the file: `rename "^INBOX/"`, `special: Sent`, `as it is`.
	Reason string `json:"reason"`
	// Surprise marks a mapping that a person should look at: a merge, a name the destination can't hold.
	Surprise string `json:"surprise,omitempty"`

	UIDValidity mail.UIDValidity `json:"uid_validity"`
	UIDNext     mail.UID         `json:"uid_next"` // only UIDs below it are this plan's; zero: no bound
	// UIDs are the messages that a trial takes, ascending; the other passes take all that their bounds hold.
	UIDs []mail.UID `json:"uids,omitempty"`

	Todo    state.Count `json:"todo"`
	Done    state.Count `json:"done"`
	LeftOut state.Count `json:"left_out"` // over the size limit
	// Deleted are messages that are marked \Deleted at the source, whatever the pass's bounds: they stay behind too.
	Deleted     state.Count `json:"deleted,omitzero"`
	Failed      state.Count `json:"failed"`
	FlagChanges int64       `json:"flag_changes,omitempty"`
	// Problem is why nothing of the folder is copied in this run although the mailbox goes on: it could not be listed.
	Problem *Problem `json:"problem,omitempty"`
	// TooLarge names the messages over the size limit, at most 1,000.
	TooLarge []LeftOut `json:"too_large,omitempty"`
}

// LeftOut is a message that stays behind because of its size.
type LeftOut struct {
	UID  mail.UID  `json:"uid"`
	Size mail.Size `json:"size"`
	Date time.Time `json:"date"`
}

// Note is a warning or an error of the plan, about a mailbox or the whole.
type Note struct {
	Mailbox string `json:"mailbox,omitempty"`
	Code    string `json:"code,omitempty"`
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"` // what to write to mend it
}

// Total sums the plan. Todo and FlagChanges leave out blocked mailboxes: they are what this run would do. LeftOut, Deleted
// and Failed sum every mailbox.
type Total struct {
	Start       int         `json:"start"`
	Continue    int         `json:"continue"`
	UpToDate    int         `json:"up_to_date"`
	Blocked     int         `json:"blocked"`
	Skipped     int         `json:"skipped"`
	Todo        state.Count `json:"todo"`
	LeftOut     state.Count `json:"left_out"`
	Deleted     state.Count `json:"deleted,omitzero"`
	Failed      state.Count `json:"failed"`
	FlagChanges int64       `json:"flag_changes,omitempty"`
	Folders     int         `json:"folders"`   // folders that hold messages and are not excluded
	Surprises   int         `json:"surprises"` // those of them that have a Surprise
}

// Empty tells whether there is nothing to do: no message, no flag, and nothing blocked.
func (p *Plan) Empty() bool {
	t := p.Total
	return t.Start == 0 && t.Continue == 0 && t.Blocked == 0
}

// Inventory is what both sides said of one mailbox: the plan's input, gathered by the executor.
type Inventory struct {
	Mailbox     string // source address
	Source      []mail.Folder
	Destination []mail.Folder
	Limits      mail.Limits // of the destination
	// FlagChanges counts, per source folder (Raw), the copied messages whose flags changed since.
	FlagChanges map[string]int64
	// Unlisted are source folders (Raw) that could not be listed although the others could.
	Unlisted map[string]Problem
	// Vanished are folders that the source no longer has although not all of their mail was copied.
	Vanished []Vanished
	// FormerDestination is where the mailbox went before, if its mail is not found at the new place and so is to be copied
	// anew; empty: nothing has changed.
	FormerDestination string
	// Estranged tells that the destination has none of the folders any more that were written to.
	Estranged bool
	// Problem is why one side could not be asked; the folders are then missing. Also is why the destination could not
	// either, where the source is the Problem.
	Problem *Problem
	Also    *Problem
}

// Vanished is a source folder that is gone, and how many of its messages never arrived.
type Vanished struct {
	Path string
	Lost int64
}
