package executor_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// crowdedRig is a rig whose destination gives one connection to somebody else and turns everybody away while it is full.
type crowdedRig struct {
	*rig
	full  atomic.Bool
	other func() // ends somebody else's connection
}

func newCrowdedRig(t *testing.T) *crowdedRig {
	r := &crowdedRig{rig: newRig(t, "anna")}
	r.open = r
	r.limits = executor.NewLimits(nil, nil)
	r.config.Mailboxes[0].Messages.MaxSize = 10_000
	return r
}

func (r *crowdedRig) at() string { return r.config.Endpoints[1].Ref() }

// Source, Destination and Further are those of the rig.
func (r *crowdedRig) Source(ctx context.Context, mailbox string) (executor.Source, error) {
	return r.endpoints.Source(ctx, mailbox)
}

func (r *crowdedRig) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	if r.full.Load() {
		err := &mail.Error{Op: "connect", Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Limit: mail.LimitConnections, Text: "no more"}
		r.limits.Refused(r.at(), mailbox, err)
		return nil, err
	}
	d, err := r.endpoints.Destination(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	return &told{d, sync.OnceFunc(r.limits.Opened(r.at(), mailbox))}, nil
}

func (r *crowdedRig) Further(ctx context.Context, mailbox string) (executor.Source, executor.Destination, bool) {
	return r.endpoints.Further(ctx, mailbox)
}

// told is a destination whose end is told.
type told struct {
	executor.Destination
	closed func()
}

func (d *told) Close() error {
	defer d.closed()
	return d.Destination.Close()
}

// breaks loses a connection at an append, when somebody else has taken what the server gives.
func (r *crowdedRig) breaks(at int, kind endpointtest.DropKind) {
	var n atomic.Int32
	r.other = sync.OnceFunc(r.limits.Opened(r.at(), "bo"))
	r.dst().Set(endpointtest.Faults{
		RefuseMessage: func(_ string, m endpointtest.Message) *mail.Error {
			if len(m.Octets) == refusedSize {
				return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
			}
			return nil
		},
		Meanwhile: func(*endpointtest.Store, string) {
			if int(n.Add(1)) == at {
				r.full.Store(true)
			}
		},
		Drop: map[int]endpointtest.Drop{at: {Kind: kind}},
	})
}

const refusedSize = 77

// odd puts a message into the INBOX that is refused, and one that is too large.
func (r *crowdedRig) odd() {
	for i, size := range []int{refusedSize, 20_000} {
		octets := []byte(fmt.Sprintf("Subject: odd\r\n\r\n%0*d\r\n", size-len("Subject: odd\r\n\r\n\r\n"), i))
		r.src().Add("INBOX", endpointtest.Message{Date: epoch.AddDate(0, 0, -300+i), Octets: octets})
	}
}

// told counts events.
func (r *crowdedRig) tally() (failed, leftOut, begun, ended, turns int) {
	for _, e := range r.events {
		switch e := e.(type) {
		case executor.MessageFailed:
			failed++
		case executor.MessageLeftOut:
			leftOut++
		case executor.MailboxStarted:
			begun++
		case executor.MailboxDone:
			ended++
		case executor.Waiting:
			if e.Code == mail.CodeIMAPConnections {
				turns++
			}
		}
	}
	return failed, leftOut, begun, ended, turns
}

// TestTurnedAwayInTheMiddle: a mailbox that is turned away while it copies, with messages in doubt, comes back when others
// have left. Everything arrives once, and everything is counted and told once, however many lanes it had.
func TestTurnedAwayInTheMiddle(t *testing.T) {
	for _, kind := range []endpointtest.DropKind{endpointtest.DropUnsent, endpointtest.DropBefore, endpointtest.DropAfter, endpointtest.DropAfterAll} {
		for _, lanes := range []int{1, 3} {
			for _, at := range []int{3, 9, 21} {
				t.Run(fmt.Sprintf("%d at %d, %d lanes", kind, at, lanes), func(t *testing.T) {
					t.Parallel()
					r := newCrowdedRig(t)
					r.endpoints.PerMailbox = lanes
					r.odd()
					for _, f := range []string{"INBOX", "A", "B", "C", "D"} {
						r.fill(f, 6)
					}
					r.breaks(at, kind)
					r.heard = func(e executor.Event) {
						if w, is := e.(executor.Waiting); is && w.Code == mail.CodeIMAPConnections {
							r.full.Store(false)
							r.other()
						}
					}
					out := r.mustApply("full")
					failed, leftOut, begun, ended, turns := r.tally()
					if failed != 1 || leftOut != 1 || begun != 1 || ended != 1 || lanes == 1 && turns == 0 {
						t.Errorf("told of %d failed, %d left out, %d begun, %d ended, %d turns", failed, leftOut, begun, ended, turns)
					}
					if out.Copied.Messages != 30 || out.Failed.Messages != 1 || out.LeftOut.Messages != 1 || out.Incomplete != 1 {
						t.Errorf("outcome %+v", out)
					}
					n := 0
					for _, f := range []string{"INBOX", "A", "B", "C", "D"} {
						n += r.in(f)
					}
					if n != 30 {
						t.Errorf("%d messages arrived", n)
					}
					r.checkState()
				})
			}
		}
	}
}

