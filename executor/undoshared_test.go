package executor_test

import (
	"fmt"
	"testing"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestUndoOfOneOfTwoWhoseFolderIsRenamed leaves an undo of one mailbox in the middle and renames the destination folder that
// it shares with another one, whose run then makes the folder anew before the first one's can look after what is left. What
// is still there must not come a second time, what is gone comes again.
func TestUndoOfOneOfTwoWhoseFolderIsRenamed(t *testing.T) {
	for _, removed := range []int{0, 2, 6} {
		for _, first := range []string{"anna", "bo"} {
			t.Run(fmt.Sprintf("%d removed, %s", removed, first), func(t *testing.T) {
				t.Parallel()
				r := sharedUndo(t, first)
				for _, m := range r.copies("bo")[:removed] {
					r.dst().Remove("Projects", m)
				}
				r.dst().Rename("Projects", "Renamed")
				r.untilDone()
				r.union()
			})
		}
	}
}

// TestUndoOfOneOfTwoWhoseFolderIsGone: nothing tells whether the copies are elsewhere now, so they are named and sent only
// when a person says so, although the other mailbox's run made a folder of that name.
func TestUndoOfOneOfTwoWhoseFolderIsGone(t *testing.T) {
	for _, first := range []string{"anna", "bo"} {
		t.Run(first, func(t *testing.T) {
			r := sharedUndo(t, first)
			r.dst().RemoveFolder("Projects")
			for range 3 {
				r.mustApply("full")
			}
			if n := r.in("Projects"); n != 1 {
				t.Errorf("%d messages were sent, not the new one alone", n)
			}
			if named := r.ambiguous(); named != 6 {
				t.Errorf("%d messages are named", named)
			}
			r.checkState()
		})
	}
}

// sharedUndo gives two mailboxes with one destination, of which the undo of bo is left in the middle. The one that is named
// comes first in every run, and anna has a new message for the folder that both write to.
func sharedUndo(t *testing.T, first string) *rig {
	second := map[string]string{"anna": "bo", "bo": "anna"}[first]
	r := merged(t, first, second)
	r.parallel = 1
	for name, src := range r.endpoints.Sources {
		for i := range 6 {
			src.Add("Projects", letterOf(epoch, fmt.Sprint(name, i)))
		}
	}
	r.mustApply("full")
	r.begunUndoing("bo")
	r.endpoints.Sources["anna"].Add("Projects", letterOf(epoch, "new"))
	return r
}

// copies gives the destination UIDs of a mailbox's messages.
func (r *rig) copies(mailbox string) (uids []mail.UID) {
	r.t.Helper()
	ctx := r.t.Context()
	l, err := state.OpenRead(ctx, r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	box, _, err := l.FindMailbox(ctx, mailbox, "endpoint.imap.old")
	if err != nil {
		r.t.Fatal(err)
	}
	folders, err := l.Folders(ctx, box.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range folders {
		rows, err := l.Select(ctx, state.Query{Folder: f.ID, Limit: 100, States: []state.State{state.StateUndoing}})
		if err != nil {
			r.t.Fatal(err)
		}
		for _, row := range rows {
			uids = append(uids, row.DestinationUID)
		}
	}
	return uids
}

// TestUndoWhoseFolderIsAnotherNow leaves an undo in the middle and puts another folder in the place of the one that it was
// at work in, which went away under new UIDs. A search in the new one proves nothing.
func TestUndoWhoseFolderIsAnotherNow(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Projects", 6)
	r.mustApply("full")
	r.begunUndoing("anna")
	r.dst().Rename("Projects", "Renamed")
	r.dst().ChangeUIDValidity("Renamed")
	r.dst().Mkdir("Projects", mail.RoleNone)
	for range 3 {
		r.mustApply("full")
	}
	if n, named := r.in("Projects"), r.ambiguous(); n != 0 || named != 6 {
		t.Errorf("%d messages were sent again and %d are named", n, named)
	}
	r.checkState()
}
