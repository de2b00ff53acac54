package state_test

import (
	"path/filepath"
	"testing"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestTallyAfterWhatWasUndone: what is remembered of a folder between two requests is what the file holds, whatever was
// undone meanwhile: a wrong request, alone or after right ones; a failure that comes after the folder had none; and a
// mailbox that was forgotten.
func TestTallyAfterWhatWasUndone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tally.state")
	l := must[*state.Ledger](t)(state.Open(t.Context(), path, options()))
	box := mailbox(t, l, "anna")
	f := folder(t, l, box, "INBOX")
	row := func(uid mail.UID, s state.State, duid mail.UID) state.Message {
		return state.Message{Folder: f.ID, UID: uid, Size: 100, State: s, H0: mail.Digest{1}, DestinationUID: duid}
	}
	if err := l.See(t.Context(), []state.Message{row(1, 0, 0), row(2, 0, 0), row(3, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	put(t, l, row(1, state.StateLanded, 9))
	for range 2 {
		if err := l.Put(t.Context(), []state.Message{row(2, state.StateLanded, 9), row(3, state.StateLanded, 9)}, nil); err == nil {
			t.Fatal("one message is claimed by three")
		}
		count := must[state.FolderCount](t)(l.Count(t.Context(), f.ID, state.Selection{}, 0))
		equal(t, "copied after what was undone", count.Copied, state.Count{Messages: 1, Bytes: 100})
	}
	refused := state.Failure{Folder: f.ID, UID: 2, Code: mail.CodeMessageRefused, Kind: mail.Refused, Time: start, Run: "7f3a"}
	if err := l.Put(t.Context(), []state.Message{row(2, state.StateRefused, 0)}, []state.Failure{refused}); err != nil {
		t.Fatal(err)
	}
	equal(t, "failures", len(must[[]state.FailedMessage](t)(l.FailedMessages(t.Context()))), 1)
	put(t, l, row(2, state.StateLanded, 10))
	equal(t, "failures of what is settled", len(must[[]state.FailedMessage](t)(l.FailedMessages(t.Context()))), 0)

	if err := l.Forget(t.Context(), box.ID); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(t.Context(), []state.Message{row(1, state.StateLanded, 9)}, nil); err == nil {
		t.Error("a row of a folder that was forgotten is taken")
	}
	f = folder(t, l, mailbox(t, l, "anna"), "INBOX")
	put(t, l, row(7, state.StateLanded, 9))
	count := must[state.FolderCount](t)(l.Count(t.Context(), f.ID, state.Selection{}, 0))
	equal(t, "copied after the mailbox was forgotten", count.Copied, state.Count{Messages: 1, Bytes: 100})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, "violations", must[[]state.Violation](t)(state.Check(t.Context(), path)), []state.Violation{})
}
