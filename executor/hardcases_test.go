package executor_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state"
	"mailhaul/state/mail"
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

// TestHardCase_F13_ContainersAreMade: a parent that can't be opened stopped whole jobs. It is made at the destination, for
// its children, or for nothing; a mailbox with one is complete.
func TestHardCase_F13_ContainersAreMade(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	r.src().Container("Lists")
	r.src().Container("Shelf")
	r.fill("Lists/a", 3)
	if out := r.mustApply("full"); out.Complete != 1 || out.Copied.Messages != 3 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	if got := r.dst().Folders(); !slices.Contains(got, "Lists") || !slices.Contains(got, "Shelf") {
		t.Errorf("the destination has %q", r.dst().Folders())
	}
}

// TestHardCase_R03_NetworkGone: the network goes away in the middle and stays away. A tool that ends well then leaves
// thousands of messages behind; here nothing is complete, in what the run says or in what the state remembers, until every
// message is settled.
func TestHardCase_R03_NetworkGone(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"source", "destination"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "anna")
			r.fill("INBOX", 900)
			gone := r.src()
			if side == "destination" {
				gone = r.dst()
			}
			gone.Set(endpointtest.Faults{FailAfterMessages: 300})
			out := r.mustApply("full")
			if out.Complete != 0 || out.Blocked+out.Incomplete != 1 {
				t.Errorf("outcome %+v", out.PassDone)
			}
			l, err := state.OpenRead(t.Context(), r.path)
			if err != nil {
				t.Fatal(err)
			}
			records, err := l.MailboxPasses(t.Context())
			if err := errors.Join(err, l.Close()); err != nil || len(records) != 1 || records[0].Progress == state.Complete {
				t.Errorf("the state remembers %+v, %v", records, err)
			}
			gone.Mend()
			r.untilDone()
			r.sameMail()
		})
	}
}

// TestHardCase_R15_PeopleAtWork: while it is copied, mail arrives at both sides and people file, delete and read what is
// there already. The next pass brings what is new at the source and nothing else: no copy comes back that somebody moved or
// deleted, and what came at the destination by itself stays one.
func TestHardCase_R15_PeopleAtWork(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	r.fill("INBOX", 30)
	own := endpointtest.Message{Date: epoch, Octets: []byte("Subject: came by itself\r\n\r\n")}
	var late string
	n := 0
	r.dst().Set(endpointtest.Faults{Meanwhile: func(s *endpointtest.Store, _ string) {
		if n++; n == 20 {
			s.Add("INBOX", own)
			late = r.newMail("came late")
		}
	}})
	r.mustApply("full")
	all := r.dst().Messages("INBOX")
	if len(all) != 31 || len(late) == 0 {
		t.Fatalf("%d messages are there", len(all))
	}
	r.dst().Mkdir("Filed", mail.RoleNone)
	r.dst().Add("Filed", all[3])
	r.dst().Remove("INBOX", all[3].UID, all[4].UID)
	r.dst().Forget()
	r.mustApply("full")
	if _, ok := r.there(late); !ok || appended(r.dst()) != 1 {
		t.Errorf("what came late is there: %v; %d messages were appended", ok, appended(r.dst()))
	}
	if got := len(r.dst().Messages("INBOX")); got != 30 || len(r.dst().Messages("Filed")) != 1 {
		t.Errorf("INBOX holds %d messages, Filed %d", got, len(r.dst().Messages("Filed")))
	}
	r.dst().Forget()
	if p, _, err := r.apply("full"); err != nil || !p.Empty() || appended(r.dst()) != 0 {
		t.Errorf("%v, %+v, %d messages were appended", err, p.Total, appended(r.dst()))
	}
}
