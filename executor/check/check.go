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
// Destinations that have no IMAP are read over HTTPS (items.go, ewsread.go, graphread.go): by FindItem and GetItem with MIME,
// or by messages and $value. Even the requests' plumbing is this package's own (https.go): it is short, and so no fault of
// the transports that write can hide in what judges them. Such a message has no UID; findings name none.
//
// Matching. In each destination folder messages are counted as multisets, since equal ones may be there several times
// and several source folders may go to one. They are paired in tiers, each message once:
//
//	octets                           equal
//	canonical form                   line ends, trailing blank lines or trace headers were changed
//	decoded parts, and Message-ID,   MIME was made anew around the same content: other boundaries, encodings,
//	Date, From, To and Subject       charsets, folding, order of fields
//	the naming fields alone          differs: octets
//	decoded parts, the naming        differs: Message-ID
//	fields but Message-ID, and
//	INTERNALDATE
//
// Within a tier equal INTERNALDATEs go before others, which are told. What the second and the third tier find is the same
// where the destination is known to render mail anew (Mailbox.Rewrites); elsewhere it differs, is told and is no loss.
//
// What is left is missing, or left out where the configuration says so, or at the destination extra (new mail arrives)
// or twice (it is equal to a message that has its pair already). A message that a server lists and does not hand over is
// unreadable: never equal and never silently skipped.
//
// Memory grows with the number of messages of one destination folder, by 76 octets each (table.go), and over HTTPS by
// their names, of some hundred; bodies are digested while they stream.
package check

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"mailhaul/state/mail"
)

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
	Rule     string // by which it is left out
	Fault    string // instead of Rule: why it has no place; that is a loss
	Messages int64  // that it has
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
	// Rewrites: the destination keeps what a message says and not its octets. Another form is no difference then.
	Rewrites bool
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
	// Enter waits until there is room for a mailbox at its servers; leave gives it back. Nil: there is at once.
	Enter func(ctx context.Context, mailbox string) (leave func(), err error)
	// Finding takes what is not the same, and with Same every message; Done takes each Result. Calls are never
	// concurrent. An error of Finding ends all.
	Finding func(Finding) error
	Same    bool
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
			if o.Enter != nil {
				leave, err := o.Enter(ctx, m.Name)
				if err != nil {
					return err
				}
				defer leave()
			}
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
