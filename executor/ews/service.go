// Package ews is the endpoint for Exchange Web Services: Exchange Server on premises, and those tenants of Exchange Online
// that still let the application in. It writes to a mailbox and reads it back; it imports executor/uids, state/mail and the
// standard library, and knows neither configuration nor ledger.
//
// A Service is one server with one way of signing in; it is shared by all mailboxes. Service.Destination opens a session
// of one mailbox. There is no connection behind a session: each call is an HTTP request of its own.
//
// Exchange makes a message anew from the MIME it is given, and renders it anew on reading, so octets prove nothing. What
// proves that a message is ours is a named property with our id, set in the same request that creates the item: there is
// no moment in which the item is there and the id is not. The id holds the folder's UIDVALIDITY, the message's number and
// the digest of the octets that were sent. After a lost answer the items whose number is not below the one noted before
// are found by a restriction on that property, and the digest tells whose they are. No octet is read for that.
//
// UIDs. EWS has none: an item is named by some hundred characters, which change when it is moved. Package uids gives them.
//
// What is not kept: octets, \Deleted, keywords that begin with "$" unless asked for, whether a stored message is a draft.
// What is not done: quotas are not read, archive mailboxes and public folders are not opened, items other than mail are left
// alone.
//
// None of this has met an Exchange. The requests follow Microsoft's documentation and schema. Unconfirmed are: that
// PidTagMessageFlags is taken with the value 0, that PidTagLastVerbExecuted may be set with the item, and that restrictions
// and orders on a named integer are answered without a search folder of their own.
package ews

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"mailhaul/executor/uids"
	"mailhaul/executor/web"
	"mailhaul/state/mail"
)

// Options say where the server is and how to sign in: with Token, or with User and Password.
type Options struct {
	// URL is the address of the service, https://HOST/EWS/Exchange.asmx. Plain http is refused.
	URL string
	// Token gives a bearer token that is valid now. It is asked before each request and must be cheap when it has one.
	Token func(ctx context.Context) (string, error)
	// Refused hears of a token that the server did not take, and tells whether another one may do better; nil: none may.
	Refused func(token string) bool
	// User and Password are for Basic, which servers on premises may offer.
	User, Password string
	// Impersonate acts for the mailbox by ExchangeImpersonation. Otherwise the account opens it with its own rights.
	Impersonate bool
	// RootCAs verify the server; nil: those of the system.
	RootCAs *x509.CertPool
	// MaxMessage is the largest message that the server takes; zero: not known.
	MaxMessage mail.Size
	// KeepDollar makes categories of keywords that begin with "$" too. They are marks of programs, and in Outlook they show
	// at every message.
	KeepDollar bool
	// PageSize bounds the entries of one page of a listing; zero: 500.
	PageSize int
	// Trace gives where the trace of a mailbox's session goes, free of secrets and mail; nil, or nil given: nowhere.
	Trace func(mailbox string) io.Writer
	// Timeout is how long nothing may move of a request and its answer; zero: two minutes.
	Timeout time.Duration
}

// Service is a server with a way to sign in. It is safe for use by several goroutines.
type Service struct {
	opts    Options
	http    *http.Client
	numbers uids.Counter

	mu sync.Mutex
	// known are mailboxes that were opened already, with the folders that each mailbox has. A further session of one needs
	// no request of its own: under throttling each counts.
	known map[string]*uids.Tree
}

// remembered gives what an earlier session found of the mailbox; nil: there was none.
func (s *Service) remembered(mailbox string) *uids.Tree {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[mailbox] == nil {
		return nil
	}
	return s.known[mailbox].Anew()
}

// remember keeps what a session has found; nil forgets it.
func (s *Service) remember(mailbox string, t *uids.Tree) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]*uids.Tree{}
	}
	s.known[mailbox] = t
}

const (
	defaultTimeout  = 2 * time.Minute
	defaultPageSize = 500
)

// New makes a Service; it does not connect. The error names what is wrong with the options.
func New(opts Options) (*Service, error) {
	u, err := url.Parse(opts.URL)
	if err != nil || u.Host == "" {
		return nil, &mail.Error{Op: "read the EWS address", Kind: mail.Auth, Code: mail.CodeEWSConnect,
			Err: errors.New("it is not a URL like https://HOST/EWS/Exchange.asmx")}
	}
	if u.Scheme != "https" || u.User != nil {
		return nil, &mail.Error{Op: "connect to " + u.Host, Kind: mail.Auth, Code: mail.CodeEWSTLS,
			Err: errors.New("EWS is used over TLS only, and credentials have no place in its address: write https://HOST/EWS/Exchange.asmx")}
	}
	if opts.PageSize <= 0 {
		opts.PageSize = defaultPageSize
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	client, transport := web.NewClient(opts.RootCAs)
	// HTTP/1.1 only: a request that is told apart from its answer by the last octet written needs a connection of its own.
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return &Service{opts: opts, http: client}, nil
}

// Close ends idle connections.
func (s *Service) Close() { s.http.CloseIdleConnections() }