// TestTurnedAwayInARetry: a retry that is turned away counts what fails in the end, and not twice.
func TestTurnedAwayInARetry(t *testing.T) {
	r := newCrowdedRig(t)
	r.odd()
	r.fill("INBOX", 3)
	no := func(string, endpointtest.Message) *mail.Error {
		return &mail.Error{Op: "append message", Kind: mail.Malformed, Code: mail.CodeMessageMalformed, Text: "no"}
	}
	r.dst().Set(endpointtest.Faults{RefuseMessage: no})
	if out := r.mustApply("full"); out.Failed.Messages != 4 {
		t.Fatalf("%+v", out)
	}
	r.breaks(3, endpointtest.DropBefore)
	r.heard = func(e executor.Event) {
		if w, is := e.(executor.Waiting); is && w.Code == mail.CodeIMAPConnections {
			r.full.Store(false)
			r.other()
		}
	}
	out := r.mustApply("retry")
	if _, _, _, _, turns := r.tally(); turns == 0 || out.Copied.Messages != 3 || out.Failed.Messages != 1 || r.in("INBOX") != 3 {
		t.Errorf("%d turns, %+v, %d arrived", turns, out, r.in("INBOX"))
	}
	r.checkState()
}

// TestStopEndsTheWaitForATurn: an interrupt, or a window that closes, ends the wait of a mailbox for its turn; nothing
// failed, and the next run brings the rest once.
func TestStopEndsTheWaitForATurn(t *testing.T) {
	for _, window := range []bool{false, true} {
		r := newCrowdedRig(t)
		r.fill("INBOX", 12)
		r.breaks(5, endpointtest.DropAfter)
		r.stop = make(chan struct{})
		stop := sync.OnceFunc(func() { close(r.stop) })
		if window {
			r.closes = map[string]executor.Closing{"anna": {Window: "nights", At: time.Now().Add(500 * time.Millisecond)}}
			stop = func() {}
		}
		r.heard = func(e executor.Event) {
			if w, is := e.(executor.Waiting); is && w.Code == mail.CodeIMAPConnections {
				stop()
			}
		}
		began := time.Now()
		_, out, err := r.apply("full")
		failed, _, _, _, turns := r.tally()
		if err != nil || failed > 0 || out.Blocked+out.Incomplete+out.Complete > 0 || turns == 0 || time.Since(began) > 10*time.Second {
			t.Errorf("window %v: %+v, %v, %d failed, %d turns", window, out, err, failed, turns)
		}
		r.full.Store(false)
		r.other()
		r.stop, r.closes = nil, nil
		r.untilDone()
		r.sameMail()
		r.checkState()
	}
}

// TestStopWhilePaced: an interrupt ends the wait that a configured rate brings, on either side. What was not sent is absent,
// and neither failed nor in doubt; nobody is told that a server asked to wait.
func TestStopWhilePaced(t *testing.T) {
	for side := range 2 {
		r := newRig(t, "anna")
		r.fill("INBOX", 20)
		r.grace = 30 * time.Second
		r.limits = executor.NewLimits(nil, map[string]executor.Ceiling{r.config.Endpoints[side].Ref(): {MessagesPerSecond: 2}})
		r.stop = make(chan struct{})
		stop := sync.OnceFunc(func() { close(r.stop) })
		var n atomic.Int32
		r.dst().Set(endpointtest.Faults{Meanwhile: func(*endpointtest.Store, string) {
			if n.Add(1) == 3 {
				stop()
			}
		}})
		began := time.Now()
		_, out, err := r.apply("full")
		if err != nil || !out.Interrupted || out.Failed.Messages+int64(out.Blocked+out.Incomplete) > 0 {
			t.Errorf("side %d: %+v, %v", side, out, err)
		}
		for _, e := range r.events {
			switch e := e.(type) {
			case executor.Waiting, executor.MessageFailed:
				t.Errorf("side %d: told %+v", side, e)
			}
		}
		r.limits, r.stop = nil, nil
		r.untilDone()
		r.sameMail()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("side %d: it took %v", side, took)
		}
	}
}
