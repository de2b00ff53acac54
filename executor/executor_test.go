package executor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

func TestCopiesEverythingOnceAndThenNothing(t *testing.T) {
	r := newRig(t, "anna", "bo", "carla")
	for i, folder := range []string{"INBOX", "INBOX/Projects", "Åre/2019"} {
		r.fill(folder, 40*i+7)
	}
	r.src().Mkdir("Empty", mail.RoleNone)
	r.endpoints.Sources["bo"].Add("INBOX", endpointtest.Message{Date: epoch, Octets: nil})
	out := r.mustApply("full")
	r.sameMail()
	if out.Copied.Messages != out.Planned.Messages || out.Complete != 3 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	if !slices.Contains(r.dst().Folders(), "Empty") {
		t.Error("the empty folder was not created")
	}
	for _, s := range r.endpoints.Sources {
		s.Forget()
	}
	r.dst().Forget()
	p, _, err := r.apply("full")
	if err != nil || !p.Empty() {
		t.Errorf("second plan: %v, %+v", err, p.Total)
	}
	if n, m := r.src().Ops("fetch"), r.dst().Ops("append"); n+m != 0 {
		t.Errorf("second apply fetched %d times and appended %d times", n, m)
	}
}

func TestBoundsAreExact(t *testing.T) {
	r := newRig(t, "anna")
	bound := epoch.Add(-90 * 24 * time.Hour)
	zones := []*time.Location{time.UTC, time.FixedZone("", 14*3600), time.FixedZone("", -12*3600+45*60)}
	for i, z := range zones {
		for _, d := range []time.Duration{-time.Second, 0, time.Second} {
			r.src().Add("INBOX", endpointtest.Message{Date: bound.Add(d).In(z), Octets: []byte(fmt.Sprintf("X: %d %v\r\n\r\n", i, d))})
		}
	}
	r.src().Add("INBOX", endpointtest.Message{Octets: []byte("X: no date\r\n\r\n")})
	r.mustApply("prestage")
	for _, m := range r.dst().Messages("INBOX") {
		if !m.Date.Before(bound) {
			t.Errorf("prestage brought %v, not before %v", m.Date, bound)
		}
	}
	if n := len(r.dst().Messages("INBOX")); n != len(zones) {
		t.Errorf("prestage brought %d messages, want %d", n, len(zones))
	}
	r.now = r.now.Add(48 * time.Hour)
	if p, _, _ := r.apply("prestage"); !p.Empty() {
		t.Errorf("the bound moved with the clock: %+v", p.Total)
	}
	if out := r.mustApply("full"); out.Copied.Messages != int64(2*len(zones)+1) {
		t.Errorf("full brought %+v", out.Copied)
	}
}

// TestEveryBrokenAppend breaks the connection at each append in each way, with and without UIDPLUS.
func TestEveryBrokenAppend(t *testing.T) {
	const n = 12
	for _, noUIDPlus := range []bool{false, true} {
		for kind := endpointtest.DropUnsent; kind <= endpointtest.DropAfterAll; kind++ {
			for i := 1; i <= n; i++ {
				t.Run(fmt.Sprintf("uidplus %v kind %d append %d", !noUIDPlus, kind, i), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, "anna")
					r.fill("INBOX", n)
					r.dst().Set(endpointtest.Faults{NoUIDPlus: noUIDPlus, Drop: map[int]endpointtest.Drop{i: {Kind: kind}}})
					r.untilDone()
					r.sameMail()
				})
			}
		}
	}
}

// TestHardCase_P03_LateCommitWithinTheGrace stores a message only after its connection broke and the first look found nothing.
func TestHardCase_P03_LateCommitWithinTheGrace(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{4: {Kind: endpointtest.DropAfter, LateBy: 15 * time.Millisecond}}})
	r.untilDone()
	r.sameMail()
}

// TestSecondLostAnswerWhileTheFirstIsOpen holds I6: the window of a doubt is not moved on by later attempts.
func TestManyLostAnswersInOneRun(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 600)
	r.fill("Other", 30)
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{3: {Kind: endpointtest.DropAfter},
		300: {Kind: endpointtest.DropAfterAll}, 500: {Kind: endpointtest.DropBefore}, 640: {Kind: endpointtest.DropAfter}}})
	r.mustApply("full")
	r.sameMail()
}

