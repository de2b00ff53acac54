// Package config reads a project: a directory of HCL files and the CSV of its users. Load gives either a Config in
// which every reference holds and every unit is parsed, or diagnostics that name file, line and column.
//
// It is the only room that decodes HCL or CSV. It contacts nobody; it reads the files that the configuration names and
// runs the programs that command() names. Start at Load; the language in one page is the types of this file.
package config

import (
	"fmt"
	"io"
	"time"
)

// Config is a whole project, resolved: overrides applied, references followed, secrets fetched.
type Config struct {
	Dir     string   // the project's directory, as given
	Files   []string // the files read, as they are named in messages: "mailhaul.hcl", "users.csv"
	Project Project

	Endpoints []*Endpoint // in the order written
	Mailboxes []*Mailbox  // in the order of the users blocks and their CSV rows; skipped ones too
	Passes    []*Pass     // in the order of the file; verify and retry are added where none is written (Implied)
	Windows   []*Window   // in the order written

	Cutover *Cutover // nil where the block is not written, as for the next two
	SMTP    *SMTP
	Report  *Report
	Notify  []*Notify
	// Unsupported is what this version does not carry out; a plan says so.
	Unsupported []Unsupported

	// Hash changes when a setting changes that could change what a plan does, or when it may. Secrets, comments and order
	// of files do not enter it.
	Hash string
	// Warnings were found on the way; a Config with errors is never returned.
	Warnings Diagnostics
}

// Project is the mailhaul block.
type Project struct {
	Version   string // the version constraint, as written
	Customer  string
	State     string // path of the state file, joined with Dir; default "mailhaul.state"
	Mailboxes int    // how many are at work at the same time; default 12
}

// TLSMode is how a connection is protected.
type TLSMode string

// The TLS modes of an imap endpoint.
const (
	TLSImplicit TLSMode = "implicit"
	TLSStartTLS TLSMode = "starttls"
	TLSNone     TLSMode = "none" // needs allow_plaintext = true
)

// Endpoint is one server or tenant, the block `endpoint "TYPE" "NAME"`.
type Endpoint struct {
	Type string // TypeIMAP or TypeMicrosoft365
	Name string
	// Microsoft365 is nil for an imap endpoint. Host and Port are where IMAP is spoken, for either type.
	Microsoft365 *Microsoft365

	Host       string
	Port       int // default 993, or 143 for starttls and none
	TLS        TLSMode
	CAFile     string   // extra trust root, joined with Dir; empty: the system's only
	PinSHA256  []string // lower-case hex of the accepted certificates' SHA-256; empty: ordinary verification
	Plaintext  bool     // allow_plaintext
	Admin      *Admin   // nil: each mailbox signs in with its own password, or an application does
	Grace      time.Duration
	MaxMessage int64 // max_message in octets; zero: not set

	Connections       int   // for the whole server; default 40
	PerMailbox        int   // default 2, or Connections where that is fewer
	Bandwidth         int64 // octets per second; zero: no limit
	MessagesPerSecond int   // zero: no limit
	// Compress asks for COMPRESS=DEFLATE where the server offers it.
	Compress bool

	Range Range // of the block's header
}

// The values of compress. With auto a line is compressed whose bandwidth is known to be small.
const (
	CompressAuto   = "auto"
	CompressAlways = "always"
	CompressNever  = "never"
)

// Ref is how the configuration names the endpoint: "endpoint.imap.old".
func (e *Endpoint) Ref() string { return "endpoint." + e.Type + "." + e.Name }

// AdminStyle is how an administrator names the mailbox to open.
type AdminStyle string

// The admin styles of an imap endpoint.
const (
	StyleSASLPlain     AdminStyle = "sasl-plain"     // AUTHENTICATE PLAIN with an authorization identity (RFC 4616)
	StyleDovecotMaster AdminStyle = "dovecot-master" // user*admin
	StyleExchange      AdminStyle = "exchange"       // domain/admin/user
)

// Admin is one account that may open every mailbox of its endpoint.
type Admin struct {
	User     string
	Hidden   bool // User comes from a secret: it is shown to nobody
	Password Secret
	Style    AdminStyle
	Range    Range
}

// Login is one side of a mailbox.
type Login struct {
	Address  string
	Username string // the login name; the address unless the CSV says otherwise
	Password Secret // empty where the endpoint has an admin
	Literals bool   // allow_quote_in_folder: folder names go as literals, for servers that can't read quoted ones
}

