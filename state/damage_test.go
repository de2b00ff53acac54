package state_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailhaul/state"
	"mailhaul/state/mail"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// filled makes a small state file with something in every table and gives its octets.
func filled(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.state")
	l, err := state.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	box := mailbox(t, l, "anna@contoso.example")
	f := folder(t, l, box, "INBOX")
	if err := l.See(t.Context(), listed(f.ID, 1, 120)); err != nil {
		t.Fatal(err)
	}
	put(t, l, landed(intended(listed(f.ID, 20, 60)))...)
	refused := listed(f.ID, 100, 1)
	refused[0].State = state.StateRefused
	failure := state.Failure{Folder: f.ID, UID: 100, Code: mail.CodeMessageRefused, Kind: mail.Refused, Time: start}
	if err := l.Put(t.Context(), refused, []state.Failure{failure}); err != nil {
		t.Fatal(err)
	}
	run, err := l.BeginRun(t.Context(), "full")
	if err := errors.Join(err, l.EndRun(t.Context(), run), l.PutPass(t.Context(), state.Pass{Name: "full", Older: start}),
		l.PutMailboxPass(t.Context(), state.MailboxPass{Mailbox: box.ID, Pass: "full", Progress: state.Failed}),
		l.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// everything is all that a state file tells.
type everything struct {
	Lineage   string
	Serial    int64
	Boxes     []state.Mailbox
	Folders   []state.Folder
	Rows      []state.Message
	Todo      []state.Message
	Claimed   []state.Claim
	Totals    []state.MailboxTotal
	Failed    []state.FailedMessage
	Mailboxes []state.FailedMailbox
	Runs      []state.Run
	Pass      state.Pass
	Counts    map[state.MailboxID][]state.FolderCount
}

// readAll asks a state file everything; what it can't tell is an error.
func readAll(ctx context.Context, r *state.Reader) (everything, error) {
	e := everything{Lineage: r.Lineage(), Serial: r.Serial()}
	var errs [12]error
	e.Boxes, errs[0] = r.Mailboxes(ctx)
	e.Folders, errs[1] = r.Folders(ctx, 1)
	e.Rows, errs[2] = r.Select(ctx, state.Query{Folder: 1, States: everyState, Limit: 1000})
	e.Todo, errs[3] = r.Select(ctx, state.Query{Folder: 1, States: []state.State{state.StateSeen}, NewestFirst: true, Limit: 1000})
	e.Claimed, errs[4] = r.Claimed(ctx, 1, "INBOX", 70, 1)
	e.Totals, errs[5] = r.Totals(ctx)
	e.Failed, errs[6] = r.FailedMessages(ctx)
	e.Mailboxes, errs[7] = r.FailedMailboxes(ctx)
	e.Runs, errs[8] = r.Runs(ctx)
	e.Pass, _, errs[9] = r.Pass(ctx, "full")
	e.Counts, errs[10] = countAll(ctx, r)
	return e, errors.Join(errs[:]...)
}

// countAll asks what a plan asks that contacts nobody.
func countAll(ctx context.Context, r *state.Reader) (map[state.MailboxID][]state.FolderCount, error) {
	o, err := r.Overview(ctx)
	if err != nil {
		return nil, err
	}
	return o.CountAll(ctx, func(state.MailboxID) (state.Selection, bool) { return state.Selection{Older: start}, true })
}

// outcome opens a file of these octets for writing and for reading and gives what it told. It fails the test if the
// file is changed, if anything is left beside it, or if the error is not one that a person can use.
func outcome(t testing.TB, octets []byte) (everything, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.state")
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	var e everything
	l, err := state.Open(t.Context(), path, options())
	if err == nil {
		e, err = readAll(t.Context(), l.Reader)
		if closed := l.Close(); closed != nil {
			t.Fatalf("close: %v", closed)
		}
	}
	if r, again := state.OpenRead(t.Context(), path); again == nil {
		_, _ = readAll(t.Context(), r) // it may tell anything, but must end
		if closed := r.Close(); closed != nil {
			t.Fatalf("close: %v", closed)
		}
	}
	if code := mail.CodeOf(err); err != nil && code != mail.CodeStateDamaged && code != mail.CodeStateNewer {
		t.Fatalf("code %s: %v", code, err)
	}
	after, readErr := os.ReadFile(path)
	if readErr != nil || err != nil && !bytes.Equal(after, octets) {
		t.Fatalf("a refused file was changed (%v)", readErr)
	}
	return e, err
}

// TestHardCase_R06_Truncated: a state file that was cut short anywhere, down to nothing, is refused as damaged and
// left as it is: what it still holds would let mail be sent twice.
func TestHardCase_R06_Truncated(t *testing.T) {
	octets := filled(t)
	for size := 0; size < len(octets); size += 512 * slow {
		if _, err := outcome(t, octets[:size]); mail.CodeOf(err) != mail.CodeStateDamaged {
			t.Fatalf("cut at %d of %d: %v", size, len(octets), err)
		}
	}
}

// TestHardCase_R06_Foreign: an empty file, one full of zeros, a text, or another program's database under the state
// file's name is refused, and not written to.
func TestHardCase_R06_Foreign(t *testing.T) {
	text := []byte(strings.Repeat("not a state file\n", 1000))
	other := bytes.Clone(filled(t))
	binary.BigEndian.PutUint32(other[68:], 0) // some other program's SQLite file
	for name, octets := range map[string][]byte{"empty": {}, "text": text, "zeros": make([]byte, 8192), "other": other} {
		if _, err := outcome(t, octets); mail.CodeOf(err) != mail.CodeStateDamaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHardCase_R06_FlippedBits: whatever bit flips, the file tells the truth or it is refused. SQLite itself notices
// no flip within a value.
func TestHardCase_R06_FlippedBits(t *testing.T) {
	octets := filled(t)
	want, err := outcome(t, octets)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := 0; at < len(octets); at += 499 * slow {
		flipped := bytes.Clone(octets)
		flipped[at] ^= 1 << (at % 8)
		got, err := outcome(t, flipped)
		if err != nil {
			refused++
			continue
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("octet %d: believed a lie (-want +got):\n%s", at, d)
		}
	}
	if refused < 20/slow {
		t.Errorf("only %d flips were noticed", refused)
	}
}

func FuzzOpen(f *testing.F) {
	octets := filled(f)
	want, err := outcome(f, octets)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(100), []byte{1})
	f.Add(uint32(4096), []byte("\x0a\x00\x00\x00\x05"))
	f.Add(uint32(len(octets)-300), []byte{0xff, 0, 0xff})
	f.Fuzz(func(t *testing.T, at uint32, change []byte) {
		mutated := bytes.Clone(octets)
		for i, b := range change {
			mutated[(int(at)+i)%len(mutated)] ^= b
		}
		got, err := outcome(t, mutated)
		if err == nil && !cmp.Equal(want, got, cmpopts.EquateEmpty()) {
			t.Errorf("believed a lie:\n%s", cmp.Diff(want, got, cmpopts.EquateEmpty()))
		}
	})
}

func TestNewerFormatNamesTheRelease(t *testing.T) {
	octets := filled(t)
	binary.BigEndian.PutUint32(octets[60:], 9)
	_, err := outcome(t, octets)
	want := "x.state was written by mailhaul 1.2.3 in format 9; this release knows formats up to 1"
	if err == nil || err.Error() != want || mail.CodeOf(err) != mail.CodeStateNewer {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestHardCase_R06_BackupIsNamed: who has a damaged state file is told of the last good copy, which takes its place
// as it is.
func TestHardCase_R06_BackupIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.state")
	l := open(t, path)
	box := mailbox(t, l, "anna@contoso.example")
	for range 2 { // the second replaces the first
		if err := l.Backup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mailbox(t, l, "bo@contoso.example")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	_, err := state.Open(t.Context(), path, options())
	var e *state.Error
	if !errors.As(err, &e) || e.Backup != path+".backup" || !strings.HasSuffix(err.Error(), "the last good copy is b.state.backup") {
		t.Fatalf("got %v", err)
	}
	// The backup is a whole state file of the same lineage.
	if err := os.Rename(path+".backup", path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	back := open(t, path)
	equal(t, "restored", must[[]state.Mailbox](t)(back.Mailboxes(t.Context())), []state.Mailbox{box})
	equal(t, "lineage", back.Lineage(), l.Lineage())
	left := must[[]string](t)(filepath.Glob(path + ".backup*"))
	equal(t, "left behind", left, []string(nil))
}

func TestMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.state")
	if _, err := state.OpenRead(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenRead: %v", err)
	}
	if _, err := state.Check(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Check: %v", err)
	}
	equal(t, "left behind", must[[]string](t)(filepath.Glob(filepath.Dir(path)+"/*")),
		[]string(nil))
	if _, err := state.Open(t.Context(), filepath.Join(path, "nowhere"), options()); mail.CodeOf(err) != mail.CodeStateWrite {
		t.Errorf("Open in a missing directory: %v", err)
	}
	// A log without its file holds acknowledged work: it must not be replayed into a new file, nor thrown away.
	if err := os.WriteFile(path+"-wal", []byte("log"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Open(t.Context(), path, options()); mail.CodeOf(err) != mail.CodeStateDamaged {
		t.Errorf("Open beside a log: %v", err)
	}
}

// TestReadersLeaveNothing: who only reads does not change the file.
func TestReadersLeaveNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.state")
	if err := os.WriteFile(path, filled(t), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := func() [32]byte { return sha256.Sum256(must[[]byte](t)(os.ReadFile(path))) }
	before := sum()
	r := must[*state.Reader](t)(state.OpenRead(t.Context(), path))
	if _, err := readAll(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if vs, err := state.Check(t.Context(), path); err != nil || len(vs) > 0 {
		t.Errorf("check: %v, %v", vs, err)
	}
	if sum() != before {
		t.Error("the file was changed")
	}
	for _, name := range must[[]string](t)(filepath.Glob(path + "*")) {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		t.Log(name)
	}
}

// TestTruncatedUnderAReader cuts the file short while somebody looks at it, as a disk that fills or a careless copy does: the
// look ends with an error. A file that is mapped into memory would end the whole process with a signal.
func TestTruncatedUnderAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut.state")
	l, err := state.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	f := folder(t, l, mailbox(t, l, "anna@contoso.example"), "INBOX")
	if err := errors.Join(l.See(t.Context(), listed(f.ID, 1, 20_000)), l.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := state.OpenRead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	told := 0
	err = r.Export(t.Context(), func(any) error {
		if told++; told > 3 { // in the middle of the rows
			return os.Truncate(path, 16<<10)
		}
		return nil
	})
	if err == nil {
		t.Errorf("%d records were read from a file that was cut", told)
	}
}
