package executor_test

import (
	"errors"
	"os"
	"testing"

	"mailhaul/state"
)

// TestHardCase_R08_OlderCopyOfTheState: somebody puts an earlier state file back, which knows nothing of what was copied
// since; to believe it would be to send all that again. The backup that we made says that it is one, and a file older than
// the backup beside it is known by that: either way mail that is there is recognised first.
func TestHardCase_R08_OlderCopyOfTheState(t *testing.T) {
	for _, which := range []string{"the backup", "an own copy"} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "anna")
			r.fill("INBOX", 20)
			r.fill("Work", 10)
			r.mustApply("prestage")
			r.backup()
			copied := r.path
			if which == "the backup" {
				copied += ".backup"
			}
			octets, err := os.ReadFile(copied)
			if err != nil {
				t.Fatal(err)
			}
			r.newMail("later")
			r.fill("Work", 12)
			r.mustApply("full")
			r.sameMail()
			r.backup()
			if err := os.WriteFile(r.path, octets, 0o600); err != nil {
				t.Fatal(err)
			}
			r.dst().Forget()
			r.mustApply("full")
			r.sameMail()
			if n := appended(r.dst()); n != 0 {
				t.Errorf("%d messages were appended", n)
			}
		})
	}
}

// backup ends a run as the command line does.
func (r *rig) backup() {
	r.t.Helper()
	l, err := state.Open(r.t.Context(), r.path, state.Options{Version: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := errors.Join(l.Backup(r.t.Context()), l.Close()); err != nil {
		r.t.Fatal(err)
	}
}
