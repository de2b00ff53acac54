// Package oauth gets the access tokens with which Microsoft 365 is signed in to. MSAL for Go speaks with the authority; what
// is ours is around it: one token for all mailboxes of a side, renewed early by one caller while the others wait, kept in
// memory only, and errors that name the cause by its AADSTS number.
//
// Start with New and Source.Token. The package knows nothing of IMAP: it gives a string, which whoever signs in puts where
// its protocol wants it, and Refused takes back one that a server did not accept.
//
// MSAL's own cache is not relied on for app-only tokens: it would hand out a token that a server has refused. Errors of
// MSAL hold the whole request, secret included, so none of them is wrapped; errors.go reads what is needed and drops the
// rest.
package oauth

import (
	"context"
	"crypto/x509"
	"sync"
	"time"

	"mailhaul/state/mail"
)

// DefaultAuthority is where tokens of the worldwide cloud are issued.
const DefaultAuthority = "https://login.microsoftonline.com"

// Options say who signs in where. Tenant, Client, Scopes and exactly one of Secret, Certificate, DeviceCode and Password
// are needed.
type Options struct {
	// Authority is the base address, to which the tenant is appended; empty: DefaultAuthority. It must be https.
	Authority string
	Tenant    string
	Client    string   // the application's id
	Scopes    []string // what the token shall be good for
	// RootCAs are the issuers to trust; nil: those of the system.
	RootCAs *x509.CertPool

	Secret      string
	Certificate *Certificate
	// DeviceCode is told the sentence with the address and the code that a person has to enter. It must not block.
	DeviceCode func(message string)
	// User and Password are an administrator's own: Microsoft calls this way deprecated.
	User, Password string
	// Hidden is cut out of what the authority says, as the secrets are; empty: nothing more.
	Hidden string

	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// early is how long before its end a token is renewed. Exchange ends the sessions of an expired token, so a session that
// begins shall have some time before it.
const early = 5 * time.Minute

// again is how long a refusal is believed without asking again: each mailbox of a side comes here, and a thousand wrong
// passwords in a row lock an account.
const again = 5 * time.Minute

// Source gives the token of one side. It is safe for use by several goroutines.
type Source struct {
	opts Options
	flow flow
	turn chan struct{} // holds the one place of whoever asks the authority

	mu      sync.Mutex // guards what follows
	token   grant
	asked   int   // how often the authority was asked
	failure error // of the last time
	failed  time.Time
}

// grant is a token with its time.
type grant struct {
	token  string
	issued time.Time
	ends   time.Time
}

// flow is a way to get a token.
type flow interface {
	method() string
	ask(ctx context.Context) (grant, error)
}

// New prepares a source of tokens; nobody is contacted yet.
func New(o Options) (*Source, error) {
	if o.Authority == "" {
		o.Authority = DefaultAuthority
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f, err := newFlow(o)
	if err != nil {
		return nil, err
	}
	return &Source{opts: o, flow: f, turn: make(chan struct{}, 1)}, nil
}

// Token gives a token that is good for some minutes at least. Of several callers that need a new one, one asks the
// authority and all get its answer. Its errors are *mail.Error of kind Auth, Throttled or Transient.
func (s *Source) Token(ctx context.Context) (string, error) {
	token, asked := s.current()
	if token != "" {
		return token, nil
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ended(ctx)
	}
	defer func() { <-s.turn }()
	if token, err := s.meanwhile(asked); token != "" || err != nil {
		return token, err
	}
	g, err := s.flow.ask(ctx)
	if ctx.Err() != nil && err != nil {
		return "", ended(ctx) // says nothing about the next caller's fate
	}
	if err == nil {
		err = s.foreign(g)
	}
	return s.keep(g, err)
}

// current gives the token if it is good, and how often the authority was asked for one.
func (s *Source) current() (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.good(s.opts.Now()) {
		return s.token.token, s.asked
	}
	return "", s.asked
}

// good tells whether the token has some time left. Of a short-lived one half its life counts.
func (g grant) good(now time.Time) bool {
	return g.token != "" && now.Before(g.ends.Add(-min(early, g.ends.Sub(g.issued)/2)))
}

// meanwhile gives what another caller has got since asked, or a refusal that is too fresh to ask again.
func (s *Source) meanwhile(asked int) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	if s.token.good(now) {
		return s.token.token, nil
	}
	fresh := mail.KindOf(s.failure) == mail.Auth && now.Sub(s.failed) < again
	if s.failure != nil && (s.asked != asked || fresh) {
		return "", s.failure
	}
	return "", nil
}

func (s *Source) keep(g grant, err error) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.failure, s.failed = err, s.opts.Now()
	if err != nil {
		return "", err
	}
	s.token = g
	return g.token, nil
}

// Left is how long the token is good; zero for one that is not the current one.
func (s *Source) Left(token string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.token != token {
		return 0
	}
	return max(0, s.token.ends.Sub(s.opts.Now()))
}

// Refused says that a server did not take the token though its time had not come, and tells whether another try with the
// next token is worth it. A young token is not to blame: a thousand mailboxes without permission must not cost a thousand
// requests.
func (s *Source) Refused(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.token != token {
		return true // somebody has got a new one meanwhile
	}
	if s.opts.Now().Sub(s.token.issued) < again {
		return false
	}
	s.token = grant{}
	return true
}

func ended(ctx context.Context) error {
	return &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeOAuthUnreachable, Err: context.Cause(ctx)}
}
