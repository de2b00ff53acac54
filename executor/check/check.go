// Package check judges a migration: it reads both sides of a mailbox anew and holds them against each other, message by
// message. Its verdict rests on nothing but what the servers answer now.
//
// Start with Run. The caller says which source folders go to which destination folder (that is the plan's mapping) and
// how servers are reached; what differs comes out as Findings and a Result per mailbox.
//
// What is its own. No octet of a message, no list of messages and no digest comes through code that copies: the reader
// (conn.go, wire.go, folder.go), the digests (digest.go) and the matching (match.go) serve this package alone, and the
// ledger is never opened. The words of state/mail are shared. The mapping of folders is given, but every folder of the
// source is listed here once more, and one that the mapping does not know is a finding: what the copy overlooked, the
// check must not overlook too.
//
// Why a reader by hand. go-imap would have served, but one folder name with a bare "&", one keyword with a bracket or
// one odd response code costs it the connection (measured), and the mailboxes that hold such things are those that are
// worth checking. The reader is small, as it knows eight commands and only reads: EXAMINE and BODY.PEEK, no SELECT.
//
// Matching. In each destination folder messages are counted as multisets, since equal ones may be there several times
// and several source folders may go to one. They are paired in tiers, each message once:
//
//	octets and INTERNALDATE         equal
//	canonical form and INTERNALDATE equal: only line ends, trailing blank lines or trace headers were changed
//	the same without INTERNALDATE   differs: date
//	Message-ID, Date, From, To and  differs: octets
//	Subject, unfolded
//
// What is left is missing, or left out where the configuration says so, or at the destination extra (new mail arrives)
// or twice (it is equal to a message that has its pair already). A message that a server lists and does not hand over is
// unreadable: never equal and never silently skipped.
//
// Memory grows with the number of messages of one destination folder, by less than 100 octets a message; bodies are
// digested while they stream.
package check

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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

// What Finding.What can hold: of messages that differ, and why messages are left out.
const (
	Octets      = "octets" // the message is not what it was
	Length      = "size"   // compared by headers only: the same in another size
	Date        = "date"   // INTERNALDATE
	Flags       = "flags"
	TooLarge    = "over max_size"
	Deleted     = `marked \Deleted`
	Source      = "source"      // unreadable there
	Destination = "destination" // unreadable there
)

// Finding is one message that is not simply the same on both sides.
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
}

// Fails tells whether the finding is a loss, a duplicate or a doubt about either. Other dates and flags are told and do
// not fail: servers set the one and people the other.
func (f Finding) Fails() bool {
	switch f.Sign {
	case Missing, Twice, Unreadable:
		return true
	case Differs:
		return slices.Contains(f.What, Octets) || slices.Contains(f.What, Length)
	}
	return false
}

// Tally counts messages by what they came to.
type Tally struct {
	Source      int64 // read at the source
	Destination int64 // read at the destination
	Same        int64
	Rewritten   int64 // of Same: other line ends or trace headers
	Missing     int64
	Extra       int64
	Twice       int64
	Differs     int64
	Altered     int64 // of Differs: other octets or another size
	Unreadable  int64
	LeftOut     int64
	Bodies      int64 // of Source: compared whole
}

// Add gives the sum.
func (t Tally) Add(o Tally) Tally {
	return Tally{t.Source + o.Source, t.Destination + o.Destination, t.Same + o.Same, t.Rewritten + o.Rewritten,
		t.Missing + o.Missing, t.Extra + o.Extra, t.Twice + o.Twice, t.Differs + o.Differs, t.Altered + o.Altered,
		t.Unreadable + o.Unreadable, t.LeftOut + o.LeftOut, t.Bodies + o.Bodies}
}

// count files a finding.
func (t *Tally) count(f Finding) {
	switch f.Sign {
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
	case Differs:
		t.Differs++
		if f.Fails() {
			t.Altered++
		}
	}
}

// Fails tells whether something is lost, double or in doubt.
func (t Tally) Fails() bool { return t.Missing+t.Twice+t.Altered+t.Unreadable > 0 }

// Folder is what came of one destination folder, or of source folders that go nowhere.
type Folder struct {
	Source      []string
	Destination string // empty: the folder goes nowhere
	LeftOut     string // the rule by which it goes nowhere
	Problem     string // why it could not be compared; then nothing of it is counted as the same
	Absent      bool   // the destination has no such folder
	Tally       Tally
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

// Name is a folder: its exact octets on the wire, and how people read it.
type Name struct{ Raw, Path string }

// Pair is one destination folder with the source folders whose messages go there.
type Pair struct {
	Sources     []Name
	Destination Name // Raw empty: the destination has no such folder
}

// Aside is a source folder that goes nowhere.
type Aside struct {
	Name
	Rule  string // by which it is left out
	Fault string // instead of Rule: why it has no place; that is a loss
}

// Mailbox says what is compared with what.
type Mailbox struct {
	Name, Target        string // the addresses
	Source, Destination Server
	Pairs               []Pair
	Aside               []Aside
	// Others are the destination's folders that no source folder goes to, with their number of messages.
	Others  []Other
	MaxSize mail.Size // larger messages are left out; zero: none
	Shared  bool      // other mailboxes go to the same destination
}

// Other is a folder that only the destination has.
type Other struct {
	Path     string
	Messages int64
}

// Options say how thoroughly mailboxes are compared.
type Options struct {
	Headers bool // compare headers, dates and sizes; read no bodies
	Sample  int  // percent of the messages whose bodies are read; zero: all, or none with Headers
	// Parallel is how many mailboxes are compared at the same time; zero: one.
	Parallel int
	// Finding takes what is not the same, Done each Result; calls are never concurrent. An error of Finding ends all.
	Finding func(Finding) error
	Done    func(Result)
}

// partial tells whether bodies are read of some messages only, or none.
func (o Options) partial() bool { return o.Headers || o.Sample > 0 }

// Run compares the mailboxes. What goes wrong with one is in its Result and the others go on; the error is one of the
// context or of Options.Finding.
func Run(ctx context.Context, mailboxes []Mailbox, o Options) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, o.Parallel))
	for _, m := range mailboxes {
		g.Go(func() error {
			c := &comparison{Mailbox: m, options: o, mu: &mu}
			result, err := c.run(ctx)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if o.Done != nil {
				o.Done(result)
			}
			return nil
		})
	}
	return g.Wait()
}
