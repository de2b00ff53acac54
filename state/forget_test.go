package state_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// peopled makes a ledger with two mailboxes of which everything is known that can be.
func peopled(t *testing.T) (*state.Ledger, [2]state.Mailbox) {
	t.Helper()
	l := open(t, filepath.Join(t.TempDir(), "contoso.state"))
	run := must[state.Run](t)(l.BeginRun(t.Context(), "full"))
	var boxes [2]state.Mailbox
	for i, name := range []string{"anna", "bo"} {
		boxes[i] = mailbox(t, l, name)
		f := folder(t, l, boxes[i], "INBOX")
		rows := landed(listed(f.ID, 1, 3))
		for j := range rows {
			rows[j].H0 = mail.Digest{byte(i), byte(j)}
		}
		failed := listed(f.ID, 9, 1)[0]
		failed.State = state.StateRefused
		err := errors.Join(l.See(t.Context(), rows), l.Put(t.Context(), rows, nil),
			l.Put(t.Context(), []state.Message{failed}, []state.Failure{{Folder: f.ID, UID: 9, Code: mail.CodeMessageRefused, Kind: mail.Refused, Text: "no\xff", Run: run.ID}}),
			l.PutMailboxPass(t.Context(), state.MailboxPass{Mailbox: boxes[i].ID, Pass: "full", Progress: state.Incomplete, Run: run.ID}))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.PutPass(t.Context(), state.Pass{Name: "full", Kind: "full"}), l.EndRun(t.Context(), run)); err != nil {
		t.Fatal(err)
	}
	return l, boxes
}

// export gives every record.
func export(t *testing.T, l *state.Ledger) []any {
	t.Helper()
	var all []any
	if err := l.Export(t.Context(), func(r any) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// owner gives the mailbox that a record belongs to, zero if it belongs to none.
func owner(record any, folders map[state.FolderID]state.MailboxID) state.MailboxID {
	switch r := record.(type) {
	case state.Mailbox:
		return r.ID
	case state.Folder:
		folders[r.ID] = r.Mailbox
		return r.Mailbox
	case state.Message:
		return folders[r.Folder]
	case state.Failure:
		return folders[r.Folder]
	case state.MailboxPass:
		return r.Mailbox
	}
	return 0
}

// TestForget: nothing of the mailbox is left, all of the other stays as it was, and the file is whole.
func TestForget(t *testing.T) {
	l, boxes := peopled(t)
	folders := map[state.FolderID]state.MailboxID{}
	var want []any
	own := 0
	for _, record := range export(t, l) {
		if owner(record, folders) == boxes[0].ID {
			own++
			continue
		}
		want = append(want, record)
	}
	if own != 1+1+4+1+1 { // mailbox, folder, messages, failure, pass
		t.Errorf("%d records of the mailbox before", own)
	}
	serial := l.Serial()
	if err := l.Forget(t.Context(), boxes[0].ID); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, export(t, l)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if l.Serial() != serial+1 {
		t.Errorf("serial %d after %d", l.Serial(), serial)
	}
	if err := l.Forget(t.Context(), boxes[1].ID, boxes[0].ID); err == nil {
		t.Error("a mailbox that is gone was forgotten again")
	}
	if got := len(export(t, l)); got != len(want) {
		t.Errorf("%d records after a request that failed, not %d", got, len(want))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if found := must[[]state.Violation](t)(state.Check(t.Context(), l.Path())); len(found) > 0 {
		t.Errorf("check: %v", found)
	}
}

// TestExport hands over what was put in, in one view, and gives the visitor's own error back.
func TestExport(t *testing.T) {
	l, _ := peopled(t)
	before := export(t, l)
	var seen []any
	err := l.Export(t.Context(), func(r any) error {
		if len(seen) == 0 {
			mailbox(t, l, "carla") // another writer at the same time: not part of this view
		}
		seen = append(seen, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, seen); diff != "" {
		t.Errorf("a second look (-first +second):\n%s", diff)
	}
	if f, ok := seen[len(seen)-5].(state.Failure); !ok || f.Text != "no\xff" {
		t.Errorf("failure %+v", seen[len(seen)-5])
	}
	full := errors.New("the disk is full")
	if err := l.Export(t.Context(), func(any) error { return full }); err != full {
		t.Errorf("error %v", err)
	}
}
