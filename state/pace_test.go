package state_test

import (
	"path/filepath"
	"testing"
	"time"

	"mailhaul/state"
)

// TestPaceIsKept: what was learnt of a scope outlives the process, the last of it counts, and other scopes and measures know nothing.
func TestPaceIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.state")
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	want := state.Pace{Scope: "endpoint.microsoft365.new anna@x", Of: state.Octets, Most: 3.5, Wait: 5 * time.Minute, Learned: at}
	l, err := state.Open(t.Context(), path, state.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, rate := range []float64{9, 3.5} {
		p := want
		p.Most = rate
		if err := l.PutPace(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := state.OpenRead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	got, err := r.Pace(t.Context(), want.Scope, want.Of)
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if other, err := r.Pace(t.Context(), "endpoint.microsoft365.new bo@x", want.Of); err != nil || other != (state.Pace{}) {
		t.Errorf("another mailbox: %+v, %v", other, err)
	}
	for _, of := range []state.Measure{state.Messages, state.Connections} {
		if other, err := r.Pace(t.Context(), want.Scope, of); err != nil || other != (state.Pace{}) {
			t.Errorf("another measure, %s: %+v, %v", of, other, err)
		}
	}
}
