package state

import (
	"time"

	"mailhaul/state/mail"
)

// MailboxID is the ledger's own number of a mailbox; it survives renames.
type MailboxID int64

// FolderID is the ledger's own number of a folder pair under one UIDVALIDITY of the source.
type FolderID int64

// Mailbox is a mailbox that mailhaul has ever worked with. Its identity is Name together with SourceEndpoint; a
// changed destination is an update.
type Mailbox struct {
	ID                  MailboxID
	Name                string // the source address
	SourceEndpoint      string // "endpoint.imap.old"
	Destination         string // the destination address
	DestinationEndpoint string
	Wave                string
}

// Folder is a folder pair: a source folder under one UIDVALIDITY, and where its mail goes. A changed UIDVALIDITY at
// the source makes a new Folder with the same Source name.
type Folder struct {
	ID      FolderID
	Mailbox MailboxID

	Source string // exact octets of the name on the wire
	Path   string // the same, normalised, for people
	// SourceStatus is the source's counters as they were before the last listing that ended whole.
	SourceStatus mail.Status
	// Listed is the first UID that no listing has covered: every message below it has its row. Later listings start here.
	Listed mail.UID
	// FlagsModSeq is the source's MODSEQ up to which changed flags have been carried over; zero: no CONDSTORE.
	FlagsModSeq uint64
	// Complete tells whether the listing of SourceStatus ended whole.
	Complete bool
	// Current is false for a UIDVALIDITY that the source has left behind.
	Current bool

	Destination string // exact octets of the destination's name; empty: not yet created
	Target      string // the same, normalised
	// DestinationValidity is the destination folder's UIDVALIDITY that the rows' UIDs belong to; zero: nothing written.
	DestinationValidity mail.UIDValidity
	// Adopted tells that mail found at the destination has been matched under DestinationValidity.
	Adopted bool
}

// State is where a message stands. The numbers are the file format.
type State uint8

// The states of a message. Those below StateLanded are open: work is left or doubt is open.
const (
	StateSeen    State = 0 // listed, nothing done yet
	StateAbsent  State = 1 // an attempt is proven to have left nothing: may be tried again
	StateIntent  State = 2 // an attempt is in hand; after a crash its outcome is unknown
	StateUnknown State = 3 // an attempt's answer was lost; to be settled
	StateUndoing State = 4 // its copy is being taken back; after a crash it is there or not, under its DestinationUID

	StateLanded  State = 10 // copied, the server said OK, or found where it was sent
	StateAdopted State = 11 // was at the destination already
	StateSkipped State = 12 // left by policy: marked \Deleted at the source
	StateGone    State = 13 // vanished at the source before it was copied, proven by a second look
	StateLeftOut State = 14 // over the size limit; pending again if the limit rises above its size

	StateRefused   State = 20 // the destination refused it for good
	StateAmbiguous State = 21 // it can't be told whether it arrived; only a person can say "send again"
	StateDamaged   State = 22 // the source does not hand it over whole
)

// Open tells whether work or doubt is left.
func (s State) Open() bool { return s < StateLanded }

// Doubt tells whether it is not known if the message is at the destination.
func (s State) Doubt() bool { return s == StateIntent || s == StateUnknown || s == StateUndoing }

// Copied tells whether the message is at the destination.
func (s State) Copied() bool { return s == StateLanded || s == StateAdopted }

// Failed tells whether the message counts as failed.
func (s State) Failed() bool { return s >= StateRefused }

// Message is the ledger's row of one source message, named by Folder and UID.
type Message struct {
	Folder FolderID
	UID    mail.UID
	Size   mail.Size // RFC822.SIZE when listed, the literal's octets once fetched
	// InternalDate is to the second, in the zone the source gave; the zero Time where the source gave none.
	InternalDate time.Time
	// Flags are the source's flags as last listed or, once copied, as last carried over.
	Flags mail.Flags

	State   State
	Attempt int // how many attempts have been begun
	// H0 is the digest of the source's exact octets, zero until fetched once. H1 is that of the octets that were sent, where
	// they are others (Degraded says why); zero: the same.
	H0, H1 mail.Digest

	DestinationUID mail.UID // zero: not known
	// U0 and V0 are UIDNEXT and UIDVALIDITY of the destination folder as observed before the attempt's intent.
	U0 mail.UID
	V0 mail.UIDValidity
	// Degraded are the attributes that could not be kept, and what was changed of the octets.
	Degraded Degradation
}

