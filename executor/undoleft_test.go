package executor_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestUndoWhoseFolderIsRenamed leaves an undo in the middle and renames the destination folder before the next apply, with
// all, some or none of its copies removed by then. What is still there must not come a second time, what is gone comes
// again, and where nothing tells what became of the folder each message is named and none is sent.
func TestUndoWhoseFolderIsRenamed(t *testing.T) {
	for _, removed := range []int{0, 2, 6} {
		for _, then := range []string{"apply", "undo"} {
			for _, anew := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d removed, %s, anew %v", removed, then, anew), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, "anna")
					r.fill("INBOX", 3)
					r.fill("Projects", 6)
					r.mustApply("full")
					r.begunUndoing("anna")
					for _, m := range r.dst().Messages("Projects")[:removed] {
						r.dst().Remove("Projects", m.UID)
					}
					r.dst().Rename("Projects", "Renamed")
					if anew {
						r.dst().Mkdir("Projects", mail.RoleNone)
					}
					if then == "undo" {
						r.undo()
					}
					r.untilDone()
					if n := len(r.dst().Messages("INBOX")) + r.in("Projects") + r.in("Renamed"); n != 9 {
						t.Errorf("%d messages, not 9: %d and %d in Projects", n, r.in("Projects"), r.in("Renamed"))
					}
					if n := r.in("Renamed"); n != 6-removed {
						t.Errorf("%d messages are in the folder that was renamed", n)
					}
					for _, m := range r.dst().Messages("Renamed") {
						if m.Flags.System&mail.Deleted != 0 {
							t.Error("a copy is still marked as deleted")
						}
					}
					r.checkState()
				})
			}
		}
	}
}

// in counts the messages of a destination folder that may not be there.
func (r *rig) in(folder string) int {
	if !slices.Contains(r.dst().Folders(), folder) {
		return 0
	}
	return len(r.dst().Messages(folder))
}

// TestUndoWhoseFolderIsGone leaves an undo in the middle and takes the destination folder away: nothing tells whether its
// copies are elsewhere now, so they are named and sent only when a person says so.
func TestUndoWhoseFolderIsGone(t *testing.T) {
	for _, then := range []string{"apply", "undo"} {
		t.Run(then, func(t *testing.T) {
			r := newRig(t, "anna")
			r.fill("Projects", 6)
			r.mustApply("full")
			r.begunUndoing("anna")
			r.dst().RemoveFolder("Projects")
			if then == "undo" {
				r.undo()
			}
			_, out, err := r.apply("full")
			if err != nil || out.Copied.Messages != 0 || r.in("Projects") != 0 {
				t.Errorf("%+v, %v", out.PassDone, err)
			}
			for _, row := range r.rows("Projects") {
				if row.State != state.StateAmbiguous {
					t.Errorf("a row is in state %d", row.State)
				}
			}
			if named := r.ambiguous(); named != 6 {
				t.Errorf("%d messages are named", named)
			}
			r.checkState()
			r.resend = true
			r.mustApply("retry")
			r.sameMail()
		})
	}
}

