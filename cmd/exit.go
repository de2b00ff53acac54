package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state/mail"
)

// The exit codes of mailhaul. New ones may come; unknown ones mean failure.
const (
	exitDone        = 0   // done; for plan --detailed-exitcode: nothing to do
	exitError       = 1   // could not start or go on: configuration, arguments, internal error, or a "no"
	exitWork        = 2   // only plan --detailed-exitcode: there is work
	exitIncomplete  = 3   // finished, but some messages or mailboxes failed
	exitSignIn      = 4   // nobody could sign in on a side
	exitState       = 5   // state file locked, damaged or made by a newer version
	exitStopped     = 6   // stopped as configured with work left
	exitInterrupted = 130 // interrupted; everything so far is kept
)

// failure is an error that ends a command: what a person reads, and the exit code.
type failure struct {
	exit int
	view.RunError
}

// Error gives the summary.
func (f *failure) Error() string { return f.Summary }

// fail is a failure with exit code 1.
func fail(code mail.Code, summary string, detail ...string) error {
	return &failure{exitError, view.RunError{Code: code, Summary: summary, Detail: joined(detail)}}
}

// joined makes one text of the sentences that are not empty.
func joined(sentences []string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), "\n")
}

// outcome ends a command with an exit code when everything has been said already.
type outcome int

// Error is never shown; it names the exit code for whoever prints it by mistake.
func (outcome) Error() string { return "ended" }

// errInterrupted ends a command that the first interrupt stopped before it did anything.
var errInterrupted = &failure{exitInterrupted, view.RunError{Summary: "interrupted; nothing was copied or changed"}}

// errNotBegun ends a command that was waiting, perhaps after a run, when it was interrupted.
var errNotBegun = &failure{exitInterrupted, view.RunError{Summary: "interrupted; everything so far is kept"}}

// errCutOff ends a run that the second interrupt stopped in the middle.
var errCutOff = &failure{exitInterrupted, view.RunError{Summary: "interrupted; everything so far is kept",
	Detail: "How far it came:  mailhaul status\nGo on with:       mailhaul apply"}}

// usage is a failure of flags or words on the command line. The last sentence takes the place of "More: ...".
func usage(summary string, detail ...string) error {
	e := view.RunError{Code: mail.Code(config.CodeArguments), Summary: summary}
	if last := len(detail) - 1; last >= 0 {
		e.Detail, e.More = joined(detail[:last]), detail[last]
	}
	return &failure{exitError, e}
}

// exitCode says with which code err ends the process.
func exitCode(err error) int {
	var ended outcome
	var failed *failure
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &ended):
		return int(ended)
	case errors.As(err, &failed):
		return failed.exit
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case isState(mail.CodeOf(err)):
		return exitState
	}
	return exitError
}

// isState tells whether the state file is the cause.
func isState(code mail.Code) bool {
	switch code {
	case mail.CodeStateLocked, mail.CodeStateDamaged, mail.CodeStateNewer, mail.CodeStateWrite:
		return true
	}
	return false
}

// exitText says an exit code in words.
func exitText(code int) string {
	switch code {
	case exitDone:
		return "done"
	case exitIncomplete:
		return "finished, but some messages or mailboxes failed"
	case exitSignIn:
		return "nobody could sign in on a side"
	case exitState:
		return "the state file can't be used"
	case exitStopped:
		return "stopped as configured with work left"
	case exitInterrupted:
		return "interrupted; everything so far is kept"
	}
	return "could not start or go on"
}
