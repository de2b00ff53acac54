package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestCreated: a folder that was made is known by its path; one that is made anew has the new UIDVALIDITY, and a level above
// another one, of which none is known, keeps what it has. It is forgotten by itself and with its mailbox.
func TestCreated(t *testing.T) {
	ctx := t.Context()
	l, err := state.Open(ctx, t.TempDir()+"/test.state", state.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	m, err := l.PutMailbox(ctx, state.Mailbox{Name: "anna", SourceEndpoint: "old"})
	if err != nil {
		t.Fatal(err)
	}
	folder := func(path string, v uint32) state.CreatedFolder {
		return state.CreatedFolder{Mailbox: m.ID, Path: path, UIDValidity: mail.UIDValidity(v)}
	}
	for _, f := range []state.CreatedFolder{folder("A", 3), folder("A/B", 4), folder("A", 0), folder("A/B", 5), folder("C", 0)} {
		if err := l.PutCreated(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	known := func(want ...state.CreatedFolder) {
		t.Helper()
		got, err := l.Created(ctx, m.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, -want +got:\n%s", err, diff)
		}
	}
	known(folder("A", 3), folder("A/B", 5), folder("C", 0))
	if err := l.DropCreated(ctx, m.ID, "A/B"); err != nil {
		t.Fatal(err)
	}
	known(folder("A", 3), folder("C", 0))
	if err := l.Forget(ctx, m.ID); err != nil {
		t.Fatal(err)
	}
	known()
}