func TestRefusedMessageIsRecordedAndRetried(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	bad := r.src().Messages("INBOX")[6].Octets
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(_ string, m endpointtest.Message) *mail.Error {
		if string(m.Octets) == string(bad) {
			return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "NUL in header"}
		}
		return nil
	}})
	out := r.mustApply("full")
	if out.Failed.Messages != 1 || out.Copied.Messages != 9 || out.Incomplete != 1 {
		t.Fatalf("outcome %+v", out.PassDone)
	}
	i := slices.IndexFunc(r.events, func(e executor.Event) bool { _, ok := e.(executor.MessageFailed); return ok })
	if e, _ := r.events[i].(executor.MessageFailed); e.Text != "NUL in header" || e.UID != 7 || e.Code != mail.CodeMessageMalformed {
		t.Errorf("event %+v", e)
	}
	r.dst().Mend()
	r.src().Forget()
	out = r.mustApply("retry")
	if out.Copied.Messages != 1 || out.Complete != 1 {
		t.Errorf("retry: %+v", out.PassDone)
	}
	for _, c := range r.src().Calls() {
		if c.Op == "fetch" && !slices.Equal(c.UIDs, []mail.UID{7}) {
			t.Errorf("the retry read %v", c.UIDs)
		}
	}
	r.sameMail()
}

// TestHardCase_P24_QuotaStopsTheMailboxAndResumes: one mailbox is full. It stops, the other one does not; with room it goes on
// where it was, and nothing is sent twice.
func TestHardCase_P24_QuotaStopsTheMailboxAndResumes(t *testing.T) {
	r := newRig(t, "anna", "bo")
	r.fill("INBOX", 50)
	r.endpoints.Sources["bo"].Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("A: b\r\n\r\n")})
	quota := &mail.Error{Op: "append message", Kind: mail.Quota, Code: mail.CodeQuotaFull, Text: "Mailbox is full"}
	stored := 0
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
		if stored++; stored > 20 {
			return quota
		}
		return nil
	}})
	out := r.mustApply("full")
	if out.Blocked != 1 || out.Complete != 1 {
		t.Fatalf("outcome %+v", out.PassDone)
	}
	r.dst().Mend()
	r.untilDone()
	r.sameMail()
}

// TestHardCase_M22_M23_SilenceIsNotProof: a server answers OK and hands over nothing. That proves nothing: it is asked once more
// for this message alone, and then whether it is there. Only what is not there is gone, the rest is damaged and retried.
func TestHardCase_M22_M23_SilenceIsNotProof(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	r.src().Set(endpointtest.Faults{SwallowBody: map[mail.UID]bool{3: true}, Silent: map[mail.UID]bool{5: true},
		VanishDuring: func(s *endpointtest.Store, _ string, uid mail.UID) {
			if uid == 2 {
				s.Remove("INBOX", 8)
			}
		}})
	out := r.mustApply("full")
	if out.Failed.Messages != 2 || out.Copied.Messages != 7 || out.Gone.Messages != 1 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	r.src().Mend()
	r.mustApply("retry")
	r.sameMail()
}

// TestHardCase_M24_Substitute: what Exchange says in place of a message is not the message. The same words as mail that
// somebody kept are.
func TestHardCase_M24_Substitute(t *testing.T) {
	note := func(uid int) []byte {
		return fmt.Appendf(nil, "MIME-Version: 1.0\r\nFrom: Microsoft Exchange Server 2016\r\nTo: anna@contoso.example\r\n"+
			"Subject: Retrieval using the IMAP4 protocol failed for the following\r\n message: %d\r\n\r\n"+
			"The server couldn't retrieve the following message:\r\n", uid)
	}
	r := newRig(t, "anna")
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: note(20004)})
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("Subject: found again\r\n\r\n")})
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("Subject: Retrieval using the IMAP4\r\n\r\nno note\r\n")})
	r.src().Set(endpointtest.Faults{Instead: map[mail.UID][]byte{2: note(2)}})
	out := r.mustApply("full")
	if out.Copied.Messages != 2 || out.Failed.Messages != 1 || out.Incomplete != 1 {
		t.Fatalf("outcome %+v", out.PassDone)
	}
	i := slices.IndexFunc(r.events, func(e executor.Event) bool { _, ok := e.(executor.MessageFailed); return ok })
	if e, _ := r.events[i].(executor.MessageFailed); e.UID != 2 || e.Code != mail.CodeMessageDamaged {
		t.Errorf("event %+v", e)
	}
	r.src().Mend()
	out = r.mustApply("retry")
	if out.Copied.Messages != 1 || out.Complete != 1 {
		t.Errorf("retry: %+v", out.PassDone)
	}
	r.sameMail()
}

