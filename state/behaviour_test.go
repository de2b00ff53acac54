package state_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestHardCase_S08_ManyWriters: hundreds of mailboxes at once would each wait for the disk. Many write at the same
// time, some of them nonsense, and each gets its own answer.
func TestHardCase_S08_ManyWriters(t *testing.T) {
	const writers, batches = 24, 12
	l := fresh(t)
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			m, err := l.PutMailbox(t.Context(), state.Mailbox{Name: fmt.Sprint(g)})
			if err != nil {
				t.Error(err)
				return
			}
			f, err := l.PutFolder(t.Context(), state.Folder{Mailbox: m.ID, Source: "INBOX", Current: true})
			if err != nil {
				t.Error(err)
				return
			}
			for i := range batches {
				rows := listed(f.ID, 1+i*5, 5)
				if err := errors.Join(l.See(t.Context(), rows), l.Put(t.Context(), landed(rows), nil)); err != nil {
					t.Error(err)
				}
				stray := []state.Message{{Folder: f.ID, UID: 999}, {Folder: 4711, UID: 1}}
				if err := l.Put(t.Context(), stray, nil); mail.CodeOf(err) != mail.CodeInternal || err == nil {
					t.Errorf("a row of no folder: %v", err)
				}
				if own, err := l.Rows(t.Context(), f.ID, []mail.UID{rows[4].UID, 999}); err != nil || len(own) != 1 {
					t.Errorf("reading what was just written: %v, %v", own, err)
				}
			}
		})
	}
	wg.Wait()
	for _, total := range must[[]state.MailboxTotal](t)(l.Totals(t.Context())) {
		if total.Copied.Messages != 5*batches || total.Open.Messages != 0 {
			t.Errorf("mailbox %s: %+v", total.Mailbox.Name, total)
		}
	}
}

func TestMailboxIdentity(t *testing.T) {
	l := fresh(t)
	put := func(m state.Mailbox) state.Mailbox { return must[state.Mailbox](t)(l.PutMailbox(t.Context(), m)) }
	a := put(state.Mailbox{Name: "anna", SourceEndpoint: "old", Destination: "x"})
	b := put(state.Mailbox{Name: "anna", SourceEndpoint: "older", Destination: "x"})
	c := put(state.Mailbox{Name: "Anna", SourceEndpoint: "old"})
	if a.ID == b.ID || a.ID == c.ID || a.ID == 0 {
		t.Errorf("not told apart: %+v %+v %+v", a, b, c)
	}
	moved := put(state.Mailbox{ID: 99, Name: "anna", SourceEndpoint: "old", Destination: "y", DestinationEndpoint: "e", Wave: "2"})
	equal(t, "an update keeps the ID", moved, state.Mailbox{ID: a.ID, Name: "anna", SourceEndpoint: "old", Destination: "y",
		DestinationEndpoint: "e", Wave: "2"})
	equal(t, "mailboxes", must[[]state.Mailbox](t)(l.Mailboxes(t.Context())), []state.Mailbox{c, moved, b})
}

// TestFolderUnderNewUIDValidity: the pair of an earlier UIDVALIDITY stays, with its rows, and counts no more.
func TestFolderUnderNewUIDValidity(t *testing.T) {
	l := fresh(t)
	box := mailbox(t, l, "anna")
	old := folder(t, l, box, "INBOX")
	if err := l.See(t.Context(), listed(old.ID, 1, 3)); err != nil {
		t.Fatal(err)
	}
	next := old
	next.ID, next.SourceStatus.UIDValidity = 0, 8
	next = must[state.Folder](t)(l.PutFolder(t.Context(), next))
	// The old UIDVALIDITY comes back: a pair of its own again, since what the UIDs name is not known.
	again := old
	again.ID = 0
	again = must[state.Folder](t)(l.PutFolder(t.Context(), again))
	old.Current, next.Current = false, false
	equal(t, "folders", must[[]state.Folder](t)(l.Folders(t.Context(), box.ID)), []state.Folder{old, next, again})
	counts := must[[]state.FolderCount](t)(l.Counts(t.Context(), box.ID, state.Selection{}))
	if len(counts) != 1 || counts[0].Folder.ID != again.ID || counts[0].Pending.Messages != 0 {
		t.Errorf("counts %+v", counts)
	}
	again.Listed = 5
	equal(t, "an update", must[state.Folder](t)(l.PutFolder(t.Context(), again)), again)
	if _, err := l.PutFolder(t.Context(), state.Folder{ID: 77, Mailbox: box.ID}); err == nil {
		t.Error("updated a folder that does not exist")
	}
	if _, err := l.PutFolder(t.Context(), state.Folder{Mailbox: 77}); err == nil {
		t.Error("added a folder to no mailbox")
	}
}

