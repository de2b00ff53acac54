package executor_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// newMail adds a message that no other one is equal to, and gives its octets.
func (r *rig) newMail(name string) string {
	octets := "Subject: " + name + "\r\n\r\nNew mail.\r\n"
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte(octets)})
	return octets
}

// there gives the message of these octets at the destination.
func (r *rig) there(octets string) (endpointtest.Message, bool) {
	all := r.dst().Messages("INBOX")
	i := slices.IndexFunc(all, func(m endpointtest.Message) bool { return string(m.Octets) == octets })
	if i < 0 {
		return endpointtest.Message{}, false
	}
	return all[i], true
}

// TestRenumberedSource gives the UID of a message that was copied to one that was not.
func TestRenumberedSource(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	r.mustApply("full")
	octets := r.newMail("after the restore")
	r.src().Remove("INBOX", 1)
	r.src().ChangeUIDValidity("INBOX")
	r.dst().Forget()
	r.mustApply("full")
	if _, ok := r.there(octets); !ok || appended(r.dst()) != 1 {
		t.Errorf("the new message is there: %v; %d messages were appended", ok, appended(r.dst()))
	}
}

// TestRenumberedDestination: under a new UIDVALIDITY what a user deleted stays deleted, and flags reach the message that
// they belong to.
func TestRenumberedDestination(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	r.mustApply("full")
	r.dst().Remove("INBOX", 1)
	r.dst().ChangeUIDValidity("INBOX")
	flags := mail.ParseFlags([]string{`\Seen`, `\Flagged`, "Label"})
	flagged := r.src().Messages("INBOX")[2]
	r.src().SetFlags("INBOX", flagged.UID, flags)
	r.newMail("after the restore")
	r.dst().Forget()
	r.mustApply("full")
	if n := appended(r.dst()); n != 1 {
		t.Errorf("%d messages were appended, want the new one", n)
	}
	for _, m := range r.dst().Messages("INBOX") {
		if want := string(m.Octets) == string(flagged.Octets); m.Flags.Equal(flags) != want {
			t.Errorf("UID %d has the flags %v", m.UID, m.Flags)
		}
	}
}

// TestRefusedListingIsNotComplete holds I8: a server ends the listing with an error after a part of it.
func TestRefusedListingIsNotComplete(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	r.src().Set(endpointtest.Faults{ListFails: 7,
		ListRefused: &mail.Error{Op: "list messages", Kind: mail.Refused, Code: mail.CodeIMAPFolder, Text: "[LIMIT]"}})
	if _, out, err := r.apply("full"); err != nil || out.Complete != 0 {
		t.Errorf("%v, %+v", err, out.PassDone)
	}
	r.src().Mend()
	r.untilDone()
	r.sameMail()
}

// TestEmptyBodyIsNotTheMessage: a server that answers with no octets for a message that has some is asked again, and
// then the message is damaged, not copied empty.
func TestEmptyBodyIsNotTheMessage(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 5)
	r.src().Set(endpointtest.Faults{EmptyBody: map[mail.UID]bool{3: true}})
	if out := r.mustApply("full"); out.Failed.Messages != 1 || out.Copied.Messages != 4 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	r.src().Mend()
	r.mustApply("retry")
	r.sameMail()
}

// TestHardCase_P05_ForeignAppendUID: the server names a stranger's message as the copy. It must not get our flags.
func TestHardCase_P05_ForeignAppendUID(t *testing.T) {
	r := newRig(t, "anna")
	r.dst().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("Subject: a stranger's\r\n\r\n")})
	r.newMail("ours")
	r.dst().Set(endpointtest.Faults{WrongUID: true})
	r.mustApply("full")
	r.src().SetFlags("INBOX", 1, mail.ParseFlags([]string{`\Flagged`}))
	r.mustApply("full")
	if m := r.dst().Messages("INBOX")[0]; !m.Flags.Equal(mail.Flags{}) {
		t.Errorf("the stranger's message got the flags %v", m.Flags)
	}
}

// stopAtDoubt interrupts the next run when it begins to wait for the second look.
func (r *rig) stopAtDoubt() {
	stop, stopped := make(chan struct{}), false
	r.stop = stop
	r.heard = func(e executor.Event) {
		if w, ok := e.(executor.Waiting); ok && w.Code == mail.CodeMessageUnknown && !stopped {
			stopped = true
			close(stop)
		}
	}
}

// watched is a ledger that remembers the intents.
type watched struct {
	executor.Ledger
	mu      *sync.Mutex
	intents map[mail.UID]state.Message
}

func (w watched) Put(ctx context.Context, rows []state.Message, failures []state.Failure) error {
	w.mu.Lock()
	for _, row := range rows {
		if row.State == state.StateIntent {
			w.intents[row.UID] = row
		}
	}
	w.mu.Unlock()
	return w.Ledger.Put(ctx, rows, failures)
}

// TestWindowIsNotMovedOverADoubt holds I6: messages sent while an earlier one is in doubt keep the U0 of the doubt.
func TestWindowIsNotMovedOverADoubt(t *testing.T) {
	r := newRig(t, "anna")
	r.grace = 1e12 // nobody waits for it: both runs are interrupted
	r.fill("INBOX", 3)
	intents := map[mail.UID]state.Message{}
	var mu sync.Mutex
	r.wrap = func(l *state.Ledger) executor.Ledger { return watched{l, &mu, intents} }
	r.dst().Set(endpointtest.Faults{NoUIDPlus: true, Drop: map[int]endpointtest.Drop{2: {Kind: endpointtest.DropBefore}}})
	r.stopAtDoubt()
	r.mustApply("full")
	r.newMail("sent while the doubt is open")
	r.stopAtDoubt()
	r.mustApply("full")
	var doubt state.Message
	for _, row := range r.rows("INBOX") {
		if row.State == state.StateUnknown {
			doubt = row
		}
	}
	if doubt.U0 == 0 || intents[4].U0 == 0 || intents[4].U0 > doubt.U0 {
		t.Errorf("the doubt is %+v (empty: there is none), the attempt beside it %+v", doubt, intents[4])
	}
	r.stop, r.grace = nil, 1e6
	r.untilDone()
	r.sameMail()
}

// rows reads the ledger's rows of a source folder.
func (r *rig) rows(folder string) (all []state.Message) {
	r.t.Helper()
	l, err := state.OpenRead(r.t.Context(), r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	pairs, err := l.Folders(r.t.Context(), 1)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range pairs {
		if f.Source != folder {
			continue
		}
		rows, err := l.Select(r.t.Context(), state.Query{Folder: f.ID, Limit: 1000,
			States: []state.State{state.StateAbsent, state.StateIntent, state.StateUnknown, state.StateLanded, state.StateAdopted,
				state.StateRefused, state.StateAmbiguous}})
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}
