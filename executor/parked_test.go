package executor_test

import (
	"context"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
)

// ask surveys mailboxes and parks their sessions.
func ask(t *testing.T, e *endpointtest.Endpoints, p *executor.Parked, parallel int, mailboxes ...string) {
	t.Helper()
	o := executor.SurveyOptions{Endpoints: p, Park: p, Parallel: parallel}
	for _, m := range mailboxes {
		o.Mailboxes = append(o.Mailboxes, executor.SurveyMailbox{Row: state.Mailbox{Name: m}})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, err := executor.Survey(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	for name, inv := range got {
		if inv.Problem != nil {
			t.Errorf("%s: %+v", name, inv.Problem)
		}
	}
}

// opened counts the sessions that a store has seen.
func opened(s *endpointtest.Store) int { return s.Ops("open source") + s.Ops("open destination") }

// TestParkedSessionsAreTaken: what a survey leaves open serves the next one, each session once, and what nobody takes is
// closed.
func TestParkedSessionsAreTaken(t *testing.T) {
	e := endpointtest.NewEndpoints("anna")
	e.Connections = 1
	now := epoch
	p := &executor.Parked{Endpoints: e, Now: func() time.Time { return now }}
	ask(t, e, p, 1, "anna")
	ask(t, e, p, 1, "anna")
	if n := opened(e.Sources["anna"]); n != 1 {
		t.Errorf("two surveys opened %d sessions at the source", n)
	}
	now = now.Add(time.Hour)
	ask(t, e, p, 1, "anna") // hangs unless what is too old is closed
	if n := opened(e.Sources["anna"]); n != 2 {
		t.Errorf("%d sessions, want a new one after an hour", n)
	}
	p.Close()
	for _, s := range []*endpointtest.Store{e.Sources["anna"], e.Destinations["anna"]} {
		if s.Ops("close") != 2 {
			t.Errorf("%d of 2 sessions were closed", s.Ops("close"))
		}
	}
}

// TestParkedSessionsMakeRoom: a parked session never holds the connection that the next survey waits for.
func TestParkedSessionsMakeRoom(t *testing.T) {
	for _, next := range [][]string{{"anna", "bo"}, {"anna"}} {
		e := endpointtest.NewEndpoints("anna", "bo")
		e.Connections = 1
		p := &executor.Parked{Endpoints: e}
		ask(t, e, p, 1, "bo")
		ask(t, e, p, 1, next...)
		p.Close()
	}
}