// TestHardCase_R07_R10_LostState: a second import without the first one's state, because it was deleted or stands in
// another directory, doubles every message elsewhere. What is there is recognised, twins counted, and only what is
// new is sent.
func TestHardCase_R07_R10_LostState(t *testing.T) {
	for _, folders := range [][]string{{"INBOX"}, {"INBOX", "A/B"}} {
		r := newRig(t, "anna")
		for _, f := range folders {
			r.fill(f, 33)
		}
		r.mustApply("full")
		r.path += ".new"
		r.fill(folders[0], 35) // 33 equal ones once more, and two new
		r.dst().Forget()
		r.untilDone()
		r.sameMail()
	}
}

// TestHardCase_P08_NewUIDValidity: a server that was restored or updated gives all its mail new UIDs, on either side. What was
// copied is recognised by its octets, and only what is new is sent.
func TestHardCase_P08_NewUIDValidity(t *testing.T) {
	for _, side := range []string{"source", "destination", "both"} {
		t.Run(side, func(t *testing.T) {
			r := newRig(t, "anna")
			r.fill("INBOX", 20)
			r.mustApply("prestage")
			r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("New: mail\r\n\r\n")})
			if side != "destination" {
				r.src().ChangeUIDValidity("INBOX")
			}
			if side != "source" {
				r.dst().ChangeUIDValidity("INBOX")
			}
			r.dst().Forget()
			r.mustApply("full")
			r.sameMail()
			if n := appended(r.dst()); n != 1 {
				t.Errorf("%d messages were appended, want the new one", n)
			}
			r.untilDone()
			r.sameMail()
		})
	}
}

func appended(s *endpointtest.Store) int {
	n := 0
	for _, c := range s.Calls() {
		if c.Op == "append" {
			n++
		}
	}
	return n
}

// TestHardCase_R15_UserDeletes: people work in the new mailbox between two passes: what they deleted there does not
// come back.
func TestHardCase_R15_UserDeletes(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	r.mustApply("full")
	r.dst().Remove("INBOX", 3, 4)
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("New: mail\r\n\r\n")})
	out := r.mustApply("full")
	if out.Copied.Messages != 1 || len(r.dst().Messages("INBOX")) != 9 {
		t.Errorf("copied %d, the destination has %d", out.Copied.Messages, len(r.dst().Messages("INBOX")))
	}
}

// TestHardCase_K08_UsersFlagsWin: between two passes people read and flag mail on both sides. A flag that changed at the source
// follows, except where somebody has changed the copy's.
func TestHardCase_K08_UsersFlagsWin(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	r.mustApply("full")
	flags := func(names ...string) mail.Flags { return mail.ParseFlags(names) }
	r.src().SetFlags("INBOX", 2, flags(`\Seen`, `\Answered`))
	r.src().SetFlags("INBOX", 3, flags(`\Flagged`))
	r.dst().SetFlags("INBOX", 3, flags(`\Seen`, `\Draft`))
	out := r.mustApply("full")
	got := r.dst().Messages("INBOX")
	if !got[1].Flags.Equal(flags(`\Seen`, `\Answered`)) || !got[2].Flags.Equal(flags(`\Seen`, `\Draft`)) {
		t.Errorf("flags are %v and %v", got[1].Flags, got[2].Flags)
	}
	if out.FlagsChanged != 1 || appended(r.dst()) != 10 {
		t.Errorf("%d flags changed, %d messages appended", out.FlagsChanged, appended(r.dst()))
	}
	if p, _, _ := r.apply("full"); !p.Empty() {
		t.Errorf("the next plan is not empty: %+v", p.Total)
	}
}

