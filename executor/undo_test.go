package executor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// undoes gives what an undo of every mailbox was to do, and what it did.
func (r *rig) undoes(between func()) (looked, did []executor.UndoMailbox, err error) {
	r.t.Helper()
	ctx := r.t.Context()
	l, err := state.Open(ctx, r.path, state.Options{Version: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			r.t.Error(err)
		}
	}()
	boxes, err := l.Mailboxes(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	o := executor.UndoOptions{Endpoints: r.endpoints, Ledger: r.ledger(l), Reopen: []string{"prestage", "full"}, Parallel: 2,
		Patience: r.patience, Stop: r.stop, Events: func(e executor.Event) { r.events = append(r.events, e) }}
	if looked, err = executor.SurveyUndo(ctx, boxes, o); err != nil {
		return looked, nil, err
	}
	between()
	did, err = executor.Undo(ctx, looked, o)
	return looked, did, err
}

// undo takes back what can be, and fails if that is not what was planned, or a mailbox could not be worked on.
func (r *rig) undo() executor.UndoMailbox {
	r.t.Helper()
	looked, did, err := r.undoes(func() {})
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range did {
		if did[i].Problem != nil || did[i].Remove != looked[i].Remove || did[i].Folders != looked[i].Folders {
			r.t.Errorf("planned %+v, did %+v, problem %+v", looked[i], did[i], did[i].Problem)
		}
	}
	return did[0]
}

func (r *rig) kept(got executor.UndoMailbox, want map[executor.Kept]int64) {
	r.t.Helper()
	for _, why := range executor.Reasons() {
		if got.Kept[why].Messages != want[why] {
			r.t.Errorf("%d kept as %s, not %d", got.Kept[why].Messages, why, want[why])
		}
	}
}

// TestUndoTakesBackAllAndApplyBringsItAgain: the destination is as before, with its own folders and without ours, and the
// same apply once more gives the same mail.
func TestUndoTakesBackAllAndApplyBringsItAgain(t *testing.T) {
	r := newRig(t, "anna")
	r.dst().Mkdir("Own", mail.RoleNone)
	r.src().Mkdir("Own", mail.RoleNone)
	r.src().Mkdir("Empty/below", mail.RoleNone)
	for _, folder := range []string{"INBOX", "Own", "Projects/2019", "Projects"} {
		r.fill(folder, 12)
	}
	r.mustApply("full")
	if got := r.undo(); got.Remove.Messages != 48 || got.Folders != 4 {
		t.Errorf("undo: %+v", got)
	}
	if got := r.dst().Folders(); !slices.Equal(got, []string{"INBOX", "Own"}) || len(facts(r.dst())) != 0 {
		t.Errorf("left are %v", got)
	}
	if got := r.undo(); got.Work() || got.Remove.Messages != 0 {
		t.Errorf("undo again: %+v", got)
	}
	if p := r.look("full"); p.Total.Todo.Messages != 48 {
		t.Errorf("plan after undo: %+v", p.Total)
	}
	r.mustApply("full")
	r.sameMail()
	if got := r.dst().Folders(); len(got) != len(r.src().Folders()) {
		t.Errorf("folders after apply: %v", got)
	}
}

// TestUndoSaysThatItWaits: while a side can't be reached, the survey of an undo and the undo itself tell of each wait.
func TestUndoSaysThatItWaits(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	r.mustApply("full")
	r.events = nil
	away := func(s *endpointtest.Store) {
		tries := 0
		s.Set(endpointtest.Faults{SignIn: func() error {
			if tries++; tries > 1 {
				return nil
			}
			return &mail.Error{Op: "connect", Kind: mail.Transient, Code: mail.CodeIMAPConnect, Text: "refused"}
		}})
	}
	away(r.dst())
	_, did, err := r.undoes(func() { away(r.src()) })
	if err != nil || did[0].Problem != nil || did[0].Remove.Messages != 3 {
		t.Fatalf("undo: %+v, %v", did, err)
	}
	var sides []string
	for _, e := range r.events {
		if w, is := e.(executor.Waiting); is && w.Code == mail.CodeIMAPConnect && w.Wait > 0 && w.Mailbox == did[0].Mailbox.Name {
			sides = append(sides, w.Side)
		}
	}
	if !slices.Equal(sides, []string{executor.SideDestination, executor.SideSource}) {
		t.Errorf("waits were told of %v", sides)
	}
}

// TestUndoKeepsWhatSomebodyTouched names each reason; the messages stay, and no later pass copies them again.
func TestUndoKeepsWhatSomebodyTouched(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 9)
	known := r.src().Messages("INBOX")[8]
	r.dst().Add("INBOX", endpointtest.Message{Date: known.Date, Flags: known.Flags, Octets: known.Octets})
	r.mustApply("full")
	there := r.dst().Messages("INBOX")
	uids := map[string][]mail.UID{}
	for _, m := range there {
		uids[string(m.Octets)] = append(uids[string(m.Octets)], m.UID)
	}
	flags := there[1].Flags
	read, deleted := flags, flags
	read.System |= mail.Answered
	deleted.System |= mail.Deleted
	r.dst().SetFlags("INBOX", there[1].UID, read)
	r.dst().SetFlags("INBOX", there[2].UID, deleted)
	r.dst().Remove("INBOX", there[3].UID)
	gone := r.src().Messages("INBOX")[6]
	r.src().Remove("INBOX", gone.UID)
	got := r.undo()
	r.kept(got, map[executor.Kept]int64{executor.KeptTouched: 2, executor.KeptGone: 1, executor.KeptAdopted: 1, executor.KeptSource: 1})
	if got.Remove.Messages != 4 {
		t.Errorf("removed %+v", got.Remove)
	}
	left := r.dst().Messages("INBOX")
	if len(left) != 4 || !slices.ContainsFunc(left, func(m endpointtest.Message) bool { return string(m.Octets) == string(gone.Octets) }) {
		t.Errorf("%d messages are left", len(left))
	}
	if out := r.mustApply("full"); out.Copied.Messages != 4 {
		t.Errorf("apply after undo: %+v", out.PassDone)
	}
}

