package executor_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// single is a destination that takes one connection of an undo at a time, and turns the others away.
type single struct {
	*endpointtest.Endpoints
	at      string // the endpoint's name
	limits  *executor.Limits
	open    atomic.Int32
	refused atomic.Int32
	waited  chan struct{} // the others have been told to wait
}

func (s *single) Eraser(ctx context.Context, mailbox string) (executor.Eraser, error) {
	if s.open.Add(1) > 1 {
		s.open.Add(-1)
		s.refused.Add(1)
		err := &mail.Error{Op: "connect", Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Limit: mail.LimitConnections, Text: "no more"}
		s.limits.Refused(s.at, mailbox, err)
		return nil, err
	}
	e, err := s.Endpoints.Eraser(ctx, mailbox)
	closed := s.limits.Opened(s.at, mailbox)
	return &singleEraser{e, s, sync.OnceFunc(func() { s.open.Add(-1); closed() })}, err
}

type singleEraser struct {
	executor.Eraser
	server *single
	closed func()
}

func (e *singleEraser) Folders(ctx context.Context) ([]mail.Folder, error) {
	<-e.server.waited
	return e.Eraser.Folders(ctx)
}

func (e *singleEraser) Close() error {
	defer e.closed()
	return e.Eraser.Close()
}

// TestUndoWaitsForItsTurn: mailboxes that a server turns away because others have its connections come when those have left,
// and do not fail.
func TestUndoWaitsForItsTurn(t *testing.T) {
	r := newRig(t, "anna", "bo", "cecil")
	for _, src := range r.endpoints.Sources {
		src.Add("INBOX", letterOf(epoch, "x"))
	}
	r.mustApply("full")
	l, err := state.Open(t.Context(), r.path, state.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	boxes, err := l.Mailboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &single{Endpoints: r.endpoints, at: "endpoint.imap.new", limits: executor.NewLimits(nil, nil), waited: make(chan struct{})}
	waits := 0
	o := executor.UndoOptions{Endpoints: s, Ledger: l, Limits: s.limits, Reopen: []string{"full"}, Parallel: 3,
		Patience: executor.Patience{First: time.Millisecond, Longest: time.Millisecond, Tries: 1},
		Events: func(e executor.Event) {
			if w, is := e.(executor.Waiting); is && w.Code == mail.CodeIMAPConnections {
				if waits++; waits == 2 {
					close(s.waited)
				}
			}
		}}
	looked, err := executor.SurveyUndo(t.Context(), boxes, o)
	if err != nil {
		t.Fatal(err)
	}
	did, err := executor.Undo(t.Context(), looked, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range did {
		if did[i].Problem != nil || did[i].Remove.Messages != 1 {
			t.Errorf("%s: %+v, %+v", did[i].Mailbox.Name, did[i].Problem, did[i])
		}
	}
	if n := s.refused.Load(); n > 2 {
		t.Errorf("%d connections were refused: it was not learnt how many there are", n)
	}
}