// ambiguous counts the failures that say that nobody can tell.
func (r *rig) ambiguous() (n int) {
	r.t.Helper()
	l, err := state.OpenRead(r.t.Context(), r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	list, err := l.FailedMessages(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range list {
		if f.Code == mail.CodeMessageAmbiguous {
			n++
		}
	}
	return n
}

// TestUndoOfAnotherMessageUnderTheUID: what the source has under the UID now is not what was copied.
func TestUndoOfAnotherMessageUnderTheUID(t *testing.T) {
	for _, lies := range []mail.Size{0, 7} {
		r := newRig(t, "anna")
		r.src().Set(endpointtest.Faults{WrongSize: lies}) // a server that lies about sizes is asked for the octets
		r.fill("INBOX", 4)
		r.mustApply("full")
		m := r.src().Messages("INBOX")
		r.src().Replace("INBOX", m[0].UID, endpointtest.Message{Date: m[0].Date.Add(time.Hour), Flags: m[0].Flags, Octets: m[0].Octets})
		r.src().Replace("INBOX", m[1].UID, endpointtest.Message{Date: m[1].Date, Flags: m[1].Flags, Octets: []byte("Subject: longer than before\r\n\r\nAnother.\r\n")})
		got := r.undo()
		r.kept(got, map[executor.Kept]int64{executor.KeptSource: 2})
		if n := len(r.dst().Messages("INBOX")); n != 2 || got.Remove.Messages != 2 {
			t.Errorf("sizes wrong by %d: %d copies are left of 4, %d removed", lies, n, got.Remove.Messages)
		}
	}
}

// TestUndoLooksAgainAtTheSource: what is marked as deleted, or became another message, while somebody thinks about the
// question, may be gone soon.
func TestUndoLooksAgainAtTheSource(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 4)
	r.mustApply("full")
	m := r.src().Messages("INBOX")
	_, did, err := r.undoes(func() {
		flags := m[0].Flags
		flags.System |= mail.Deleted
		r.src().SetFlags("INBOX", m[0].UID, flags)
		r.src().Replace("INBOX", m[1].UID, endpointtest.Message{Date: m[1].Date.Add(time.Hour), Flags: m[1].Flags, Octets: m[1].Octets})
		r.src().Replace("INBOX", m[2].UID, endpointtest.Message{Date: m[2].Date, Flags: m[2].Flags, Octets: []byte("Subject: longer than before\r\n\r\nAnother.\r\n")})
	})
	if err != nil || did[0].Remove.Messages != 1 {
		t.Fatalf("did %+v, %v", did, err)
	}
	r.kept(did[0], map[executor.Kept]int64{executor.KeptSource: 3})
}

// TestUndoOfALargeFolder: the look right before the removal asks for what is removed then, and not each time for all that
// is left.
func TestUndoOfALargeFolder(t *testing.T) {
	const n = 2000
	r := newRig(t, "anna")
	r.fill("INBOX", n)
	r.mustApply("full")
	l, err := state.Open(t.Context(), r.path, state.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	boxes, err := l.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := &listing{Endpoints: r.endpoints}
	o := executor.UndoOptions{Endpoints: e, Ledger: l, Reopen: []string{"full"}, Patience: r.patience}
	looked, err := executor.SurveyUndo(t.Context(), boxes, o)
	if err != nil {
		t.Fatal(err)
	}
	did, err := executor.Undo(t.Context(), looked, o)
	if err != nil || did[0].Remove.Messages != n || len(r.dst().Messages("INBOX")) != 0 {
		t.Fatalf("%+v, %v", did, err)
	}
	if e.source > 2*n || e.destination > 3*n { // the survey, the look before, and the one after the removal
		t.Errorf("%d messages of the source were listed and %d of the destination, of %d", e.source, e.destination, n)
	}
}

// listing counts the messages that are listed.
type listing struct {
	*endpointtest.Endpoints
	source, destination int
}

func (l *listing) Source(ctx context.Context, mailbox string) (executor.Source, error) {
	s, err := l.Endpoints.Source(ctx, mailbox)
	return &listedSource{s, &l.source}, err
}

func (l *listing) Eraser(ctx context.Context, mailbox string) (executor.Eraser, error) {
	e, err := l.Endpoints.Eraser(ctx, mailbox)
	return &listedEraser{e, &l.destination}, err
}

type listedSource struct {
	executor.Source
	n *int
}

func (s *listedSource) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return counting(s.Source.List(ctx, f, q), s.n)
}

type listedEraser struct {
	executor.Eraser
	n *int
}

func (e *listedEraser) List(ctx context.Context, f mail.Folder, q mail.Query) iter.Seq2[mail.Message, error] {
	return counting(e.Eraser.List(ctx, f, q), e.n)
}

func counting(list iter.Seq2[mail.Message, error], n *int) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		for m, err := range list {
			if *n++; !yield(m, err) {
				return
			}
		}
	}
}
