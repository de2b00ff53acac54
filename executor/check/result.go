package check

import (
	"slices"
	"time"

	"mailhaul/state/mail"
)

// Sign is what a message came to; the constant is the symbol that the user sees.
type Sign string

// The signs.
const (
	Same       Sign = "=" // on both sides
	Missing    Sign = "-" // at the source only
	Extra      Sign = "+" // at the destination only: new mail, as a rule
	Twice      Sign = "2" // at the destination more often than at the source
	Differs    Sign = "~" // on both sides, not quite equal
	Unreadable Sign = "!" // listed by a server that does not hand it over
	LeftOut    Sign = "." // at the source only, as the configuration says
)

// What Finding.What can hold: of messages that differ, and why messages are missing, left out or unreadable.
const (
	Octets      = "octets"                             // only the naming fields are equal: the message is not what it was
	Length      = "size"                               // compared by headers only: the same in another size
	Form        = "line ends or trace headers"         // and nothing beside these
	Rendering   = "MIME made anew, parts equal"        // the naming fields and all decoded parts are equal
	MessageID   = "Message-ID"                         // all parts and the other naming fields are equal
	Signature   = "signed part"                        // its octets, which the signature vouches for
	Date        = "date"                               // INTERNALDATE
	Flags       = "flags"                              //
	Folded      = "equal to another message that came" // why one is missing, it may be: some servers keep one of equal ones
	TooLarge    = "over max_size"                      //
	Deleted     = `marked \Deleted`                    //
	Source      = "source"                             // unreadable there
	Destination = "destination"                        // unreadable there
)

// What Finding.By can hold: what made two messages a pair.
const (
	ByOctets    = "octets"
	ByCanonical = "canonical"
	ByParts     = "parts"
	ByHeaders   = "headers"
)

// Finding is one message and what it came to.
type Finding struct {
	Mailbox     string
	Sign        Sign
	Source      string // folder; empty for what only the destination has
	Destination string // folder
	SourceUID   mail.UID
	UID         mail.UID // at the destination
	Date        time.Time
	Size        mail.Size
	What        []string
	By          string // what both have in common; empty where there is no pair
}

// Fails tells whether the finding is a loss, a duplicate or a doubt about either. Other dates, flags and forms are told
// and do not fail: servers set the ones, people the others, and the content is there.
func (f Finding) Fails() bool {
	switch f.Sign {
	case Missing, Twice, Unreadable:
		return true
	case Differs:
		return slices.Contains(f.What, Octets) || slices.Contains(f.What, Length)
	}
	return false
}

// Tally counts messages by what they came to. Each message that was read at the source is one of Same, Missing, Differs,
// LeftOut or Unreadable; each at the destination one of Same, Differs, Extra, Twice or Unreadable.
type Tally struct {
	Source      int64 // read at the source
	Destination int64 // read at the destination
	Same        int64
	Rewritten   int64 // of Same: in another form, as this destination does
	Missing     int64
	Extra       int64
	Twice       int64
	Differs     int64
	Altered     int64 // of Differs: other octets or another size
	Reformed    int64 // of Differs and not Altered: in another form, which this destination should not do
	Unreadable  int64
	LeftOut     int64
	Deleted     int64 // of LeftOut: marked as deleted
	Bodies      int64 // of Source: compared whole
}

// Add gives the sum.
func (t Tally) Add(o Tally) Tally {
	return Tally{t.Source + o.Source, t.Destination + o.Destination, t.Same + o.Same, t.Rewritten + o.Rewritten,
		t.Missing + o.Missing, t.Extra + o.Extra, t.Twice + o.Twice, t.Differs + o.Differs, t.Altered + o.Altered,
		t.Reformed + o.Reformed, t.Unreadable + o.Unreadable, t.LeftOut + o.LeftOut, t.Deleted + o.Deleted, t.Bodies + o.Bodies}
}

// count files a finding.
func (t *Tally) count(f Finding) {
	reformed := f.By == ByCanonical || f.By == ByParts
	switch f.Sign {
	case Same:
		t.Same++
		if reformed {
			t.Rewritten++
		}
	case Missing:
		t.Missing++
	case Extra:
		t.Extra++
	case Twice:
		t.Twice++
	case Unreadable:
		t.Unreadable++
	case LeftOut:
		t.LeftOut++
		if slices.Contains(f.What, Deleted) {
			t.Deleted++
		}
	case Differs:
		t.Differs++
		switch {
		case f.Fails():
			t.Altered++
		case slices.ContainsFunc(f.What, func(w string) bool { return w != Date && w != Flags }):
			t.Reformed++
		}
	}
}

// Fails tells whether something is lost, double or in doubt.
func (t Tally) Fails() bool { return t.Missing+t.Twice+t.Altered+t.Unreadable > 0 }

// Folder is what came of one destination folder, or of folders that only one side has.
type Folder struct {
	Source      []string
	Destination string // empty: the folder goes nowhere
	LeftOut     string // the rule by which it goes nowhere
	Problem     string // why it could not be compared; then nothing of it is counted as the same
	Absent      bool   // the destination has no such folder
	// Unlisted are messages that the server counts in the folder and that were not looked at one by one: those of a
	// folder that is left out, or that only the destination has. The Tally counts the latter as extra.
	Unlisted int64
	Tally    Tally
}

// Fails tells whether the folder was not compared, or not found whole.
func (f Folder) Fails() bool { return f.Problem != "" || f.Tally.Fails() }

// Result is what came of one mailbox.
type Result struct {
	Mailbox, Destination string
	Folders              []Folder
	Tally                Tally // of all Folders
	// Side and Err say why the mailbox could not be compared, or not to its end.
	Side string
	Err  error
	// Shared: other mailboxes go to the same destination; their mail is then counted as extra, equal copies too.
	Shared  bool
	Started time.Time
	Ended   time.Time
}

// Fails tells whether anything is lost, double, or not known.
func (r Result) Fails() bool {
	return r.Err != nil || slices.ContainsFunc(r.Folders, Folder.Fails)
}
