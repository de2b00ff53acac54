package executor_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state"
)

// TestHardCase_R08_OlderCopyOfTheState: somebody puts an earlier state file back, which knows nothing of what was
// copied since; to believe it would be to send all that again. The backup that we made says that it is one, and a file
// older than the backup beside it is known by that: either way mail that is there is recognised first.
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

// TestHardCase_F08_FolderThatEndsTheSession: a server hangs up on whoever opens a folder with a blank at its end. The
// folders beside it are copied, and the one that can't be read is named.
func TestHardCase_F08_FolderThatEndsTheSession(t *testing.T) {
	t.Parallel()
	old := imapserver.Dovecot()
	old.Drops = []string{"Mail "}
	w := newWire(t, old, imapserver.Dovecot(), "anna")
	for _, folder := range []string{"INBOX", "Mail ", "Work"} {
		w.lanes[0].src.Add(folder, wireMessage(1, 100))
	}
	var named string
	w.heard = func(e executor.Event) {
		if f, ok := e.(executor.MailboxFailed); ok {
			named = f.Text
		}
	}
	p, out, err := w.apply("full")
	if err != nil || out.Blocked != 1 || out.Complete != 0 || !strings.HasPrefix(named, `folder "Mail "`) || len(p.Warnings) != 1 {
		t.Errorf("%v, %+v, %q, warnings %v", err, out.PassDone, named, p.Warnings)
	}
	for folder, want := range map[string]int{"INBOX": 1, "Mail ": 0, "Work": 1} {
		if got := len(w.lanes[0].dst.Messages(folder)); got != want {
			t.Errorf("%q holds %d messages, want %d", folder, got, want)
		}
	}
	w.config.Mailboxes[0].Folders.Exclude = []config.Rule{{Pattern: regexp.MustCompile("^Mail $")}}
	if out := w.mustApply("full"); out.Complete != 1 {
		t.Errorf("without that folder: %+v", out.PassDone)
	}
}