// TestUndoLooksAgainBeforeItRemoves: what is touched while somebody thinks about the question stays as well.
func TestUndoLooksAgainBeforeItRemoves(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 5)
	r.mustApply("full")
	there := r.dst().Messages("INBOX")
	looked, did, err := r.undoes(func() {
		r.dst().SetFlags("INBOX", there[0].UID, mail.Flags{})
		r.dst().Remove("INBOX", there[1].UID)
		r.src().Remove("INBOX", 3)
	})
	if err != nil || looked[0].Remove.Messages != 5 || did[0].Remove.Messages != 2 {
		t.Fatalf("planned %+v, did %+v, %v", looked, did, err)
	}
	r.kept(did[0], map[executor.Kept]int64{executor.KeptTouched: 1, executor.KeptGone: 1, executor.KeptSource: 1})
}

// TestUndoUnderOtherUIDs: where UIDs mean nothing any more, nothing is removed.
func TestUndoUnderOtherUIDs(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 5)
	r.mustApply("full")
	r.dst().ChangeUIDValidity("INBOX")
	r.kept(r.undo(), map[executor.Kept]int64{executor.KeptUnplaced: 5})
	r.sameMail()
}

// TestUndoKnowsRenderedMail: a destination that gives back other octets is asked for what they mean.
func TestUndoKnowsRenderedMail(t *testing.T) {
	r := newRig(t, "anna")
	r.dst().SetLimits(mail.Limits{Names: mail.NameRules{Delimiter: "/"}})
	r.fill("INBOX", 4)
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("Subject: lines\n\nbare\n")})
	r.dst().Set(endpointtest.Faults{FixLines: true})
	r.mustApply("full")
	if got := r.undo(); got.Remove.Messages != 5 {
		t.Errorf("undo: %+v", got)
	}
}

// TestUndoSurvivesEveryFault breaks each removal in each way: the undo or the next apply comes to a right end, whichever is
// run.
// TestUndoKnowsWhatWasChangedOnTheWay takes back copies that were sent with other octets than the source's.
func TestUndoKnowsWhatWasChangedOnTheWay(t *testing.T) {
	r := amendedRig(t)
	out := r.mustApply("full")
	if got := r.undo(); out.Amended == 0 || got.Remove.Messages != out.Copied.Messages || len(r.dst().Messages("INBOX")) != 0 {
		t.Errorf("%d of %d copies went, %d of which had been changed", got.Remove.Messages, out.Copied.Messages, out.Amended)
	}
	r.mustApply("full")
	r.arrived()
}

