package executor_test

import (
	"context"
	"fmt"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// lying are endpoints whose destination answers messages that it stored with other UIDs than theirs.
type lying struct {
	executor.Endpoints
	says func(a *mail.Appended)
}

func (e lying) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	d, err := e.Endpoints.Destination(ctx, mailbox)
	return &lyingDestination{d, e.says}, err
}

type lyingDestination struct {
	executor.Destination
	says func(a *mail.Appended)
}

func (d *lyingDestination) Append(ctx context.Context, f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) error {
	return d.Destination.Append(ctx, f, batch, func(a mail.Appended) {
		if a.Outcome == mail.Landed {
			d.says(&a)
		}
		done(a)
	})
}

// TestHardCase_P05_AppendUIDNotBelieved: the two numbers of APPENDUID come the wrong way round, under another UIDVALIDITY, or
// the same for every message. Flags that change later reach the messages that they belong to, and no stranger's.
func TestHardCase_P05_AppendUIDNotBelieved(t *testing.T) {
	for name, says := range map[string]func(a *mail.Appended){
		"swapped":             func(a *mail.Appended) { a.UID, a.UIDValidity = mail.UID(a.UIDValidity), mail.UIDValidity(a.UID) },
		"another UIDVALIDITY": func(a *mail.Appended) { a.UID, a.UIDValidity = a.UID-1, a.UIDValidity+1 },
		"always the first":    func(a *mail.Appended) { a.UID = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "anna")
			r.open = lying{r.endpoints, says}
			for i := range 2 {
				r.dst().Add("INBOX", letterOf(epoch, fmt.Sprint("a stranger's ", i)))
			}
			for i := range 3 {
				r.newMail(fmt.Sprint("ours ", i))
			}
			r.mustApply("full")
			flags := []mail.System{mail.Flagged, mail.Answered, mail.Draft}
			for i, f := range flags {
				r.src().SetFlags("INBOX", mail.UID(i+1), mail.Flags{System: f})
			}
			r.mustApply("full")
			for i, m := range r.dst().Messages("INBOX") {
				want := mail.Flags{}
				if i >= 2 {
					want.System = flags[i-2]
				}
				if !m.Flags.Equal(want) {
					t.Errorf("%q has the flags %v, want %v", m.Octets, m.Flags, want)
				}
			}
			r.checkState()
		})
	}
}

// TestHardCase_P07_NoUIDNext: a server does not say which UID comes next, so that no window tells new copies from old mail.
// Answers are lost, and each message is there once all the same.
func TestHardCase_P07_NoUIDNext(t *testing.T) {
	for kind := endpointtest.DropUnsent; kind <= endpointtest.DropAfterAll; kind++ {
		for _, noUIDPlus := range []bool{false, true} {
			t.Run(fmt.Sprintf("kind %d, uidplus %v", kind, !noUIDPlus), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, "anna")
				r.fill("INBOX", 12)
				r.src().Set(endpointtest.Faults{NoUIDNext: true})
				r.dst().Set(endpointtest.Faults{NoUIDNext: true, NoUIDPlus: noUIDPlus,
					Drop: map[int]endpointtest.Drop{3: {Kind: kind}, 7: {Kind: kind}}})
				r.untilDone()
				r.newMail("later")
				r.dst().Set(endpointtest.Faults{NoUIDNext: true, NoUIDPlus: noUIDPlus, Drop: map[int]endpointtest.Drop{1: {Kind: kind}}})
				r.untilDone()
				r.sameMail()
				r.checkState()
			})
		}
	}
}

// TestHardCase_P09_SourceUIDsThatDoNotLast: a source has UIDVALIDITY 0 and counts its mail anew each time. What was copied is
// recognised, though its UIDs name other messages.
func TestHardCase_P09_SourceUIDsThatDoNotLast(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	for n := range 3 {
		r.src().Renumber("INBOX", 0)
		r.newMail(fmt.Sprint("new ", n))
		r.mustApply("full")
		r.sameMail()
		r.src().Remove("INBOX", r.src().Messages("INBOX")[2].UID)
		r.dst().Remove("INBOX", r.dst().Messages("INBOX")[2].UID)
	}
	if n := appended(r.dst()); n != 23 {
		t.Errorf("%d messages were sent, want each once", n)
	}
	r.checkState()
}

// TestHardCase_P09_OneUIDValidityForAll: all folders of a server have the same UIDVALIDITY, and so the same UIDs. Mail of
// different folders is not taken for the same.
func TestHardCase_P09_OneUIDValidityForAll(t *testing.T) {
	r := newRig(t, "anna")
	for _, folder := range []string{"INBOX", "Sent", "Work"} {
		r.fill(folder, 10)
		r.src().Renumber(folder, 1)
	}
	r.mustApply("full")
	r.src().SetFlags("Work", 4, mail.Flags{System: mail.Flagged})
	r.untilDone()
	r.sameMail()
	r.checkState()
}

// TestHardCase_P25_FolderVanishesAgain: a folder that was made again is gone once more. It is not made without end: the
// mailbox stops there and says so, its other folders are copied, and the next run finishes.
func TestHardCase_P25_FolderVanishesAgain(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Projects", 10)
	r.fill("Work", 5)
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(folder string, _ endpointtest.Message) *mail.Error {
		if folder != "Projects" {
			return nil
		}
		return &mail.Error{Op: "append message", Kind: mail.Refused, Code: mail.CodeIMAPFolderGone, Text: "[TRYCREATE]"}
	}})
	out := r.mustApply("full")
	if out.Blocked != 1 || out.Copied.Messages != 5 || appended(r.dst()) > 40 {
		t.Errorf("outcome %+v after %d messages sent", out.PassDone, appended(r.dst()))
	}
	for _, e := range r.events {
		if f, is := e.(executor.MailboxFailed); is && f.Code != mail.CodeIMAPFolderGone {
			t.Errorf("told %+v", f)
		}
	}
	r.dst().Mend()
	r.untilDone()
	r.sameMail()
}
