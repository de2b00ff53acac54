package state

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mailhaul/state/mail"
)

func testOptions() Options { return Options{Version: "1.2.3", Now: time.Now} }

// idle makes a ledger whose writer does not serve, so that the test decides what is one group.
func idle(t *testing.T) *Ledger {
	t.Helper()
	path := filepath.Join(t.TempDir(), "group.state")
	lk, err := takeLock(t.Context(), path, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := createMissing(t.Context(), path, testOptions()); err != nil {
		t.Fatal(err)
	}
	w, err := openWriter(t.Context(), path, lk)
	if err != nil {
		t.Fatal(err)
	}
	r, err := openReader(t.Context(), path, readName(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), w.close(), lk.release()); err != nil {
			t.Error(err)
		}
	})
	return &Ledger{Reader: r, writer: w}
}

// commitTogether queues the requests and carries them out as serve does.
func commitTogether(t *testing.T, l *Ledger, do ...func(*tx) error) []error {
	t.Helper()
	for _, d := range do {
		l.writer.queue <- request{do: d, done: make(chan error, 1)}
	}
	group := l.writer.gather(<-l.writer.queue)
	if len(group) != len(do) {
		t.Fatalf("%d of %d requests in the group", len(group), len(do))
	}
	return l.writer.commit(group)
}

func names(t *testing.T, l *Ledger) []string {
	t.Helper()
	all, err := l.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range all {
		names = append(names, m.Name)
	}
	return names
}

func addBox(name string) func(*tx) error {
	return func(t *tx) error {
		id, err := t.number(nextMailboxID)
		if err != nil {
			return err
		}
		return t.run(setMailbox, withSum(mailboxValues(Mailbox{ID: MailboxID(id), Name: name}))...)
	}
}

// TestGroup promises: a wrong request is undone alone.
func TestGroup(t *testing.T) {
	l := idle(t)
	wrong := func(t *tx) error { return errors.Join(addBox("half")(t), badRequest("wrong")) }
	errs := commitTogether(t, l, addBox("a"), wrong, addBox("b"))
	if errs[0] != nil || errs[2] != nil || mail.CodeOf(errs[1]) != mail.CodeInternal || errs[1] == nil {
		t.Errorf("answers %v", errs)
	}
	if got, want := names(t, l), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("mailboxes %q, want %q", got, want)
	}
}

// TestTallyOfAGroup: what a wrong request has counted is forgotten with it, and the others of the group count on.
func TestTallyOfAGroup(t *testing.T) {
	l := idle(t)
	var f Folder
	setUp := func(t *tx) (err error) {
		f.ID, err = t.putFolder(Folder{Mailbox: 1, Source: "INBOX", Current: true})
		return err
	}
	if err := errors.Join(commitTogether(t, l, addBox("a"))[0], commitTogether(t, l, setUp)[0]); err != nil {
		t.Fatal(err)
	}
	seen := func(uids ...mail.UID) func(*tx) error {
		return func(t *tx) error {
			var rows []Message
			for _, uid := range uids {
				rows = append(rows, Message{Folder: f.ID, UID: uid})
			}
			return t.see(rows)
		}
	}
	wrong := func(t *tx) error { return errors.Join(seen(3, 4, 5)(t), badRequest("wrong")) }
	errs := commitTogether(t, l, seen(1), wrong, seen(2))
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Fatalf("answers %v", errs)
	}
	c, err := l.Count(t.Context(), f.ID, Selection{}, 0)
	if err != nil || c.Pending.Messages != 2 {
		t.Errorf("%d messages are counted, %v", c.Pending.Messages, err)
	}
}

// TestHardCase_R05_LostCommit: after a failed fsync the kernel may have thrown the pages away, and the next fsync says that
// all is well. A commit that fails is lost as a whole, everybody in it is told, and nothing is written after it.
func TestHardCase_R05_LostCommit(t *testing.T) {
	l := idle(t)
	if err := errors.Join(commitTogether(t, l, addBox("a"), addBox("b"))...); err != nil {
		t.Fatal(err)
	}
	lost := errors.New("input/output error")
	for i, group := range [][]func(*tx) error{{addBox("c"), func(*tx) error { return lost }, addBox("d")}, {addBox("e")}} {
		for _, err := range commitTogether(t, l, group...) {
			if !errors.Is(err, lost) || mail.CodeOf(err) != mail.CodeStateWrite {
				t.Errorf("group %d after the loss: %v", i, err)
			}
		}
	}
	if got, want := names(t, l), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("mailboxes %q, want %q", got, want)
	}
}

// hot copies the file of an open ledger together with its log, as a crash leaves them.
func hot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.state"), filepath.Join(dir, "to.state")
	l, err := Open(t.Context(), from, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.PutMailbox(t.Context(), Mailbox{Name: "anna"}); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(from+suffix, to+suffix); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

func addColumn(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "ALTER TABLE mailbox ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'")
	return err
}

func addTable(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "CREATE TABLE extra AS SELECT colour FROM mailbox")
	return err
}

// TestHardCase_R16_Upgrade: an old file, with what only its log holds, goes through two steps to a new form, made
// beside it.
func TestHardCase_R16_Upgrade(t *testing.T) {
	path := hot(t)
	if err := prepare(t.Context(), path, []upgrade{addColumn, addTable}); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(path + "*"); !slices.Equal(found, []string{path}) {
		t.Errorf("left behind: %q", found)
	}
	db, err := sql.Open("sqlite", readName(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var format int
	var name, colour string
	err = errors.Join(db.QueryRow("PRAGMA user_version").Scan(&format),
		db.QueryRow("SELECT name, (SELECT colour FROM extra) FROM mailbox").Scan(&name, &colour))
	if err != nil || format != 3 || name != "anna" || colour != "red" {
		t.Errorf("format %d, mailbox %q, colour %q, %v", format, name, colour, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestHardCase_R16_UpgradeThatFails: a step that fails half way leaves the file as it was: an upgrade in place would
// destroy the only memory of what was sent.
func TestHardCase_R16_UpgradeThatFails(t *testing.T) {
	path := hot(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := prepare(t.Context(), path, []upgrade{addColumn, addColumn}); err == nil {
		t.Fatal("the second step can't have worked")
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
	if found, _ := filepath.Glob(path + ".*"); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	l, err := Open(t.Context(), path, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, l); !slices.Equal(got, []string{"anna"}) {
		t.Errorf("mailboxes %q", got)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