func TestUndoSurvivesEveryFault(t *testing.T) {
	for fault := endpointtest.EraseUnheard; fault <= endpointtest.EraseDreamed; fault++ {
		for at := 1; at <= 4; at++ {
			for _, then := range []string{"undo", "apply"} {
				t.Run(fmt.Sprintf("fault %d at %d then %s", fault, at, then), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, "anna")
					r.fill("INBOX", 7)
					r.fill("Below/two", 5)
					r.mustApply("full")
					r.patience.Tries = 1
					r.dst().Set(endpointtest.Faults{Erase: map[int]endpointtest.EraseFault{at: fault, at + 1: fault, at + 2: fault}})
					if _, _, err := r.undoes(func() {}); err != nil {
						t.Fatal(err)
					}
					r.dst().Mend()
					r.comesToAnEnd(then)
				})
			}
		}
	}
}

// TestUndoCutAtEveryCall breaks the connection, or the ledger as a crash does, at every step of an undo.
func TestUndoCutAtEveryCall(t *testing.T) {
	for _, crash := range []bool{false, true} {
		for at := 1; at <= 26; at++ {
			then := []string{"undo", "apply"}[at/2%2]
			t.Run(fmt.Sprintf("crash %v at %d then %s", crash, at, then), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, "anna")
				r.fill("INBOX", 7)
				r.fill("Below/two", 5)
				r.mustApply("full")
				r.patience.Tries = 1
				if crash {
					var left atomic.Int64
					left.Store(int64(at))
					r.wrap = func(l *state.Ledger) executor.Ledger { return crashing{l, &left, at%2 == 0} }
				} else {
					r.dst().Set(endpointtest.Faults{FailCall: at})
				}
				_, _, err := r.undoes(func() {})
				if err != nil && !errors.Is(err, errCrash) {
					t.Fatal(err)
				}
				r.wrap = nil
				r.dst().Mend()
				r.comesToAnEnd(then)
			})
		}
	}
}

// comesToAnEnd finishes with an undo, after which nothing of ours is there, or with an apply, after which all is there once.
func (r *rig) comesToAnEnd(then string) {
	r.t.Helper()
	if then == "undo" {
		r.undo()
		if left := facts(r.dst()); len(left) > 0 || len(r.dst().Folders()) != 1 {
			r.t.Errorf("%d messages are left in %v", len(left), r.dst().Folders())
		}
	}
	r.untilDone()
	r.sameMail()
	for _, m := range r.dst().Messages("INBOX") {
		if m.Flags.System&mail.Deleted != 0 {
			r.t.Error("a copy is still marked as deleted")
		}
	}
}

// TestUndoThenApplyChangesNothing holds, for random mail and random changes by users: what is at the destination after
// undo and apply is what was there before, and then there is nothing to do.
func TestUndoThenApplyChangesNothing(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			r := newRig(t, "anna")
			r.trial(1+random.IntN(4), 4000)
			r.randomMail(random)
			for _, pass := range []string{"trial", "prestage", "full"}[random.IntN(3):] {
				r.mustApply(pass)
			}
			r.mustApply("full")
			r.users(random)
			before := facts(r.dst())
			for range 1 + random.IntN(2) {
				r.undo()
			}
			if random.IntN(2) == 0 {
				r.mustApply("trial")
			}
			r.mustApply("full")
			if after := facts(r.dst()); !slices.Equal(after, before) {
				t.Errorf("%d messages, before %d%s", len(after), len(before), firstDifference(after, before))
			}
			if p := r.look("full"); !p.Empty() {
				t.Errorf("then the plan is %+v", p.Total)
			}
		})
	}
}

