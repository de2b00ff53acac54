package state_test

import (
	"path/filepath"
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// start is the fake clock's only time.
var start = time.Date(2026, 11, 23, 19, 0, 0, 123456789, time.UTC)

func options() state.Options {
	return state.Options{Version: "1.2.3", Command: "mailhaul apply", Now: func() time.Time { return start }}
}

// open opens a ledger that is closed when the test ends.
func open(t testing.TB, path string) *state.Ledger {
	t.Helper()
	l, err := state.Open(t.Context(), path, options())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func fresh(t testing.TB) *state.Ledger {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "contoso.state"))
}

// must fails the test on an error and gives the value otherwise.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// mailbox adds a mailbox of that name, with a destination of its own.
func mailbox(t testing.TB, l *state.Ledger, name string) state.Mailbox {
	t.Helper()
	return must[state.Mailbox](t)(l.PutMailbox(t.Context(), state.Mailbox{Name: name, SourceEndpoint: "endpoint.imap.old",
		Destination: "new-" + name, DestinationEndpoint: "endpoint.imap.new", Wave: "1"}))
}

func folder(t testing.TB, l *state.Ledger, m state.Mailbox, name string) state.Folder {
	t.Helper()
	return must[state.Folder](t)(l.PutFolder(t.Context(), state.Folder{Mailbox: m.ID, Source: name, Path: name,
		SourceStatus: mail.Status{UIDValidity: 7}, Current: true, Destination: name, Target: name, DestinationValidity: 70}))
}

func put(t testing.TB, l *state.Ledger, rows ...state.Message) {
	t.Helper()
	if err := l.Put(t.Context(), rows, nil); err != nil {
		t.Fatalf("put: %v", err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// full is a message with a value in every field.
func full(f state.FolderID, uid mail.UID) state.Message {
	return state.Message{Folder: f, UID: uid, Size: 1 << 33,
		InternalDate: time.Date(1969, 7, 20, 20, 17, 40, 0, time.FixedZone("", -9000)),
		Flags:        mail.Flags{System: mail.Seen | mail.Draft, Keywords: []string{"$Forwarded", "Gr\xfc\xdfe"}},
		State:        state.StateUnknown, Attempt: 3, H0: mail.Digest{1, 2, 15: 3}, H1: mail.Digest{0, 4},
		DestinationUID: 4294967295, U0: 4294967294, V0: 4294967293, Degraded: state.LostDate | state.LostFlags}
}

func TestEveryFieldComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd %3f #name?.state")
	l, err := state.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	box := mailbox(t, l, "anna@contoso.example")
	f := state.Folder{Mailbox: box.ID, Source: "INBOX/\x00\xff&-", Path: "INBOX/\x1b[31m",
		SourceStatus: mail.Status{UIDValidity: 4294967295, UIDNext: 4294967294, HighestModSeq: 1<<63 + 5, Messages: 9},
		Listed:       77, FlagsModSeq: 1<<64 - 1, Complete: true, Current: true, Destination: "Posteingang\xfe", Target: "P",
		DestinationValidity: 4294967292, Adopted: true}
	put := must[state.Folder](t)(l.PutFolder(t.Context(), f))
	f.ID = put.ID
	rows := []state.Message{{Folder: f.ID, UID: 1}, full(f.ID, 4294967295)}
	failure := state.Failure{Folder: f.ID, UID: 4294967295, Code: mail.CodeMessageRefused, Kind: mail.Refused,
		Text: "no \x00\xff\x1b", Time: start, Run: "7f3a"}
	if err := l.Put(t.Context(), rows, []state.Failure{failure}); err != nil {
		t.Fatal(err)
	}
	pass := state.Pass{Name: "prestage", Kind: "prestage", OlderWritten: "90d", NewerWritten: "x", Older: start,
		Newer: start.Add(-time.Hour), Approved: start.Add(time.Second)}
	if err := l.PutPass(t.Context(), pass); err != nil {
		t.Fatal(err)
	}
	mp := state.MailboxPass{Mailbox: box.ID, Pass: "prestage", Progress: state.Failed, Run: "7f3a", Started: start,
		Ended: start.Add(time.Minute), Side: "source", Code: mail.CodeIMAPLogin, Kind: mail.Auth, Text: "no"}
	if err := l.PutMailboxPass(t.Context(), mp); err != nil {
		t.Fatal(err)
	}
	run := must[state.Run](t)(l.BeginRun(t.Context(), "prestage"))
	run.ExitCode = 3
	if err := l.EndRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	run.Ended = start
	lineage := l.Lineage()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	r := must[*state.Reader](t)(state.OpenRead(t.Context(), path))
	defer r.Close()
	equal(t, "serial", r.Serial(), int64(1))
	equal(t, "lineage", []any{r.Lineage(), len(lineage)}, []any{lineage, 32})
	equal(t, "mailboxes", must[[]state.Mailbox](t)(r.Mailboxes(t.Context())), []state.Mailbox{box})
	equal(t, "folders", must[[]state.Folder](t)(r.Folders(t.Context(), box.ID)), []state.Folder{f})
	equal(t, "rows", must[[]state.Message](t)(r.Rows(t.Context(), f.ID, []mail.UID{4294967295, 5, 1})), rows)
	equal(t, "runs", must[[]state.Run](t)(r.Runs(t.Context())), []state.Run{run})
	equal(t, "mailbox passes", must[[]state.MailboxPass](t)(r.MailboxPasses(t.Context())), []state.MailboxPass{mp})
	equal(t, "failed mailboxes", must[[]state.FailedMailbox](t)(r.FailedMailboxes(t.Context())),
		[]state.FailedMailbox{{MailboxPass: mp, Name: box.Name, Destination: box.Destination}})
	equal(t, "failed messages", must[[]state.FailedMessage](t)(r.FailedMessages(t.Context())),
		[]state.FailedMessage{{Failure: failure, Mailbox: box.Name, Destination: box.Destination, SourceFolder: f.Path,
			TargetFolder: f.Target, Size: rows[1].Size, InternalDate: rows[1].InternalDate, State: rows[1].State, Attempt: 3}})
	got, found, err := r.Pass(t.Context(), "prestage")
	equal(t, "pass", []any{got, found, err}, []any{pass, true, nil})
	if _, found, err := r.Pass(t.Context(), "full"); found || err != nil {
		t.Errorf("an unknown pass: %v, %v", found, err)
	}
	// The zone is part of the date.
	_, offset := must[[]state.Message](t)(r.Rows(t.Context(), f.ID, []mail.UID{4294967295}))[0].InternalDate.Zone()
	equal(t, "zone", offset, -9000)
}
