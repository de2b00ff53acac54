package state_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"mailhaul/state"
	"mailhaul/state/mail"

	_ "modernc.org/sqlite" // the tests break files behind the ledger's back
)

// TestCheckFinds breaks one invariant at a time and wants it named.
func TestCheckFinds(t *testing.T) {
	row := func(f state.FolderID, s state.State) state.Message {
		return state.Message{Folder: f, UID: 9, State: s, Attempt: 1, H0: mail.Digest{1}, U0: 5, V0: 70}
	}
	raw := func(text string) func(*testing.T, *state.Ledger, state.Folder) string {
		return func(*testing.T, *state.Ledger, state.Folder) string { return text }
	}
	cases := map[string]struct {
		rule string
		// harm works through the ledger, and gives SQL to be run on the closed file.
		harm func(*testing.T, *state.Ledger, state.Folder) string
	}{
		"whole": {"", raw("")},
		"two folder pairs claim one message": {"claimed-once", func(t *testing.T, l *state.Ledger, f state.Folder) string {
			other := must[state.Mailbox](t)(l.PutMailbox(t.Context(), state.Mailbox{Name: "bo", Destination: "new-anna",
				DestinationEndpoint: "endpoint.imap.new"}))
			g := folder(t, l, other, "INBOX")
			for _, id := range []state.FolderID{f.ID, g.ID} {
				m := row(id, state.StateLanded)
				m.DestinationUID = 77
				put(t, l, m)
			}
			return ""
		}},
		"claim without a place": {"claim-place", func(t *testing.T, l *state.Ledger, f state.Folder) string {
			m := row(f.ID, state.StateLanded)
			m.DestinationUID = 77
			put(t, l, m)
			f.DestinationValidity = 0
			must[state.Folder](t)(l.PutFolder(t.Context(), f))
			return ""
		}},
		"intent without U0": {"intent", func(t *testing.T, l *state.Ledger, f state.Folder) string {
			m := row(f.ID, state.StateIntent)
			m.U0 = 0
			put(t, l, m)
			return ""
		}},
		"landed without digest": {"digest", func(t *testing.T, l *state.Ledger, f state.Folder) string {
			m := row(f.ID, state.StateLanded)
			m.H0 = mail.Digest{}
			put(t, l, m)
			return ""
		}},
		"a row is gone":        {"counters", raw("DELETE FROM message WHERE uid = 1")},
		"a state was changed":  {"checksum", raw("UPDATE message SET state = 10 WHERE uid = 1")},
		"a number is a text":   {"checksum", raw("UPDATE message SET size = 'x' WHERE uid = 1")},
		"a number is real":     {"checksum", raw("UPDATE message SET duid = 1.5 WHERE uid = 1")},
		"no date but a zone":   {"checksum", raw("UPDATE message SET date = NULL, zone = 1.5 WHERE uid = 1")},
		"a sum is octets":      {"checksum", raw("UPDATE message SET sum = x'00' WHERE uid = 1")},
		"octets are a number":  {"checksum", raw("UPDATE message SET h0 = 7 WHERE uid = 1")},
		"a folder was changed": {"checksum", raw("UPDATE folder SET listed = 4")},
		"folder is gone":       {"orphan", raw("DELETE FROM folder")},
		"mailbox is gone":      {"orphan", raw("DELETE FROM mailbox")},
		"failure of nobody":    {"failure", raw("DELETE FROM message WHERE uid = 2")},
		"an index is gone":     {"structure", raw("DROP INDEX message_claim")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.state")
			l := open(t, path)
			f := folder(t, l, must[state.Mailbox](t)(l.PutMailbox(t.Context(), state.Mailbox{Name: "anna",
				Destination: "new-anna", DestinationEndpoint: "endpoint.imap.new"})), "INBOX")
			rows := []state.Message{{Folder: f.ID, UID: 1, Size: 3}, {Folder: f.ID, UID: 2, State: state.StateRefused}}
			if err := l.Put(t.Context(), rows, []state.Failure{{Folder: f.ID, UID: 2, Code: mail.CodeMessageRefused}}); err != nil {
				t.Fatal(err)
			}
			text := c.harm(t, l, f)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			execute(t, path, text)
			found := must[[]state.Violation](t)(state.Check(t.Context(), path))
			named := slices.ContainsFunc(found, func(v state.Violation) bool { return v.Rule == c.rule })
			if c.rule == "" && len(found) > 0 || c.rule != "" && !named {
				t.Errorf("want %q, found %v", c.rule, found)
			}
			if left := must[[]string](t)(filepath.Glob(filepath.Dir(path) + "/.mailhaul*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// execute runs SQL on a file that no ledger has open.
func execute(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(text)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
