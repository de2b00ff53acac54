package executor_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// still are endpoints whose destination says nothing for a while to whoever comes.
type still struct {
	executor.Endpoints
	limits *executor.Limits
	came   sync.WaitGroup
}

func (s *still) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	s.limits.Silent("new", mailbox, executor.SideDestination, 50*time.Second)
	s.came.Done()
	s.came.Wait()
	return s.Endpoints.Destination(ctx, mailbox)
}

// TestSilenceIsToldOnce: of a server that says nothing one mailbox tells, and not all that wait for it.
func TestSilenceIsToldOnce(t *testing.T) {
	s := &still{Endpoints: endpointtest.NewEndpoints("anna", "bo", "cecil"), limits: executor.NewLimits(nil, nil)}
	var waits []executor.Waiting
	o := executor.SurveyOptions{Endpoints: s, Limits: s.limits, Parallel: 3, Events: func(e executor.Event) {
		if w, is := e.(executor.Waiting); is {
			waits = append(waits, w)
		}
	}}
	for _, name := range []string{"anna", "bo", "cecil"} {
		s.came.Add(1)
		o.Mailboxes = append(o.Mailboxes, executor.SurveyMailbox{Row: state.Mailbox{Name: name, SourceEndpoint: "old", DestinationEndpoint: "new"}})
	}
	if _, err := executor.Survey(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 1 || waits[0].Side != executor.SideDestination || waits[0].Code != mail.CodeIMAPTimeout || waits[0].Wait != 50*time.Second {
		t.Errorf("told %+v", waits)
	}
}
