package executor

import (
	"errors"
	"net"
	"os"
	"strings"

	"mailhaul/state/mail"
)

// Error is how the executor fails: what was being done, where, and the kind that decided. It wraps the endpoint's own
// *mail.Error where there is one.
type Error struct {
	Op      string // verb and noun: "copy folder"
	Side    string // "source", "destination" or empty
	Mailbox string
	Folder  string // normalised; empty where it is about the whole mailbox
	UID     mail.UID
	Kind    mail.Kind
	Code    mail.Code
	Err     error
}

// Error names operation, mailbox, folder and cause in one line.
func (e *Error) Error() string {
	parts := []string{e.Op}
	for _, p := range []string{e.Mailbox, e.Folder} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	s := strings.Join(parts, " ")
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// The sides of a copy, as they stand in errors, events and the ledger.
const (
	SideSource      = "source"
	SideDestination = "destination"
)

// asMail finds the endpoint's own error in err's chain.
func asMail(err error) (*mail.Error, bool) {
	var e *mail.Error
	ok := errors.As(err, &e)
	return e, ok
}

// textOf is what is kept of a failure for people: the server's own words where there are any, else what was being done
// nearest to the cause, and the cause.
func textOf(err error) string {
	e, ok := asMail(err)
	switch {
	case err == nil:
		return ""
	case ok && e.Text != "":
		return e.Text
	case ok && e.Err != nil:
		return e.Op + ": " + causeOf(e.Err)
	case ok:
		return e.Op
	}
	return err.Error()
}

// causeOf leaves out what the network's errors put before their cause: call, protocol and address, which Op names.
func causeOf(err error) string {
	var op *net.OpError
	var call *os.SyscallError
	switch {
	case errors.As(err, &op) && errors.As(op.Err, &call):
		return call.Err.Error()
	case errors.As(err, &op) && op.Err != nil:
		return op.Err.Error()
	}
	return err.Error()
}

// at says on which side an endpoint failed. Errors that are not the endpoint's pass as they are.
func at(side, op string, err error) error {
	if _, ok := asMail(err); !ok {
		return err
	}
	return &Error{Op: op, Side: side, Kind: mail.KindOf(err), Code: mail.CodeOf(err), Err: err}
}
