package cmd

import (
	"errors"
	"io/fs"
	"testing"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestOnlyLooked: a command that only looks never says that it can't write; everything else stays as it is.
func TestOnlyLooked(t *testing.T) {
	closed := &state.Error{Code: mail.CodeStateWrite, Path: "/srv/c.state", Err: fs.ErrPermission}
	got := onlyLooked(closed)
	if got.Error() != "c.state can't be read" || exitCode(got) != exitState {
		t.Errorf("got %q, exit code %d", got, exitCode(got))
	}
	for _, err := range []error{
		nil, errors.New("else"),
		&state.Error{Code: mail.CodeStateDamaged, Path: "c.state"},
		&state.Error{Code: mail.CodeStateWrite, Path: "c.state", Err: fs.ErrNotExist},
	} {
		if got := onlyLooked(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
