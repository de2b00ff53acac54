package executor_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// mute is a destination that takes one connection at a time once a run has begun, and hangs up on the next without a word.
type mute struct {
	*rig
	begun atomic.Bool
	open  atomic.Int32
}

func (m *mute) Source(ctx context.Context, mailbox string) (executor.Source, error) {
	return m.endpoints.Source(ctx, mailbox)
}

func (m *mute) Further(context.Context, string) (executor.Source, executor.Destination, bool) {
	return nil, nil, false
}

func (m *mute) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	if !m.begun.Load() {
		return m.endpoints.Destination(ctx, mailbox)
	}
	if m.open.Add(1) > 1 {
		m.open.Add(-1)
		return nil, &mail.Error{Op: "read greeting", Kind: mail.Transient, Code: mail.CodeIMAPGreeting, Err: errors.New("EOF")}
	}
	d, err := m.endpoints.Destination(ctx, mailbox)
	closed := m.limits.Opened("endpoint.imap.new", mailbox)
	return &told{d, sync.OnceFunc(func() { closed(); m.open.Add(-1) })}, err
}

// TestHungUpWhileOthersAreServed: a server that takes no more connections and does not say so lets no mailbox fail, however
// long the others take. The operator is told what it may be.
func TestHungUpWhileOthersAreServed(t *testing.T) {
	m := &mute{rig: newRig(t, "anna", "bo", "cecil")}
	m.project.open, m.limits, m.patience.Tries = m, executor.NewLimits(nil, nil), 1
	held := make(chan struct{})
	enough := sync.OnceFunc(func() { close(held) })
	var waits int
	m.heard = func(e executor.Event) {
		switch e := e.(type) {
		case executor.PassStarted:
			m.begun.Store(true)
		case executor.Waiting:
			if e.Code != mail.CodeIMAPGreeting || !strings.Contains(e.Text, "it may take no more connections") {
				t.Errorf("told %+v", e)
			}
			if waits++; waits == 20 {
				enough()
			}
		case executor.MailboxFailed:
			enough()
		}
	}
	for name, src := range m.endpoints.Sources {
		src.Add("INBOX", letterOf(epoch, name))
		m.endpoints.Destinations[name].Set(endpointtest.Faults{Meanwhile: func(*endpointtest.Store, string) { <-held }})
	}
	if out := m.mustApply("full"); out.Complete != 3 || out.Blocked != 0 {
		t.Errorf("%+v", out.PassDone)
	}
	m.sameMail()
}