// TestSeeAgain: a second listing brings new flags to what is not copied, and changes nothing else.
func TestSeeAgain(t *testing.T) {
	l := fresh(t)
	f := folder(t, l, mailbox(t, l, "anna"), "INBOX").ID
	open, done := intended(listed(f, 1, 1))[0], landed(intended(listed(f, 2, 1)))[0]
	open.Size = 77 // the literal's octets
	put(t, l, open, done)
	seen := listed(f, 1, 3)
	for i := range seen {
		seen[i].Flags = mail.Flags{System: mail.Flagged, Keywords: []string{"Work"}}
	}
	if err := l.See(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	open.Flags = seen[0].Flags
	done.U0, done.V0 = 0, 0
	equal(t, "rows", must[[]state.Message](t)(l.Rows(t.Context(), f, []mail.UID{1, 2, 3})), []state.Message{open, done, seen[2]})
}

// TestClaims: whoever shares a destination folder shares its claims, and one pair claims a message once.
func TestClaims(t *testing.T) {
	l := fresh(t)
	merge := func(name, endpoint string) state.Mailbox {
		return must[state.Mailbox](t)(l.PutMailbox(t.Context(), state.Mailbox{Name: name, Destination: "both@contoso.example",
			DestinationEndpoint: endpoint}))
	}
	a, b, far := merge("a", "new"), merge("b", "new"), merge("c", "elsewhere")
	claim := func(f state.Folder, uid, duid mail.UID) state.Message {
		return state.Message{Folder: f.ID, UID: uid, State: state.StateLanded, H0: mail.Digest{1}, DestinationUID: duid}
	}
	into := func(m state.Mailbox, source, destination string, v mail.UIDValidity) state.Folder {
		return must[state.Folder](t)(l.PutFolder(t.Context(), state.Folder{Mailbox: m.ID, Source: source, Current: true,
			Destination: destination, DestinationValidity: v}))
	}
	one := into(a, "INBOX", "INBOX", 70)
	put(t, l, claim(one, 1, 10), claim(one, 2, 12), claim(into(b, "Old", "INBOX", 70), 1, 11),
		claim(into(a, "Sent", "Sent", 70), 1, 13), claim(into(b, "Older", "INBOX", 71), 1, 14),
		claim(into(far, "INBOX", "INBOX", 70), 1, 15))
	ask := func(m state.Mailbox, from mail.UID) []mail.UID {
		return uids(must[[]state.Claim](t)(l.Claimed(t.Context(), m.ID, "INBOX", 70, from)))
	}
	equal(t, "claims seen from a", ask(a, 1), []mail.UID{10, 11, 12})
	equal(t, "claims seen from b", ask(b, 11), []mail.UID{11, 12})
	equal(t, "claims elsewhere", ask(far, 1), []mail.UID{15})
	var sources []string
	for _, f := range must[[]state.Folder](t)(l.Sharing(t.Context(), a.ID, "INBOX")) {
		sources = append(sources, fmt.Sprint(f.Mailbox, " ", f.Source))
	}
	equal(t, "pairs that share", sources, []string{fmt.Sprint(a.ID, " INBOX"), fmt.Sprint(b.ID, " Old"), fmt.Sprint(b.ID, " Older")})
	if err := l.Put(t.Context(), []state.Message{claim(one, 3, 12)}, nil); err == nil {
		t.Error("a message was claimed twice")
	}
	// A claim may pass from row to row in one call.
	put(t, l, claim(one, 3, 12), claim(one, 2, 0))
	equal(t, "after it passed on", ask(a, 1), []mail.UID{10, 11, 12})
}

// TestFailures: a failure stays until its message is settled, and a failed row without one is named too.
func TestFailures(t *testing.T) {
	l := fresh(t)
	box := mailbox(t, l, "anna")
	f := folder(t, l, box, "INBOX")
	fail := func(uid mail.UID) state.Failure {
		return state.Failure{Folder: f.ID, UID: uid, Code: mail.CodeQuotaFull, Kind: mail.Quota, Text: "full", Time: start, Run: "7f3a"}
	}
	row := func(uid mail.UID, s state.State) state.Message {
		return state.Message{Folder: f.ID, UID: uid, State: s}
	}
	rows := []state.Message{row(1, state.StateAbsent), row(2, state.StateRefused), row(3, state.StateUnknown), row(4, state.StateRefused)}
	if err := l.Put(t.Context(), rows, []state.Failure{fail(1), fail(2), fail(4)}); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(t.Context(), nil, []state.Failure{fail(5)}); err == nil {
		t.Error("took a failure of no row")
	}
	put(t, l, row(2, state.StateIntent)) // tried again: the failure is still the last word
	if err := l.Put(t.Context(), []state.Message{row(4, state.StateGone)}, []state.Failure{fail(4)}); err != nil {
		t.Fatal(err)
	}
	unknown := state.Failure{Folder: f.ID, UID: 3, Code: mail.CodeMessageUnknown, Kind: mail.Transient}
	var want []state.FailedMessage
	for i, why := range []state.Failure{fail(1), fail(2), unknown} {
		want = append(want, state.FailedMessage{Failure: why, Mailbox: "anna", Destination: "new-anna", SourceFolder: "INBOX",
			TargetFolder: "INBOX", State: []state.State{state.StateAbsent, state.StateIntent, state.StateUnknown}[i]})
	}
	equal(t, "failed messages", must[[]state.FailedMessage](t)(l.FailedMessages(t.Context())), want)
}

func TestRuns(t *testing.T) {
	l := fresh(t)
	first := must[state.Run](t)(l.BeginRun(t.Context(), "prestage"))
	second := must[state.Run](t)(l.BeginRun(t.Context(), "full"))
	if first.ID == second.ID || len(first.ID) != 4 || l.Serial() != 2 {
		t.Errorf("runs %q and %q, serial %d", first.ID, second.ID, l.Serial())
	}
	second.Ended, second.ExitCode = start.Add(time.Hour), 6
	if err := l.EndRun(t.Context(), second); err != nil {
		t.Error(err)
	}
	equal(t, "runs", must[[]state.Run](t)(l.Runs(t.Context())), []state.Run{first, second})
	if err := l.EndRun(t.Context(), state.Run{ID: "none"}); err == nil {
		t.Error("ended a run that never began")
	}
}

// TestClose: it waits for what was asked, can be called twice, refuses what comes later, and leaves no goroutine.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	l, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "close.state"), options())
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.PutMailbox(cancelled, state.Mailbox{Name: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("write after the context ended: %v", err)
	}
	if _, err := l.Mailboxes(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("read after the context ended: %v", err)
	}
	mailbox(t, l, "b") // the ledger goes on after both
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := l.PutMailbox(t.Context(), state.Mailbox{Name: "a"}); mail.CodeOf(err) != mail.CodeStateWrite {
		t.Errorf("write after Close: %v", err)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched() // database/sql's goroutines end on their own after Close
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}
