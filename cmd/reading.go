package cmd

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime/debug"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// hasty lets garbage lie while a command only looks at the state file, and gives what ends that: it takes a second or two
// over a large one, of which collecting would be the half. A user's own GOGC stands.
func (a *app) hasty() (end func()) {
	const percent = 400
	if set, _ := a.env("GOGC"); set != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(before) }
}

// openRead opens the state file for a look.
func openRead(ctx context.Context, path string) (*state.Reader, error) {
	r, err := state.OpenRead(ctx, path)
	return r, onlyLooked(err)
}

// onlyLooked says of trouble with the state file, in a command that only looks at it, that it can't be read: nobody
// wanted to write.
func onlyLooked(err error) error {
	var trouble *state.Error
	if !errors.As(err, &trouble) || trouble.Code != mail.CodeStateWrite || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &failure{exitState, view.RunError{Code: mail.Code(config.CodeFile),
		Summary: filepath.Base(trouble.Path) + " can't be read",
		Detail: joined([]string{sentence(trouble.Err),
			"Looking needs the right to read the file and to write its neighbour that ends in -shm: that of the user who runs apply."})}}
}
