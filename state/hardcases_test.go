package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestHardCase_R11_ClockJumps: a clock that is set, a laptop that slept: a lock that is judged by its age is taken from
// whoever lives, or stays with the dead. Only the system's own lock counts, whatever the clock of either side says, and two
// runs of one moment are two.
func TestHardCase_R11_ClockJumps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock.state")
	c, out, in := child(t, "hold", path)
	if !out.Scan() {
		t.Fatal("the child did not open the ledger")
	}
	at := func(d time.Duration) state.Options {
		return state.Options{Version: "1.2.3", Now: func() time.Time { return start.Add(d) }}
	}
	century := 100 * 365 * 24 * time.Hour
	for _, d := range []time.Duration{century, -century} {
		if _, err := state.Open(t.Context(), path, at(d)); mail.CodeOf(err) != mail.CodeStateLocked {
			t.Errorf("%v from when the holder began: %v", d, err)
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Close(), c.Wait() // it was killed
	l, err := state.Open(t.Context(), path, at(-century))
	if err != nil {
		t.Fatalf("after the holder died, before it began: %v", err)
	}
	defer l.Close()
	one, two := must[state.Run](t)(l.BeginRun(t.Context(), "full")), must[state.Run](t)(l.BeginRun(t.Context(), "full"))
	if one.ID == two.ID || !one.Started.Equal(two.Started) {
		t.Errorf("two runs of one moment are %+v and %+v", one, two)
	}
}

// TestHardCase_R14_PlaceThatCannotBeWritten: a wrong place for the state file, or something in the place of its lock, is
// found out at once, and the error names the path that is meant.
func TestHardCase_R14_PlaceThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(filepath.Join(dir, "a.state.lock"), 0o700), os.Mkdir(filepath.Join(dir, "b.state"), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "x.state"), filepath.Join(dir, "none", "x.state"), filepath.Join(dir, "a.state"),
		filepath.Join(dir, "b.state")} {
		_, err := state.Open(t.Context(), path, options())
		if err == nil || mail.CodeOf(err) != mail.CodeStateWrite || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
