package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mailhaul/state"
	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// rename USER TO gives a user of the destination another name.
func rename(ts *testscript.TestScript, _ bool, args []string) {
	server(ts, "destination").Rename(args[0], args[1])
}

// doubt FILE MAILBOX makes the ledger doubt the first message of the mailbox, as if its answer had been lost.
func doubt(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	l, err := state.Open(ctx, ts.MkAbs(args[0]), state.Options{Version: "test", Command: "mailhaul apply"})
	ts.Check(err)
	boxes, err := l.Mailboxes(ctx)
	at := slices.IndexFunc(boxes, func(m state.Mailbox) bool { return m.Name == args[1] })
	folders, foldersErr := l.Folders(ctx, boxes[at].ID)
	rows, rowsErr := l.Select(ctx, state.Query{Folder: folders[0].ID, States: []state.State{state.StateLanded}, Limit: 1})
	ts.Check(errors.Join(err, foldersErr, rowsErr))
	rows[0].State, rows[0].DestinationUID, rows[0].U0, rows[0].V0 = state.StateUnknown, 0, mail.UID(1), folders[0].DestinationValidity
	ts.Check(errors.Join(l.Put(ctx, rows, nil), l.Close()))
}

// TestForgetDies kills the program at each step of a forgetting: the state file is whole, holds the mailbox or does not,
// with all of it or none, and the same command again comes to the end.
func TestForgetDies(t *testing.T) {
	faulty := buildFaulty(t)
	const config = `endpoint "imap" "old" { host = "mail.old.example" }
endpoint "imap" "new" { host = "mail.new.example" }
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
pass "full" {}
`
	const users = "source,password,destination,destination_password\nanna@old.example,a,anna@new.example,b\n"
	for _, c := range []struct {
		point fault.Point
		left  int // records of the mailbox after that
	}{{fault.BeforeBackupNamed, 4}, {fault.BeforeCommit, 4}, {fault.AfterCommit, 0}} {
		t.Run(string(c.point), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "mailhaul.state")
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "mailhaul.hcl"), []byte(config), 0o600),
				os.WriteFile(filepath.Join(dir, "users.csv"), []byte(users), 0o600), remember(path, "anna@old.example", "bo@old.example")); err != nil {
				t.Fatal(err)
			}
			forget := func(crash string) error {
				cmd := exec.Command(faulty, "--chdir", dir, "state", "forget", "--auto-approve", "anna@old.example")
				cmd.Env = append(os.Environ(), "MAILHAUL_CRASH="+crash)
				return cmd.Run()
			}
			var died *exec.ExitError
			if err := forget(string(c.point) + ":1"); !errors.As(err, &died) || died.Exited() {
				t.Fatalf("it did not die: %v", err)
			}
			if got := records(t, path); got != 4+c.left {
				t.Errorf("%d records are left, not %d", got, 4+c.left)
			}
			if err := forget(""); (err == nil) != (c.left > 0) {
				t.Errorf("the second time: %v", err)
			}
			if got := records(t, path); got != 4 {
				t.Errorf("%d records at the end, not 4", got)
			}
		})
	}
}

// remember makes a state file that knows each mailbox with a folder and two messages.
func remember(path string, names ...string) error {
	ctx := context.Background()
	l, err := state.Open(ctx, path, state.Options{Version: "test"})
	if err != nil {
		return err
	}
	for _, name := range names {
		m, mailboxErr := l.PutMailbox(ctx, state.Mailbox{Name: name, SourceEndpoint: "endpoint.imap.old"})
		f, folderErr := l.PutFolder(ctx, state.Folder{Mailbox: m.ID, Source: "INBOX", Path: "INBOX", Current: true})
		err = errors.Join(err, mailboxErr, folderErr, l.See(ctx, []state.Message{{Folder: f.ID, UID: 1}, {Folder: f.ID, UID: 2}}))
	}
	return errors.Join(err, l.Close())
}

// records counts what a state file holds, and wants it whole.
func records(t *testing.T, path string) int {
	t.Helper()
	found, err := state.Check(t.Context(), path)
	if err != nil || len(found) > 0 {
		t.Errorf("check: %v, %v", found, err)
	}
	r, err := state.OpenRead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	if err := r.Export(t.Context(), func(any) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}
