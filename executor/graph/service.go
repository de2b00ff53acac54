// Package graph is the endpoint for Microsoft Graph: a preview, for tenants whose policy switches IMAP off. It writes to a
// mailbox and reads it back; it imports executor/uids, state/mail and the standard library, and knows neither configuration
// nor ledger.
//
// A Service is one tenant with one way of signing in; it is shared by all mailboxes. Service.Destination opens a session of
// one mailbox. There is no connection behind a session: each call is an HTTP request of its own.
//
// What writes is the action importMime of the beta version (Microsoft: "mailFolder: importMime"), the only one of Graph that
// takes MIME and makes a message that is no draft. It has no parameters: date, flags and our id can't go along. So a message
// takes three steps. It is imported into a hidden folder of mailhaul's own, StagingFolder; then date, flags and id are set
// there; then it is moved to where it belongs. So there is no moment in which a message stands among a person's mail
// without its id, unread though it was read, or under today's date. An answer that is lost before the move leaves nothing
// where people look, and nothing to settle. One that is lost at the move is settled by the id, as by EWS: it holds the
// folder's UIDVALIDITY, the message's number and the digest of its octets (package uids).
//
// What was imported and could not be finished is kept in mind, and finished when the message comes again: throttling and
// tokens that end cost no second import. What a lost answer or a crash leaves in the staging folder stays there; it is
// never deleted, and whoever wants to may delete the folder after the migration.
//
// What is not kept: octets (a message is rendered anew whenever it is read), \Deleted, and whether a message is a draft,
// since importMime makes none. Quotas are not read, archive mailboxes and public folders are not opened.
//
// Microsoft allows four requests at a time, 10,000 in ten minutes and 150 MB of uploads in five, for each mailbox. mailhaul
// stays below them by itself, as what is refused is work done twice, and obeys Retry-After where it comes all the same.
// Where the server shows that its four are for the application, whatever the mailbox, they are shared (crowd.go). The
// 130,000 requests in ten seconds that all of Graph allows an application are out of reach.
//
// None of this has met a tenant. Unconfirmed are: how large a message importMime takes; whether the date of arrival
// (PidTagMessageDeliveryTime) and "answered" (PidTagLastVerbExecuted) can be set after the import, and what is shown if
// not; that a move keeps them; that a read message that asks for a receipt sends none. Where Graph refuses those two
// properties they are left out, and Options.Tell says so.
package graph

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/executor/web"
	"mailhaul/state/mail"
)

// StagingFolder is the hidden folder in which messages are made before they are moved. It has no mail of anybody's.
const StagingFolder = "mailhaul-staging"

// Tokens give bearer tokens; oauth.Source is one.
type Tokens interface {
	// Token gives a token that is valid now. It is asked before each request and must be cheap when it has one.
	Token(ctx context.Context) (string, error)
	// Refused says that the token was not accepted, and tells whether another try is worth it.
	Refused(token string) bool
}

// Options say where Graph is and how to sign in.
type Options struct {
	// URL is the address without a version, https://graph.microsoft.com. Plain http is refused.
	URL    string
	Tokens Tokens
	// RootCAs verify the server; nil: those of the system.
	RootCAs *x509.CertPool
	// MaxMessage is the largest message that the tenant takes; zero: not known.
	MaxMessage mail.Size
	// KeepDollar makes categories of keywords that begin with "$" too. They are marks of programs, and in Outlook they show
	// at every message.
	KeepDollar bool
	// PageSize bounds the entries of one page of a listing; zero: 500.
	PageSize int
	// Trace gives where the trace of a mailbox's session goes, free of secrets and mail; nil, or nil given: nowhere. It takes
	// lines from several goroutines.
	Trace func(mailbox string) io.Writer
	// Timeout is how long nothing may move of a request and its answer; zero: two minutes.
	Timeout time.Duration
	// Tell is told once of what Graph does not keep although it was asked to; nil: nobody is.
	Tell func(sentence string)
}

// Service is a tenant with a way to sign in. It is safe for use by several goroutines.
type Service struct {
	opts    Options
	base    *url.URL // with the version
	http    *http.Client
	numbers uids.Counter
	lost    losses
	crowd   crowd

	mu    sync.Mutex
	boxes map[string]*box
}

// The limits that Microsoft names for an application and a mailbox (Microsoft Graph service-specific throttling limits).
const (
	atOnce         = 4
	requestsMost   = 10_000
	requestsWithin = 10 * time.Minute
	uploadMost     = 150_000_000
	uploadWithin   = 5 * time.Minute
)

const (
	version         = "/beta" // importMime is in no other
	defaultTimeout  = 2 * time.Minute
	defaultPageSize = 500
)

// box is what the sessions of one mailbox share.
type box struct {
	address  string
	slots    chan struct{} // one for each request under way
	requests *window
	uploads  *window

	staging sync.Mutex // held while the staging folder is looked for or made

	mu     sync.Mutex
	known  *uids.Tree          // as the first session found it; nil: nobody has looked
	placed string              // id of the staging folder; empty: not known
	begun  map[octets][]string // ids of messages that were imported and not moved (unfinished.go)
}

// New makes a Service; it does not connect. The error names what is wrong with the options.
func New(opts Options) (*Service, error) {
	u, err := url.Parse(opts.URL)
	if err != nil || u.Host == "" {
		return nil, &mail.Error{Op: "read the address of Graph", Kind: mail.Auth, Code: mail.CodeGraphConnect,
			Err: errors.New("it is not a URL like https://graph.microsoft.com")}
	}
	if u.Scheme != "https" || u.User != nil {
		return nil, &mail.Error{Op: "connect to " + u.Host, Kind: mail.Auth, Code: mail.CodeGraphTLS,
			Err: errors.New("only https will do, and credentials have no place in the address of Graph: write https://graph.microsoft.com")}
	}
	if opts.PageSize <= 0 {
		opts.PageSize = defaultPageSize
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	u.Path = strings.TrimRight(u.Path, "/") + version
	client, _ := web.NewClient(opts.RootCAs)
	return &Service{opts: opts, base: u, boxes: map[string]*box{}, http: client}, nil
}

// Close ends idle connections.
func (s *Service) Close() { s.http.CloseIdleConnections() }

// box gives what the sessions of a mailbox share.
func (s *Service) box(address string) *box {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(address)
	b := s.boxes[key]
	if b == nil {
		b = &box{address: address, slots: make(chan struct{}, atOnce), requests: newWindow(requestsMost, requestsWithin),
			uploads: newWindow(uploadMost, uploadWithin)}
		s.boxes[key] = b
	}
	return b
}