// CreatedFolder is a folder of a destination that mailhaul made.
type CreatedFolder struct {
	Mailbox MailboxID
	Path    string // normalised
	// UIDValidity is the folder's own, so that one which a user made anew is not taken for it; zero: not known.
	UIDValidity mail.UIDValidity
}

// Claim is a message of a destination folder that a row claims.
type Claim struct {
	UID mail.UID
	// InternalDate is the one the message was sent with.
	InternalDate time.Time
}

// Degradation is a set of attributes that a copy lost, recorded instead of losing the message, and of changes to its
// octets that the configuration asks for. The bits are the file format.
type Degradation uint8

// The degradations.
const (
	LostKeywords     Degradation = 1 << iota // keywords that the destination can't hold
	LostDate                                 // INTERNALDATE missing or unreadable at the source
	LostFlags                                // system flags that the destination can't hold
	DisarmedReceipts                         // the request for a read receipt has another name
	DroppedNULs                              // octets zero are left out
	WrappedLines                             // lines that are too long are written another way
	MendedLineEnds                           // CR stands before each LF, and an empty line behind the header

	// Amended are the changes to octets.
	Amended = DisarmedReceipts | DroppedNULs | WrappedLines | MendedLineEnds
)

// Changes names the changes to octets, for people and programs; empty: the octets are the source's.
func (d Degradation) Changes() []string {
	var names []string
	for _, one := range []struct {
		bit  Degradation
		name string
	}{{DisarmedReceipts, "receipt disarmed"}, {DroppedNULs, "NUL octets dropped"}, {WrappedLines, "long lines wrapped"},
		{MendedLineEnds, "line ends mended"}} {
		if d&one.bit != 0 {
			names = append(names, one.name)
		}
	}
	return names
}

// Failure is why a message is refused, damaged, ambiguous or unknown. A row that becomes Copied, Gone or Skipped loses
// its failure.
type Failure struct {
	Folder FolderID
	UID    mail.UID
	Code   mail.Code
	Kind   mail.Kind
	Text   string // the server's own words, unescaped
	Time   time.Time
	Run    string
}

// Run is one execution of apply.
type Run struct {
	ID      string // short, unique in the file: "7f3a"
	Pass    string
	Started time.Time
	Ended   time.Time // zero: still going, or killed
	// ExitCode is meaningful once Ended is set.
	ExitCode int
}

// Pass is what the ledger remembers of a pass: the frozen bounds.
type Pass struct {
	Name string
	Kind string
	// OlderWritten and NewerWritten are older_than and newer_than as written when the bounds were frozen; when the file
	// says something else the bounds are frozen anew.
	OlderWritten, NewerWritten string
	Older, Newer               time.Time // zero: no bound
	Approved                   time.Time
}

// Measure is what a Pace counts.
type Measure string

// The measures.
const (
	Messages    Measure = "messages"    // a second
	Octets      Measure = "octets"      // of messages, a second
	Connections Measure = "connections" // at once
)

// Pace is what was learnt of how much a server takes before it refuses.
type Pace struct {
	// Scope is an endpoint, or an endpoint and a mailbox behind a blank; "from " stands before one that is read from.
	Scope string
	Of    Measure
	Most  float64 // zero: nothing was learnt
	// Wait is how long the server asked to wait the last time.
	Wait    time.Duration
	Learned time.Time
}

// Progress is how far a mailbox is in a pass.
type Progress string

// The progress words.
const (
	Pending    Progress = "pending"    // never run, or stopped with work left
	Complete   Progress = "complete"   // every listed message terminal, the listing complete
	Incomplete Progress = "incomplete" // ran to its end like Complete, but some messages failed
	Failed     Progress = "failed"     // the mailbox stopped as a whole: sign-in, quota, lost server
)

// MailboxPass is how one mailbox fared in one pass, last time it ran.
type MailboxPass struct {
	Mailbox        MailboxID
	Pass           string
	Progress       Progress
	Run            string
	Started, Ended time.Time
	// Side, Code, Kind and Text say why a Failed mailbox stopped; Side is "source" or "destination".
	Side string
	Code mail.Code
	Kind mail.Kind
	Text string
}

// Count is a number of messages and their octets.
type Count struct {
	Messages int64     `json:"messages"`
	Bytes    mail.Size `json:"bytes"`
}

// Add gives the sum.
func (c Count) Add(d Count) Count { return Count{c.Messages + d.Messages, c.Bytes + d.Bytes} }