// Mailbox is one line of a users CSV with every override applied.
type Mailbox struct {
	Users       string // label of its users block
	From, To    *Endpoint
	Source      Login
	Destination Login
	Wave        string
	Skip        string // the reason, if the mailbox is skipped on request
	Merge       bool   // it may share its destination with another mailbox
	Folders     *Folders
	Messages    Messages
	Windows     *Windows // its own instead of the pass's; nil: the pass's; empty: at any time
	Range       Range    // its CSV row
}

// Name is how mailhaul calls the mailbox everywhere: its source address.
func (m *Mailbox) Name() string { return m.Source.Address }

// Secret is a value that is never printed: every verb and encoding gives "***". The value is behind a pointer because
// fmt prints the fields of an operand, methods or not, when the verb is wrong for it.
type Secret struct{ value *string }

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal gives the value to the one place that sends it to a server.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares the values; the operator would compare pointers.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// Format gives "***" for every verb that fmt asks it about.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, hidden) } // fmt keeps the error itself

// String gives "***".
func (s Secret) String() string { return "***" }

// GoString gives "***".
func (s Secret) GoString() string { return "***" }

// MarshalText gives "***".
func (s Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// What happens to messages over the size limit.
const (
	TooLargeReport = "report" // left out and listed
	TooLargeFail   = "fail"   // counted as failed
)

// What happens to keywords that the destination cannot hold.
const (
	KeywordsDrop = "drop"
	KeywordsFail = "fail"
)

// What happens to mail found at the destination before the first pass.
const (
	ExistingAdopt  = "adopt"
	ExistingIgnore = "ignore"
)

// What happens to read-receipt requests of unread mail.
const (
	ReceiptsKeep   = "keep"
	ReceiptsDisarm = "disarm"
	ReceiptsAuto   = "auto" // disarm at microsoft365, keep elsewhere
)

// Messages is the messages block.
type Messages struct {
	MaxSize  int64  // octets; default 150 MB; never more than the destination endpoint's MaxMessage
	TooLarge string // TooLargeReport or TooLargeFail
	Keywords string // KeywordsDrop or KeywordsFail
	Existing string // ExistingAdopt or ExistingIgnore
	Receipts string // ReceiptsKeep, ReceiptsDisarm or ReceiptsAuto
	Repair   bool   // one more try, after a refusal, of a message with its lines wrapped, its NULs dropped and its line ends mended
}

// Pass kinds.
const (
	PassVerify   = "verify"
	PassTrial    = "trial" // a few messages of each folder
	PassPrestage = "prestage"
	PassFull     = "full"
	PassRetry    = "retry"
)

// Orders in which a pass takes the messages of a folder.
const (
	OrderOldestFirst = "oldest-first"
	OrderNewestFirst = "newest-first"
)

// Pass is one pass block.
type Pass struct {
	Name  string
	Kind  string
	After string // name of the pass that must be complete; by default the one written before it
	Older Cut    // older_than
	Newer Cut    // newer_than
	Order string // OrderOldestFirst (default) or OrderNewestFirst
	// Start is the moment before which the pass does not begin; zero: at once.
	Start   time.Time
	Windows Windows // when it may work; none: at any time
	Cutover bool    // full: it waits for the facts of the cutover block
	// PerFolder and MaxBytes bound what a trial takes: messages of each folder, octets of each mailbox in all.
	PerFolder int
	MaxBytes  int64
	Attempts  int           // retry: rounds in one run; default 3
	Wait      time.Duration // retry: between rounds; default 15 minutes
	Implied   bool          // not written: verify and retry exist all the same
	Range     Range
}

// Cut is a bound on INTERNALDATE: an age, a moment, or none.
type Cut struct {
	Written string        // as in the file; empty: no bound
	Age     time.Duration // days of 24 hours back from the moment the pass's first plan is approved; zero: Moment holds
	Moment  time.Time
}

// IsZero tells whether there is no bound.
func (c Cut) IsZero() bool { return c.Written == "" }

// At resolves the bound to whole seconds of UTC, with ages counted back from now.
func (c Cut) At(now time.Time) time.Time {
	if c.Age != 0 {
		return now.Add(-c.Age).UTC().Truncate(time.Second)
	}
	return c.Moment.UTC()
}