// randomMail fills both sides: equal messages, some on both sides already.
func (r *rig) randomMail(random *rand.Rand) {
	for range 1 + random.IntN(5) {
		folder := []string{"INBOX", "A", "A/B", "A/B/C", "D"}[random.IntN(5)]
		r.src().Mkdir(folder, mail.RoleNone)
		for range random.IntN(12) {
			m := endpointtest.Message{Date: epoch.AddDate(0, 0, -random.IntN(200)),
				Flags:  mail.ParseFlags([]string{`\Seen`, `\Flagged`, "Work"}[:random.IntN(4)]),
				Octets: []byte(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", random.IntN(6), random.IntN(2)))}
			r.src().Add(folder, m)
			if random.IntN(6) == 0 {
				r.dst().Add(folder, m)
			}
		}
	}
}

// users change, delete, move and add mail at the destination.
func (r *rig) users(random *rand.Rand) {
	for _, folder := range r.dst().Folders() {
		for _, m := range r.dst().Messages(folder) {
			switch random.IntN(8) {
			case 0:
				r.dst().SetFlags(folder, m.UID, mail.Flags{System: mail.Answered})
			case 1:
				r.dst().Remove(folder, m.UID)
			case 2:
				r.dst().Remove(folder, m.UID)
				r.dst().Add("Kept", endpointtest.Message{Date: m.Date, Flags: m.Flags, Octets: m.Octets})
			case 3:
				r.dst().Add(folder, endpointtest.Message{Date: epoch, Octets: []byte("Subject: new\r\n\r\nNew.\r\n")})
			}
		}
	}
}

// TestUndoKeepsWhatWasAdoptedUnderEarlierUIDs gives the source new UIDs: what was at the destination before stays somebody
// else's, and only what mailhaul sent is taken back.
func TestUndoKeepsWhatWasAdoptedUnderEarlierUIDs(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	known := r.src().Messages("INBOX")[2]
	r.dst().Add("INBOX", endpointtest.Message{Date: known.Date, Flags: known.Flags, Octets: known.Octets})
	r.mustApply("full")
	r.src().ChangeUIDValidity("INBOX")
	r.mustApply("full")
	got := r.undo()
	r.kept(got, map[executor.Kept]int64{executor.KeptAdopted: 1})
	left := r.dst().Messages("INBOX")
	if got.Remove.Messages != 2 || len(left) != 1 || string(left[0].Octets) != string(known.Octets) {
		t.Errorf("removed %+v, %d messages are left", got.Remove, len(left))
	}
}

// TestUndoOfAnotherMailboxUnderNewUIDs leaves an undo of one mailbox in the middle, and gives the destination that it shares
// with another one new UIDs, which the other one notices first. The old UIDs must not be taken for those of other messages.
func TestUndoOfAnotherMailboxUnderNewUIDs(t *testing.T) {
	r := merged(t, "anna", "bo")
	r.parallel = 1
	for _, m := range r.config.Mailboxes {
		m.Messages.Existing = "ignore"
	}
	r.dst().Add("INBOX", letterOf(epoch, "somebody's"))
	for name, src := range r.endpoints.Sources {
		for i := range 4 {
			src.Add("INBOX", letterOf(epoch, fmt.Sprint(name, i)))
		}
	}
	r.untilDone()
	r.begunUndoing("bo")
	r.dst().Remove("INBOX", 1)
	r.dst().ChangeUIDValidity("INBOX")
	r.untilDone()
	r.union()
}

// begunUndoing leaves the ledger as an undo does that dies before the server is told.
func (r *rig) begunUndoing(mailbox string) {
	r.t.Helper()
	ctx := r.t.Context()
	l, err := state.Open(ctx, r.path, state.Options{Version: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	boxes, err := l.Mailboxes(ctx)
	for _, box := range boxes {
		if box.Name != mailbox {
			continue
		}
		folders, err := l.Folders(ctx, box.ID)
		for _, f := range folders {
			rows, err := l.Select(ctx, state.Query{Folder: f.ID, Limit: 100, States: []state.State{state.StateLanded}})
			for i := range rows {
				rows[i].State = state.StateUndoing
			}
			if err := errors.Join(err, l.Put(ctx, rows, nil)); err != nil {
				r.t.Fatal(err)
			}
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if err := errors.Join(err, l.Close()); err != nil {
		r.t.Fatal(err)
	}
}

// TestUndoKeepsWhatTheSourceLost: a source folder that began anew gives UIDs away again, and then they name other messages.
func TestUndoKeepsWhatTheSourceLost(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 5)
	r.mustApply("full")
	v := validity(t, r.src(), "INBOX")
	for _, m := range r.src().Messages("INBOX") {
		r.src().Remove("INBOX", m.UID)
	}
	r.src().Renumber("INBOX", v)
	r.src().Add("INBOX", letterOf(epoch, "another"))
	r.kept(r.undo(), map[executor.Kept]int64{executor.KeptSource: 5})
	if n := len(r.dst().Messages("INBOX")); n != 5 {
		t.Errorf("%d copies are left of 5", n)
	}
}

// TestUndoBeforeAChangedSourceAddress leaves an undo in the middle of a mailbox that then goes on under another address.
func TestUndoBeforeAChangedSourceAddress(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 6)
	r.mustApply("full")
	r.begunUndoing("anna")
	r.endpoints.Sources["anna.new"], r.endpoints.Destinations["anna.new"] = r.src(), r.dst()
	delete(r.endpoints.Sources, "anna")
	r.config.Mailboxes[0].Source.Address = "anna.new"
	r.untilDone()
	r.sameMail()
	r.checkState()
}
