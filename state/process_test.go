package state_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// childEnv makes the test binary another process that works with a state file: "work:PATH" or "hold:PATH".
const childEnv = "MAILHAUL_STATE_TEST_CHILD"

func TestMain(m *testing.M) {
	what, path, _ := strings.Cut(os.Getenv(childEnv), ":")
	switch what {
	case "":
		os.Exit(m.Run())
	case "work":
		exit(workUntilEnd(path))
	case "hold":
		exit(hold(path))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// hold opens the ledger and keeps it until stdin ends.
func hold(path string) error {
	l, err := state.Open(context.Background(), path, options())
	if err != nil {
		return err
	}
	fmt.Println("open")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, l.Close())
}

// workUntilEnd takes batches of ten messages from seen to landed, as several mailboxes do, and says on stdout what was
// acknowledged. It ends when a write fails, and says how: after a failure no write may succeed.
func workUntilEnd(path string) error {
	ctx := context.Background()
	l, err := state.Open(ctx, path, options())
	if err != nil {
		return err
	}
	ended := make(chan error)
	for g := range 4 {
		go func() { ended <- workOne(ctx, l, g) }()
	}
	for range 4 {
		if err := <-ended; mail.CodeOf(err) != mail.CodeStateWrite || mail.KindOf(err) != mail.Internal {
			return fmt.Errorf("a failed write gave %w", err)
		}
	}
	if _, err := l.BeginRun(ctx, "full"); mail.CodeOf(err) != mail.CodeStateWrite {
		return fmt.Errorf("after a failed write: %w", err)
	}
	fmt.Println("refuses")
	return nil
}

func workOne(ctx context.Context, l *state.Ledger, g int) error {
	m, err := l.PutMailbox(ctx, state.Mailbox{Name: strconv.Itoa(g), SourceEndpoint: "s", Destination: strconv.Itoa(g)})
	if err != nil {
		return err
	}
	f, err := l.PutFolder(ctx, state.Folder{Mailbox: m.ID, Source: "INBOX", Current: true, Destination: "INBOX", DestinationValidity: 70})
	if err != nil {
		return err
	}
	for first := 1; ; first += 10 {
		rows := listed(f.ID, first, 10)
		if err := l.See(ctx, rows); err != nil {
			return err
		}
		fmt.Printf("%d %d %d\n", f.ID, first, state.StateSeen)
		if err := l.Put(ctx, intended(rows), nil); err != nil {
			return err
		}
		fmt.Printf("%d %d %d\n", f.ID, first, state.StateIntent)
		if err := l.Put(ctx, landed(rows), nil); err != nil {
			return err
		}
		fmt.Printf("%d %d %d\n", f.ID, first, state.StateLanded)
	}
}

// child starts this binary as another process.
func child(t *testing.T, what, path string, shell ...string) (*exec.Cmd, *bufio.Scanner, io.Closer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	if len(shell) > 0 {
		c = exec.CommandContext(t.Context(), "/bin/sh", "-c", strings.Join(shell, ";")+`; exec "$0"`, self)
	}
	c.Env = append(os.Environ(), childEnv+"="+what+":"+path)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c, bufio.NewScanner(out), in
}

// acknowledged are the states that a child was told of, by folder and first UID of the batch.
type acknowledged map[[2]int]state.State

func (a acknowledged) read(t *testing.T, line string) {
	t.Helper()
	var f, first, s int
	if _, err := fmt.Sscan(line, &f, &first, &s); err != nil {
		t.Fatalf("line %q: %v", line, err)
	}
	a[[2]int{f, first}] = state.State(s)
}

// holds proves that every acknowledged row is there, no less far than it was said to be.
func (a acknowledged) holds(t *testing.T, path string) {
	t.Helper()
	l := open(t, path)
	for at, s := range a {
		var uids []mail.UID
		for i := range 10 {
			uids = append(uids, mail.UID(at[1]+i))
		}
		rows := must[[]state.Message](t)(l.Rows(t.Context(), state.FolderID(at[0]), uids))
		if len(rows) != 10 {
			t.Fatalf("batch %v: %d rows of 10", at, len(rows))
		}
		for _, r := range rows {
			if r.State < s {
				t.Fatalf("batch %v: UID %d is in state %d, acknowledged was %d", at, r.UID, r.State, s)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, v := range must[[]state.Violation](t)(state.Check(t.Context(), path)) {
		t.Errorf("check: %s", v)
	}
}

// TestHardCase_R01_KilledWriter: after kill -9 everything that was acknowledged is there.
func TestHardCase_R01_KilledWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kill.state")
	for round := range 3 {
		if round > 0 {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		c, out, _ := child(t, "work", path)
		acks := acknowledged{}
		for len(acks) < 60*(round+1) && out.Scan() {
			acks.read(t, out.Text())
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for out.Scan() {
			acks.read(t, out.Text())
		}
		_ = c.Wait() // it was killed
		acks.holds(t, path)
	}
}

// TestHardCase_R04_FileCannotGrow: when the disk takes no more, nobody is told that a write succeeded, every later
// write is refused, and what was acknowledged stays.
func TestHardCase_R04_FileCannotGrow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "full.state")
	// The log meets the limit of 512 kB first. SIGXFSZ is ignored by the child's shell and so by the child.
	c, out, _ := child(t, "work", path, "trap '' XFSZ", "ulimit -f 1024")
	acks := acknowledged{}
	refused := false
	for out.Scan() {
		if refused = out.Text() == "refuses"; !refused {
			acks.read(t, out.Text())
		}
	}
	if err := c.Wait(); err != nil || !refused || len(acks) < 10 {
		t.Fatalf("child: %v, refused %v, %d batches acknowledged", err, refused, len(acks))
	}
	acks.holds(t, path)
}

// TestHardCase_R09_R14_LockedByAnotherProcess: two runs on one state file would each send what the other has sent.
// The second is told who holds it; one that was killed holds nothing, whatever its note says.
func TestHardCase_R09_R14_LockedByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock.state")
	c, out, in := child(t, "hold", path)
	if !out.Scan() {
		t.Fatal("the child did not open the ledger")
	}
	_, err := state.Open(t.Context(), path, options())
	var locked *state.Error
	if !errors.As(err, &locked) || mail.CodeOf(err) != mail.CodeStateLocked || mail.KindOf(err) != mail.Internal {
		t.Fatalf("a second writer: %v", err)
	}
	host, _ := os.Hostname()
	h := *locked.Holder
	if !h.Alive || h.PID != c.Process.Pid || h.Host != host || h.Command != "mailhaul apply" || !h.Started.Equal(start) ||
		len(h.ID) != 4 || h.User == "" {
		t.Errorf("holder %+v", h)
	}
	if got, there, err := state.ReadHolder(path); !there || err != nil || got != h {
		t.Errorf("ReadHolder: %+v, %v, %v", got, there, err)
	}
	if err := state.Unlock(path, h.ID); mail.CodeOf(err) != mail.CodeStateLocked {
		t.Errorf("unlock while the holder lives: %v", err)
	}
	r := must[*state.Reader](t)(state.OpenRead(t.Context(), path))
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// A killed holder leaves its note behind; the lock itself is gone with it.
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Close(), c.Wait() // it was killed
	if _, there, err := state.ReadHolder(path); there || err != nil {
		t.Errorf("a dead holder counts: %v, %v", there, err)
	}
	if err := open(t, path).Close(); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(path + ".lock"); err != nil || len(b) != 0 {
		t.Errorf("the lock file after Close: %q, %v", b, err)
	}
}

// TestReadWhileAnotherWrites reads from this process what another one commits.
func TestReadWhileAnotherWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "read.state")
	_, out, _ := child(t, "work", path)
	var r *state.Reader
	for lines := 0; lines < 300 && out.Scan(); lines++ {
		acks := acknowledged{}
		acks.read(t, out.Text())
		if r == nil {
			r = must[*state.Reader](t)(state.OpenRead(t.Context(), path))
			defer r.Close()
		}
		for at, s := range acks {
			rows := must[[]state.Message](t)(r.Rows(t.Context(), state.FolderID(at[0]), []mail.UID{mail.UID(at[1])}))
			if len(rows) != 1 || rows[0].State < s {
				t.Fatalf("read %v, want a row at state %d", rows, s)
			}
		}
	}
	if vs := must[[]state.Violation](t)(state.Check(t.Context(), path)); len(vs) > 0 {
		t.Errorf("check while another process writes: %v", vs[0])
	}
}

