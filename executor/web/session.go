package web

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailhaul/state/mail"
)

// Session tells whether the session of a mailbox can go on: there is no connection behind it that would tell. It is used by
// one goroutine at a time. The zero Session can.
type Session struct {
	dead   *mail.Error // why every later call fails
	closed bool
}

var errClosed = errors.New("the session is closed")

// Enter begins a call; lost is what the transport calls a request that was given up.
func (s *Session) Enter(ctx context.Context, op string, lost mail.Code) error {
	switch {
	case s.closed:
		return &mail.Error{Op: op, Kind: mail.Internal, Code: mail.CodeInternal, Err: errClosed}
	case s.dead != nil:
		return s.dead
	case ctx.Err() != nil:
		return s.Fail(&mail.Error{Op: op, Kind: mail.Transient, Code: lost, Err: ctx.Err()})
	}
	return nil
}

// Fail makes the session dead if the error's kind says so, and gives the error back.
func (s *Session) Fail(err *mail.Error) error {
	switch err.Kind {
	case mail.Transient, mail.Throttled, mail.Auth, mail.Internal:
		if s.dead == nil {
			s.dead = err
		}
	}
	return err
}

// Over tells whether the session can't go on.
func (s *Session) Over() bool { return s.dead != nil || s.closed }

// Close ends the session. There is nothing to sign out of.
func (s *Session) Close() error {
	s.closed = true
	return nil
}

// Flush has nothing to do: a request is whole when it leaves.
func (s *Session) Flush(context.Context) error { return nil }

// Drain has nothing to wait for: Append returns with its answers.
func (s *Session) Drain(context.Context) error {
	if s.dead != nil {
		return s.dead
	}
	return nil
}

// NoToken keeps what the sign-in says of itself; what it does not classify is a matter of credentials, with that code.
func NoToken(op string, code mail.Code, err error) *mail.Error {
	var own *mail.Error
	if errors.As(err, &own) {
		return own
	}
	return &mail.Error{Op: op, Kind: mail.Auth, Code: code, Err: fmt.Errorf("there is no token: %w", err)}
}

// maxText bounds what is kept of a server's words.
const maxText = 500

// Clip bounds a server's words.
func Clip(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}