func TestPolicies(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte(strings.Repeat("x", 3e6))})
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("D: e\r\n\r\n"), Flags: mail.ParseFlags([]string{`\Deleted`})})
	r.config.Mailboxes[0].Messages.MaxSize = 2e6
	out := r.mustApply("full")
	if out.Copied.Messages != 3 || out.LeftOut.Messages != 1 || out.Failed.Messages != 0 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	r.config.Mailboxes[0].Messages.MaxSize = 4e6
	if out := r.mustApply("full"); out.Copied.Messages != 1 {
		t.Errorf("with a higher limit: %+v", out.PassDone)
	}
}

// TestHardCase_P25_FolderVanishes: a user deletes a folder while it is copied to. It is made again and filled.
func TestHardCase_P25_FolderVanishes(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Projects", 10)
	gone := false
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
		if !gone {
			gone = true
			return &mail.Error{Op: "append message", Kind: mail.Refused, Code: mail.CodeIMAPFolderGone, Text: "[TRYCREATE]"}
		}
		return nil
	}})
	r.untilDone()
	r.sameMail()
}

// TestHardCase_R02_FirstInterrupt: what is in hand at an interrupt is finished and counted, nothing new is begun, and
// the next run goes on from there.
func TestHardCase_R02_FirstInterrupt(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3000)
	r.stop = make(chan struct{})
	n := 0
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
		if n++; n == 100 {
			close(r.stop)
		}
		return nil
	}})
	_, out, err := r.apply("full")
	if err != nil || !out.Interrupted {
		t.Fatalf("%v, %+v", err, out.PassDone)
	}
	if got := int64(len(r.dst().Messages("INBOX"))); got == 3000 || got != out.Copied.Messages {
		t.Errorf("%d messages at the destination, %d counted", got, out.Copied.Messages)
	}
	r.stop = nil
	r.untilDone()
	r.sameMail()
}

func TestSeveralFailuresOneWrongPassword(t *testing.T) {
	r := newRig(t, "anna", "bo", "carla")
	r.fill("INBOX", 5)
	r.endpoints.Sources["bo"].Set(endpointtest.Faults{SignIn: func() error {
		return &mail.Error{Op: "sign in", Kind: mail.Auth, Code: mail.CodeIMAPLogin, Text: "Authentication failed."}
	}})
	out := r.mustApply("full")
	if out.Complete != 2 || out.Blocked != 1 || out.RefusedSource != 1 {
		t.Errorf("outcome %+v refused %d", out.PassDone, out.RefusedSource)
	}
}

// TestAnotherServerIsSaid: a destination that has none of the folders that were written to is told of by the plan; one
// that was only renumbered in part, or where nothing was written, is not.
func TestAnotherServerIsSaid(t *testing.T) {
	r := newRig(t, "anna")
	said := func() bool {
		return slices.ContainsFunc(r.look("full").Warnings, func(n plan.Note) bool { return strings.Contains(n.Text, "another server") })
	}
	r.fill("INBOX", 5)
	r.fill("Work", 5)
	if said() {
		t.Error("it is said before anything was written")
	}
	r.mustApply("full")
	r.dst().ChangeUIDValidity("Work")
	if said() {
		t.Error("it is said although INBOX is there")
	}
	r.dst().ChangeUIDValidity("INBOX")
	if !said() {
		t.Error("nothing is said of a server that has none of the folders")
	}
}

// TestAnswersAreKeptWhileSendingGoesOn: at a server that takes its time, what it has taken is in the ledger soon, with
// batches that wait behind the one in hand and after the last one was handed over.
func TestAnswersAreKeptWhileSendingGoesOn(t *testing.T) {
	for _, messages := range []int{20, 900} {
		r := newRig(t, "anna")
		r.fill("INBOX", messages)
		var ledger *state.Ledger
		r.wrap = func(l *state.Ledger) executor.Ledger { ledger = l; return l }
		sent, kept := 0, false
		r.dst().Set(endpointtest.Faults{Meanwhile: func(*endpointtest.Store, string) {
			if sent++; sent != 15 {
				return
			}
			for deadline := time.Now().Add(10 * time.Second); !kept && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				row, err := ledger.Rows(t.Context(), 1, []mail.UID{1})
				kept = err != nil || len(row) == 1 && row[0].State == state.StateLanded
			}
		}})
		r.mustApply("full")
		r.sameMail()
		if !kept {
			t.Errorf("%d messages: while the fifteenth was sent the ledger did not learn that the first has landed", messages)
		}
	}
}