// TestHardCase_R09_LockOfAnotherMachine: where the note names another machine, whose processes can't be seen, nobody
// takes the lock, until it is taken away by id. Whoever lost it that way and is alive after all writes nothing more.
func TestHardCase_R09_LockOfAnotherMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "far.state")
	note := `{"id":"7f3a","user":"anna","host":"mig01.invalid","pid":4121,"started":"2026-11-23T19:00:00+01:00","command":"mailhaul apply"}`
	if err := os.WriteFile(path+".lock", []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := state.Open(t.Context(), path, options())
	var locked *state.Error
	if !errors.As(err, &locked) || locked.Code != mail.CodeStateLocked || locked.Holder.Alive || locked.Holder.User != "anna" {
		t.Fatalf("open: %v", err)
	}
	if err := state.Unlock(path, "beef"); err == nil {
		t.Error("unlocked by a wrong id")
	}
	if err := state.Unlock(path, "7f3a"); err != nil {
		t.Error(err)
	}
	l := open(t, path)
	box := mailbox(t, l, "anna@contoso.example")
	// Somebody takes the lock away from a writer that is alive after all: it must not write any more.
	if err := os.Rename(path+".lock", path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.PutMailbox(t.Context(), state.Mailbox{Name: "b"}); mail.CodeOf(err) != mail.CodeStateWrite {
		t.Errorf("write without the lock: %v", err)
	}
	equal(t, "mailboxes", must[[]state.Mailbox](t)(l.Mailboxes(t.Context())), []state.Mailbox{box})
}

// TestUnlockNobody: there is nothing to unlock.
func TestUnlockNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.state")
	if err := state.Unlock(path, "7f3a"); err == nil {
		t.Error("unlocked what nobody holds")
	}
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock file was made: %v", err)
	}
}
