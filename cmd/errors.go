package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// showError says on standard error why a command ends; what has been said already is not said again. With apply --json
// it is an event on standard output.
func (a *app) showError(err error) {
	var ended outcome
	var diagnostics config.Diagnostics
	if err == nil || errors.As(err, &ended) {
		return
	}
	var writeErr error
	if errors.As(err, &diagnostics) {
		if a.events != nil {
			a.events.Diagnostics(diagnostics)
			return
		}
		writeErr = view.Diagnostics(a.term.Err, diagnostics)
	} else if told := a.told(err); a.events != nil {
		a.events.Error(told)
	} else {
		writeErr = view.WriteError(a.term.Err, told)
	}
	_ = writeErr // Standard error is gone: nobody is left to tell.
}

// told puts an error into the form that people read.
func (a *app) told(err error) view.RunError {
	var failed *failure
	var stateErr *state.Error
	switch {
	case errors.As(err, &failed):
		return failed.RunError
	case errors.As(err, &stateErr):
		return a.toldState(stateErr)
	case errors.Is(err, context.Canceled):
		return errInterrupted.RunError
	}
	return view.RunError{Summary: err.Error(), Code: mail.CodeOf(err)}
}

// toldState says of a state file's error what to do.
func (a *app) toldState(e *state.Error) view.RunError {
	if e.Code == mail.CodeStateLocked && e.Holder != nil {
		return view.Locked(e.Path, holderView(*e.Holder), a.term.Now().In(a.term.Location))
	}
	told := view.RunError{Summary: e.Error(), Code: e.Code}
	switch {
	case e.Backup != "":
		told.Detail = "Nothing was written to it. Keep it, and put the last good copy in its place:\n" + restore(e)
	case e.Code == mail.CodeStateNewer:
		told.Detail = "Use that release, or a newer one."
	case e.Code == mail.CodeStateDamaged:
		told.Detail = "Nothing was written to it."
	}
	return told
}

// restore gives the commands that put the copy in the place of a damaged file. The file's own log must not stay: it would
// be taken for the copy's.
func restore(e *state.Error) string {
	commands := ""
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if _, err := os.Lstat(e.Path + suffix); err == nil {
			commands += fmt.Sprintf("  mv %s%s %s.damaged%s\n", e.Path, suffix, e.Path, suffix)
		}
	}
	return commands + fmt.Sprintf("  cp %s %s", e.Backup, e.Path)
}
