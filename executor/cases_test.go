package executor_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

func TestRenamedSourceFolderIsNotCopiedAgain(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Projects", 20)
	r.fill("Old", 10)
	r.mustApply("prestage")
	r.src().Rename("Projects", "Work")
	r.src().Add("Work", endpointtest.Message{Date: epoch, Octets: []byte("New: mail\r\n\r\n")})
	r.dst().Forget()
	r.mustApply("full")
	if n := appended(r.dst()); n != 1 {
		t.Errorf("%d messages were appended, want the new one", n)
	}
}

// TestHardCase_P25_FolderVanishesBeforeItsTurn: the folder was there when the destination was listed, and is made again.
func TestHardCase_P25_FolderVanishesBeforeItsTurn(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	r.fill("Work", 3)
	r.dst().Mkdir("Work", "")
	var once sync.Once
	r.heard = func(e executor.Event) {
		if _, copying := e.(executor.Step); copying {
			once.Do(func() { r.dst().RemoveFolder("Work") })
		}
	}
	r.mustApply("full")
	r.sameMail()
}

// TestServersOwnErrorIsQuoted: an answer that proves nothing leaves a doubt; once the message proves never to arrive, the
// failure says what the server said, and not that the connection broke.
func TestServersOwnErrorIsQuoted(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 1)
	r.dst().Set(endpointtest.Faults{DoubtAbsent: map[int]bool{1: true, 2: true, 3: true, 4: true}})
	if out := r.mustApply("full"); out.Failed.Messages != 1 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	for _, e := range r.events {
		if f, ok := e.(executor.MessageFailed); ok && (f.Text != "Internal error" || f.Code != mail.CodeIMAPUnavailable) {
			t.Errorf("the message failed with %s: %s", f.Code, f.Text)
		}
	}
}

func TestVanishedSourceFolderIsGone(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	r.fill("Old", 10)
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(folder string, _ endpointtest.Message) *mail.Error {
		if folder == "Old" {
			return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
		}
		return nil
	}})
	r.mustApply("full")
	r.src().RemoveFolder("Old")
	if p, _, _ := r.apply("retry"); p.Total.Todo.Messages != 0 {
		t.Errorf("a retry wants %d messages of a folder that is gone", p.Total.Todo.Messages)
	}
}

func TestRefusedFolderDoesNotStopTheOthers(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Files", 5)
	r.fill("INBOX", 5)
	r.fill("Work", 5)
	r.dst().Set(endpointtest.Faults{RefuseFolder: func(folder string) *mail.Error {
		if folder == "Files" {
			return &mail.Error{Op: "create folder", Kind: mail.Refused, Code: mail.CodeIMAPFolder, Text: "reserved name"}
		}
		return nil
	}})
	out := r.mustApply("full")
	if out.Copied.Messages != 10 || out.Blocked != 1 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	r.dst().Mend()
	r.untilDone()
	r.sameMail()
}

// TestHardCase_R12_CorrectedDestination: a wrong destination that was corrected is another mailbox: it gets
// everything, and the wrong one keeps what it has.
func TestHardCase_R12_CorrectedDestination(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	r.fill("Work", 7)
	r.mustApply("full")
	right := endpointtest.NewStore()
	wrong := r.endpoints.Destinations["anna"]
	r.endpoints.Destinations["anna"] = right
	r.config.Mailboxes[0].Destination.Address = "right@new.example"
	out := r.mustApply("full")
	r.sameMail()
	if out.Copied.Messages != 27 || wrong.Count() != 27 {
		t.Errorf("copied %d; the wrong mailbox now has %d messages", out.Copied.Messages, wrong.Count())
	}
}

// TestHardCase_R13_RenamedAtTheDestination: a mailbox that got another address is the one that was written to, and
// nothing is copied again.
func TestHardCase_R13_RenamedAtTheDestination(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	r.fill("Work", 7)
	r.mustApply("full")
	r.config.Mailboxes[0].Destination.Address = "vanity@new.example"
	r.dst().Forget()
	if p, _, _ := r.apply("full"); !p.Empty() || appended(r.dst()) != 0 {
		t.Errorf("a new address of the same mailbox: %+v, %d messages appended", p.Total, appended(r.dst()))
	}
}

// TestAmbiguousIsSentAgainOnlyOnRequest loses an answer while somebody else puts a message of the same date there.
func TestAmbiguousIsSentAgainOnlyOnRequest(t *testing.T) {
	r := newRig(t, "anna")
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("A: b\r\n\r\nmine\r\n")})
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropBefore}}})
	var once sync.Once
	r.src().Set(endpointtest.Faults{VanishDuring: func(*endpointtest.Store, string, mail.UID) {
		once.Do(func() {
			r.dst().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("A: b\r\n\r\nsomebody else's\r\n")})
		})
	}})
	out := r.mustApply("full")
	r.src().Mend()
	if out.Failed.Messages != 1 {
		t.Fatalf("outcome %+v", out.PassDone)
	}
	r.dst().Mend()
	r.dst().Forget()
	if p, _, _ := r.apply("retry"); p.Total.Todo.Messages != 0 || appended(r.dst()) != 0 {
		t.Errorf("a retry sent what it was not told to send: %+v", p.Total)
	}
	r.resend = true
	if out := r.mustApply("retry"); out.Copied.Messages != 1 || len(r.dst().Messages("INBOX")) != 2 {
		t.Errorf("on request: %+v, %d messages there", out.PassDone, len(r.dst().Messages("INBOX")))
	}
}

