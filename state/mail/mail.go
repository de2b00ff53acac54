// Package mail holds the nouns of mail: folders, messages, flags, limits and the kinds of failure. It does no I/O and
// imports the standard library only; every other room of mailhaul may use its words.
//
// Words. A mailbox is a person's whole mail. A folder is one box in it; RFC 9051 calls that a mailbox, and this comment
// is the one place where mailhaul says so. A message is one item of a folder, named by UID under the folder's
// UIDVALIDITY.
//
// It is not a MIME library: bodies are octets that pass through. The only reader of message content here is Digester,
// which is bounded and never fails.
package mail

import (
	"io"
	"slices"
	"strings"
	"time"
)

// UID is a message's unique identifier in a folder (RFC 9051, 2.3.1.1). Zero is no UID.
type UID uint32

// UIDValidity is the value under which a folder's UIDs hold (RFC 9051, 2.3.1.1). Zero means that the server gives no
// lasting UIDs.
type UIDValidity uint32

// Size is a number of octets.
type Size int64

// The units in which people write sizes: MB is 10^6 octets, MiB is 2^20.
const (
	KB  Size = 1000
	MB  Size = 1000 * KB
	GB  Size = 1000 * MB
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

// Path is a folder's name as decoded levels, without delimiter and without the personal namespace's prefix. The top
// level INBOX is always spelled "INBOX" (RFC 9051, 5.1: it compares without case); deeper levels keep their spelling.
type Path []string

// LevelSlash stands in a normalised name for a "/" inside one level, so that String stays injective.
const LevelSlash = "∕" // U+2215

// String gives the normalised name: levels joined by "/". A "/" inside a level becomes LevelSlash.
func (p Path) String() string {
	if !slices.ContainsFunc(p, func(l string) bool { return strings.Contains(l, "/") }) {
		return strings.Join(p, "/")
	}
	levels := make([]string, len(p))
	for i, l := range p {
		levels[i] = strings.ReplaceAll(l, "/", LevelSlash)
	}
	return strings.Join(levels, "/")
}

// ParsePath is the opposite of Path.String for names that hold no LevelSlash. An empty name gives an empty path.
func ParsePath(name string) Path {
	if name == "" {
		return nil
	}
	return strings.Split(name, "/")
}

// IsInbox tells whether the path is the INBOX itself.
func (p Path) IsInbox() bool { return len(p) == 1 && strings.EqualFold(p[0], "INBOX") }

// Role is what a folder is for (RFC 6154), as a word. The empty Role is an ordinary folder.
type Role string

// The roles that mailhaul knows. RoleInbox is not an attribute of RFC 6154: it is the folder INBOX.
const (
	RoleNone      Role = ""
	RoleInbox     Role = "inbox"
	RoleArchive   Role = "archive"
	RoleDrafts    Role = "drafts"
	RoleJunk      Role = "junk"
	RoleSent      Role = "sent"
	RoleTrash     Role = "trash"
	RoleAll       Role = "all"
	RoleFlagged   Role = "flagged"
	RoleImportant Role = "important"
)

// Folder is one folder as its server lists it.
type Folder struct {
	// Raw is the name's exact octets on the wire: the folder's identity on its server. It is sent back as it came.
	Raw string
	// Path is Raw decoded (modified UTF-7, or as it stands where that is malformed) and split at the delimiter.
	Path Path
	// Role comes from the server's special-use attributes only; guessing by name is the plan's business.
	Role Role
	// NoSelect marks a name that holds no messages (\Noselect, \NonExistent).
	NoSelect bool
	// Status is what the server said of the folder; it is the zero Status for NoSelect folders.
	Status Status
}

// Status is what STATUS or SELECT tells of a folder (RFC 9051, 6.3.11; RFC 7162 for HighestModSeq).
type Status struct {
	UIDValidity   UIDValidity
	UIDNext       UID    // zero: the server does not say
	HighestModSeq uint64 // zero: no CONDSTORE
	Messages      uint32
}

// Message is what is known of a message without its body.
type Message struct {
	UID UID
	// Size is RFC822.SIZE: a hint. The octets of the body literal are the truth.
	Size Size
	// InternalDate has the zone the server gave, to the second. It is the zero Time where the server gave none or one
	// that can't be read.
	InternalDate time.Time
	Flags        Flags
	NoFlags      bool   // the answer named no flags: Flags says nothing
	ModSeq       uint64 // zero: no CONDSTORE
	// Written is Outgoing.Digest of the octets that became this message, where the destination keeps it beside the message.
	// It tells whose copy the message is although the server renders the octets anew. Zero: nothing is known.
	Written Digest
}

// Query says which messages a listing covers. The zero Query covers the whole folder.
type Query struct {
	From         UID    // only this UID and higher ones
	To           UID    // only this UID and lower ones; zero: no bound
	ChangedSince uint64 // only what changed after this MODSEQ (RFC 7162, 3.1.4.1); needs CONDSTORE
}

// Opened is what a destination tells of a folder before mail is written to it.
type Opened struct {
	Status Status
	// Permanent are the flags that the folder can keep; with AnyKeyword it can keep new keywords too
	// (RFC 9051, 7.1, PERMANENTFLAGS). Known is false where the server says nothing about it.
	Permanent  Flags
	AnyKeyword bool
	Known      bool
	// NoDollar leaves keywords out that begin with "$": they are marks of programs, and nobody misses them.
	NoDollar bool
}

// Limits are facts about a destination, as data. The zero value promises nothing and forbids nothing.
type Limits struct {
	MaxMessage Size // largest message it takes; zero: not known
	QuotaLeft  Size // octets left in the mailbox; meaningful only if QuotaKnown
	QuotaKnown bool
	KeepsBytes bool // what is read back is octet for octet what was written, up to line ends
	// LosesFlagged tells that \Flagged of an appended message is lost, and has to be set once the message is there.
	LosesFlagged bool
	SignIn       string // the sign-in method in use, for information
	Names        NameRules

	// Transport is how the mailbox is reached, where there is a choice ("imap", "ews", "graph"), and Why says why it is not
	// the one that is preferred; empty: it is.
	Transport, Why string
	// Lost are sentences on what the destination does not keep or may not keep, for whoever decides before mail is copied.
	Lost []string
}

// NameRules say which folder names a destination takes.
type NameRules struct {
	Delimiter  string   // the hierarchy delimiter; empty: flat names only
	Forbidden  string   // characters that no level may hold, beside the delimiter
	Reserved   []string // whole normalised names that can't be created, compared without case
	FoldCase   bool     // names that differ only in case are one folder
	MaxLevel   int      // longest level in characters; zero: no limit known
	MaxPath    int      // longest name in characters; zero: no limit known
	TrimSpaces bool     // leading and trailing blanks of a level are lost
}

// Outgoing is one message on its way into a destination folder.
type Outgoing struct {
	// ID is the caller's own mark; it comes back in Appended.
	ID int64
	// Size is the exact number of octets that Body yields.
	Size         Size
	InternalDate time.Time // zero: send none
	Flags        Flags
	// Digest identifies the octets; a destination that renders them anew keeps it beside the message. Zero: not given.
	Digest Digest
	Body   io.Reader
}

// Outcome is what is known of one attempt to append a message.
type Outcome uint8

// The outcomes of an attempt. Unknown is the safe one: it follows from everything that is not proof.
const (
	// Unknown: the message may or may not be at the destination.
	Unknown Outcome = iota
	// Landed: the server said tagged OK.
	Landed
	// Absent: the message is proven not to be there: a tagged NO that can't follow a commit, a BAD, no continuation, or
	// a literal whose last octet was never given to the connection.
	Absent
)

// Appended is the answer to one Outgoing.
type Appended struct {
	ID          int64
	Outcome     Outcome
	UID         UID         // zero: the server named none
	UIDValidity UIDValidity // of UID
	// Took is how long the answer took from the message's last octet on; zero: that is not known.
	Took time.Duration
	// Err says why, for Absent and Unknown. It is an *Error.
	Err error
}

// FlagChange asks to set the flags of one message to exactly Flags.
type FlagChange struct {
	UID   UID
	Flags Flags
}

// Sink takes fetched messages, one after the other, on one goroutine.
type Sink interface {
	// Body takes the octets of the message being received. r yields exactly size octets or fails with an error that is
	// not io.EOF. What Body leaves unread is skipped.
	Body(size Size, r io.Reader) error
	// Message ends a message whose answer came whole. hasBody tells whether a Body call belongs to it: an answer
	// without a body is news about the message, never the message.
	Message(m Message, hasBody bool) error
}
