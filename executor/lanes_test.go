package executor_test

import (
	"fmt"
	"testing"
	"time"

	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// sessions counts the sessions that appended to a store.
func sessions(s *endpointtest.Store) int {
	all := map[int]bool{}
	for _, c := range s.Calls() {
		if c.Op == "append" {
			all[c.Session] = true
		}
	}
	return len(all)
}

// TestFoldersSideBySide: further connections take their share of the folders, and whatever breaks on them is finished by
// the first one.
func TestFoldersSideBySide(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults endpointtest.Faults
	}{
		{"no fault", endpointtest.Faults{}},
		{"broken before storing", endpointtest.Faults{Drop: map[int]endpointtest.Drop{20: {Kind: endpointtest.DropBefore}, 41: {Kind: endpointtest.DropBefore}}}},
		{"lost answers", endpointtest.Faults{Drop: map[int]endpointtest.Drop{15: {Kind: endpointtest.DropAfterAll}, 55: {Kind: endpointtest.DropAfter}}}},
		{"late", endpointtest.Faults{Drop: map[int]endpointtest.Drop{30: {Kind: endpointtest.DropAfter, LateBy: 15e6}}}},
		{"without UIDPLUS", endpointtest.Faults{NoUIDPlus: true, Drop: map[int]endpointtest.Drop{33: {Kind: endpointtest.DropAfter}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "anna")
			r.endpoints.PerMailbox = 3
			for i := range 12 {
				r.fill(fmt.Sprintf("Folder %d", i), 9)
			}
			r.dst().Set(c.faults)
			out := r.mustApply("full")
			if n := sessions(r.dst()); n < 2 {
				t.Errorf("%d sessions brought the mail", n)
			}
			if out.Copied.Messages != 12*9 && c.name == "no fault" {
				t.Errorf("outcome %+v", out.PassDone)
			}
			r.dst().Mend()
			r.untilDone()
			r.sameMail()
		})
	}
}

// TestMergedFoldersStayInOrder: folders that go to one place are never copied side by side: equal mail of the two could
// not be told apart in a doubt.
func TestMergedFoldersStayInOrder(t *testing.T) {
	r := newRig(t, "anna")
	r.endpoints.PerMailbox = 3
	r.config.Mailboxes[0].Folders.Merge = "allow"
	for i := range 6 {
		r.fill(fmt.Sprintf("F%d", i), 9)
	}
	r.src().Mkdir("Sent", mail.RoleSent)
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{12: {Kind: endpointtest.DropAfterAll}}})
	r.untilDone()
	r.sameMail()
}

// TestInterruptEndsALanesWait: a further connection that a server asks to wait leaves its folder to the first one, asks no
// more by itself, and keeps nobody from leaving.
func TestInterruptEndsALanesWait(t *testing.T) {
	r := newRig(t, "anna")
	r.endpoints.PerMailbox = 2
	for i := range 8 {
		r.fill(fmt.Sprintf("Folder %d", i), 9)
	}
	r.stop = make(chan struct{})
	asked := 0
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
		if asked++; asked == 5 {
			close(r.stop)
		}
		return &mail.Error{Op: "append message", Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Wait: time.Hour}
	}})
	done := make(chan error, 1)
	go func() {
		_, _, err := r.apply("full")
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the interrupt waits for the server")
	}
	r.stop = nil
	r.dst().Mend()
	r.untilDone()
	r.sameMail()
}