// TestHardCase_R12_OnlyLookedAtAnotherDestination: a plan for another destination that nobody carried out leaves the
// memory of the first one as it was.
func TestHardCase_R12_OnlyLookedAtAnotherDestination(t *testing.T) {
	r := newRig(t, "anna")
	r.config.Mailboxes[0].Messages.Existing = "ignore"
	r.fill("INBOX", 20)
	r.mustApply("full")
	right := r.endpoints.Destinations["anna"]
	right.Forget()
	r.endpoints.Destinations["anna"] = endpointtest.NewStore()
	r.config.Mailboxes[0].Destination.Address = "wrong@new.example"
	if p := r.look("full"); p.Total.Todo.Messages != 20 {
		t.Errorf("the plan for another mailbox: %+v", p.Total)
	}
	r.endpoints.Destinations["anna"] = right
	r.config.Mailboxes[0].Destination.Address = "anna"
	if p, _, _ := r.apply("full"); !p.Empty() || appended(right) != 0 {
		t.Errorf("back at the first: %+v, %d appended", p.Total, appended(right))
	}
}

// TestHardCase_M16_BreaksTheConnection: one message makes the server break the connection whenever it comes, and clients have
// sent it again and again, for ever. It is given up after some tries and named, its neighbours arrive.
func TestHardCase_M16_BreaksTheConnection(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 10)
	bad := string(r.src().Messages("INBOX")[5].Octets)
	r.dst().Set(endpointtest.Faults{Poison: func(m endpointtest.Message) bool { return string(m.Octets) == bad }})
	out := r.mustApply("full")
	if out.Failed.Messages != 1 || out.Copied.Messages != 9 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	if n := appended(r.dst()); n > 60 {
		t.Errorf("%d appends of 10 messages", n)
	}
	r.dst().Mend()
	r.mustApply("retry")
	r.sameMail()
}

// TestRetryThatFailsAgainIsNotComplete breaks the connection before any literal is whole.
func TestRetryThatFailsAgainIsNotComplete(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 1)
	refuse := func(string, endpointtest.Message) *mail.Error {
		return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
	}
	r.dst().Set(endpointtest.Faults{RefuseMessage: refuse})
	r.mustApply("full")
	drops := map[int]endpointtest.Drop{}
	for n := 1; n < 50; n++ {
		drops[n] = endpointtest.Drop{Kind: endpointtest.DropUnsent}
	}
	r.dst().Set(endpointtest.Faults{Drop: drops})
	if out := r.mustApply("retry"); out.Complete != 0 || out.Failed.Messages != 1 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	r.dst().Mend()
	r.mustApply("retry")
	r.sameMail()
}

// TestHardCase_P21_ServerThatAsksToWaitIsObeyed: a server throttles some messages and says for how long. The wait is told and
// kept, and nothing fails for it.
func TestHardCase_P21_ServerThatAsksToWaitIsObeyed(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 20)
	asked := 0 // under the store's lock
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
		if asked++; asked <= 5 {
			return &mail.Error{Op: "append message", Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Wait: 30 * time.Millisecond,
				Text: "Request is throttled."}
		}
		return nil
	}})
	if out := r.mustApply("full"); out.Failed.Messages != 0 || out.Copied.Messages != 20 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	waits := slices.IndexFunc(r.events, func(e executor.Event) bool { w, ok := e.(executor.Waiting); return ok && w.Wait >= 30*time.Millisecond })
	if waits < 0 {
		t.Errorf("nobody was told of the wait: %v", r.events)
	}
	r.sameMail()
}

func TestInterruptEndsAWait(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 5)
	r.stop = make(chan struct{})
	interrupt := sync.OnceFunc(func() { close(r.stop) })
	r.dst().Set(endpointtest.Faults{RefuseMessage: func(string, endpointtest.Message) *mail.Error {
		time.AfterFunc(20*time.Millisecond, interrupt)
		return &mail.Error{Op: "append message", Kind: mail.Throttled, Code: mail.CodeIMAPThrottled, Wait: time.Hour, Text: "wait"}
	}})
	started := time.Now()
	if _, out, err := r.apply("full"); err != nil || !out.Interrupted || time.Since(started) > 30*time.Second {
		t.Errorf("%v, %+v after %v", err, out.PassDone, time.Since(started))
	}
}

// TestHardCase_K08_DeletedIsSkipped: what is marked \Deleted at the source stays behind, and is copied when somebody takes
// the mark away again.
func TestHardCase_K08_DeletedIsSkipped(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("INBOX", 3)
	uid := r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte("D: e\r\n\r\n"), Flags: mail.ParseFlags([]string{`\Deleted`})})
	r.mustApply("full")
	r.src().SetFlags("INBOX", uid, mail.Flags{})
	if out := r.mustApply("full"); out.Copied.Messages != 1 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	r.sameMail()
}

func TestFolderRenamedAndMadeAnew(t *testing.T) {
	r := newRig(t, "anna")
	r.fill("Work", 10)
	r.mustApply("full")
	r.src().Rename("Work", "Old work")
	r.src().Mkdir("Work", mail.RoleNone)
	r.src().Add("Work", endpointtest.Message{Date: epoch, Octets: []byte("New: mail\r\n\r\n")})
	r.dst().Forget()
	r.mustApply("full")
	if n := appended(r.dst()); n != 1 {
		t.Errorf("%d messages were appended, want the new one", n)
	}
}
