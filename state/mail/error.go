package mail

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a failure leads to. Few kinds decide; the code says the rest.
type Kind uint8

// The kinds of failure. Internal is the zero Kind: what nobody classified stops everything rather than losing mail.
const (
	Internal  Kind = iota // a bug or the state file: stop all
	Auth                  // credentials or permissions: stop this mailbox
	Throttled             // the server asks to wait: wait as told, go on slower
	Transient             // network or server trouble: back off and connect again
	TooLarge              // over a size limit: record the message, go on
	Malformed             // refused for its content: record the message, go on
	Quota                 // the destination is full: stop this mailbox, blocked
	Gone                  // vanished between listing and fetching: not an error
	Refused               // a lasting no to one thing (a message, a folder): record it, go on
	Stale                 // the folder's UIDVALIDITY is not the one asked for: look again
)

var kindNames = [...]string{"internal", "auth", "throttled", "transient", "too_large", "malformed", "quota", "gone",
	"refused", "stale"}

// String gives the kind as the word used in events and in the ledger.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", k)
}

// ParseKind is the opposite of String; an unknown word is Internal.
func ParseKind(word string) Kind {
	for i, name := range kindNames {
		if name == word {
			return Kind(i)
		}
	}
	return Internal
}

// Error is how an endpoint fails: what was tried, the kind that decides, the code that explains. The executor adds
// mailbox, folder and message. It holds no secret and no message text.
type Error struct {
	Op   string // verb and noun: "append message", "sign in"
	Kind Kind
	Code Code
	// Text is the server's own words, unescaped; whoever shows them escapes them for the terminal.
	Text string
	// Wait is how long the server asked to wait; zero: it did not say.
	Wait time.Duration
	// Limit is what a server that throttles has too much of.
	Limit Limit
	Err   error
}

// Limit is what a server counts that has said no because of how much was asked of it.
type Limit uint8

// The limits.
const (
	LimitRate            Limit = iota // messages or requests in a time, or it doesn't say
	LimitOctets                       // octets in a time
	LimitConnections                  // connections at once, whoever signs in with them
	LimitUserConnections              // connections at once of one user
)

// Error gives one sentence without the server's words repeated.
func (e *Error) Error() string {
	s := e.Op
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the Kind in err's chain; an error without one is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf finds the Code in err's chain; an error without one has CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) && e.Code != "" {
		return e.Code
	}
	return CodeInternal
}
