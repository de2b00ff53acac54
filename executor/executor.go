// Package executor carries out a plan: it reads messages from sources, writes them to destinations and remembers each
// one in the ledger. It is not the protocol (packages imap, ...), not the decision what to do (package plan) and not the
// file format (package state). Start at Survey, which gathers what a plan is made from, and Run, which does the plan.
//
// Why it is made so: APPEND has no request id and its answer can be lost, so a copy tool that repeats after a broken
// connection doubles mail, and one that doesn't loses it. Here every attempt is written down before its first octet
// leaves, and doubt is settled by evidence, never by hope. The invariants, which tests name:
//
//   - I1 write-ahead: no octet of an attempt leaves before its intent is on stable storage.
//   - I2 no overlap: attempt n+1 starts only when attempt n is absent.
//   - I3 absent follows only from a tagged NO or BAD, a missing continuation, a literal whose last octet was never given
//     to the connection, or two complete scans of the window at least the grace time apart that leave it unclaimed.
//   - I4 landed follows only from a tagged OK or from a claimed message found at the destination.
//   - I5 a destination message is claimed by at most one row.
//   - I6 no attempt of a folder that lacks a durable outcome lies below the U0 of a later one.
//   - I7 one writer per state file.
//   - I8 a pass is complete only if every listed message is in a terminal state and the listing itself was complete.
//
// What is written may be taken back, by Undo and by nothing else, under three more rules: only what landed by our own
// APPEND and is as we sent it; the ledger says so before the server is told (state.StateUndoing); and only an Eraser can
// remove anything, which only an undo is given. Start at undo.go.
//
// The flow of one message: Select gives its row (read.go); the source streams it into a spool with its digest
// (spool.go); its intent is committed with those of its batch (commit.go); APPEND is written, pipelined (copy.go); the
// answer, whenever it comes, is committed with the next batch (outcome.go). What stays in doubt is settled by scanning
// the destination (doubt.go), and UIDs that the server did not name are learned (learn.go); both match by content
// (match.go), over every pair that shares the destination folder.
//
// One mailbox is worked on by one goroutine with three others for the folder in hand, or by a few such goroutines where
// folders have nothing to do with each other (lanes.go); nothing else is shared between mailboxes than the ledger, the
// memory budget and what the servers take: messages, octets and connections, learnt by Limits (limits.go).
package executor

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/hugepages"
	"mailhaul/state/mail"
)

// Options are what Run needs beside the plan.
type Options struct {
	Endpoints Endpoints
	// Parked are the sessions that the survey of the plan has left open; nil: there are none.
	Parked *Parked
	Ledger Ledger
	// Limits are those of the endpoints, which the survey has used as well; nil: nothing bounds them that no server says.
	Limits *Limits
	Run    state.Run
	// Events takes what happens, one at a time; nil: nobody listens.
	Events func(Event)
	// Parallel is how many mailboxes are at work at the same time; zero: one.
	Parallel int
	// Grace is how long after a lost connection the endpoint may still store a message; nil: 60 s.
	Grace func(endpoint string) time.Duration
	// SpoolDir holds large messages on their way, unlinked; empty: the system's directory for temporary files.
	SpoolDir string
	// Stop is closed by the first interrupt: messages in hand are finished, nothing new is begun. A cancelled context is
	// the second: leave now. Both are safe.
	Stop <-chan struct{}
	// Closes says of mailboxes, by name, when their window closes: then they are stopped as by the first interrupt, and the
	// others go on. One that is not named may be worked on at any time.
	Closes map[string]Closing
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Patience is how long lost servers are asked again.
	Patience Patience
}

// Outcome is what Run comes to.
type Outcome struct {
	PassDone
	// Refused counts the mailboxes that stopped because sign-in was refused, by side.
	RefusedSource, RefusedDestination int
}

// errStopped ends work after the first interrupt.
var errStopped = errors.New("stopped by interrupt")

// runner is one Run.
type runner struct {
	Options
	plan    *plan.Plan
	spooler *spooler

	mu      sync.Mutex // guards what follows, the counts of mailboxRuns, and the order of events
	outcome Outcome
	atWork  int
	done    int             // of those started: complete, incomplete or stopped as a whole
	started int             // mailboxes that the run is about: the plan's to start and to continue
	told    map[string]bool // windows of which was said that they closed
	// destinations serialises mailboxes that share a destination: the scan of one would see the other's mail in flight.
	destinations map[string]*sync.Mutex
}

// Run carries out the plan: every mailbox that is not blocked or skipped, Parallel at a time. A message or a mailbox
// that fails is recorded and named in an event, and the rest goes on. The error is one of the state file or the
// context; it then says nothing about mail, and the ledger is right all the same.
func Run(ctx context.Context, p *plan.Plan, o Options) (Outcome, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Grace == nil {
		o.Grace = func(string) time.Duration { return time.Minute }
	}
	o.Parallel = max(1, o.Parallel)
	if o.Parked == nil {
		o.Parked = &Parked{Endpoints: o.Endpoints}
	}
	defer o.Parked.Close()
	if o.Limits == nil {
		o.Limits = newLimits(o.Ledger, nil, o.Now, o.Patience.filled().First)
	}
	r := &runner{Options: o, plan: p, spooler: newSpooler(o.SpoolDir, o.Parallel), destinations: map[string]*sync.Mutex{},
		told: map[string]bool{}}
	r.Limits.listen(func(l lowered) {
		r.emit(ConnectionsLowered{Stamp: r.stamp(), Endpoint: l.endpoint, Mailbox: l.mailbox, Most: l.most, Text: l.said, Again: l.again})
	})
	r.Limits.listenSilence(func(w Waiting) {
		w.Stamp = r.stamp()
		r.emit(w)
	})
	defer r.Limits.listenSilence(nil)
	hugepages.Heap() // for what the pipelines make
	started := o.Now()
	r.begin()
	err := r.mailboxes(ctx)
	r.finish(o.Now().Sub(started))
	return r.outcome, err
}

func (r *runner) begin() {
	o := &r.outcome
	o.Planned, o.LeftOut = r.plan.Total.Todo, r.plan.Total.LeftOut
	n := 0
	for i := range r.plan.Mailboxes {
		switch r.plan.Mailboxes[i].Action {
		case plan.Start, plan.Continue:
			n++
		case plan.Blocked:
			o.Blocked++
		}
	}
	r.started = n
	first := r.firstClosing()
	r.emit(PassStarted{Stamp: r.stamp(), Kind: r.plan.Pass.Kind, Mailboxes: n, Planned: o.Planned, Closes: first.At,
		Spent: first.Spent})
}

func (r *runner) finish(elapsed time.Duration) {
	o := &r.outcome
	o.Stamp, o.Elapsed, o.Interrupted = r.stamp(), elapsed, r.stopping()
	r.emit(o.PassDone)
}

func (r *runner) mailboxes(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Parallel + 1) // one for the ticker
	ended := make(chan struct{})
	g.Go(func() error { r.tick(ctx, ended); return nil })
	var work sync.WaitGroup
	for i := range r.plan.Mailboxes {
		m := &r.plan.Mailboxes[i]
		if ctx.Err() != nil || r.stopping() {
			break
		}
		work.Add(1)
		g.Go(func() error {
			defer work.Done()
			return r.mailbox(ctx, m)
		})
	}
	work.Wait()
	close(ended)
	return g.Wait()
}

// mailbox works on one mailbox, alone at its destination.
func (r *runner) mailbox(ctx context.Context, m *plan.Mailbox) error {
	if m.Action == plan.Skipped {
		return nil
	}
	lock := r.destination(m.DestinationEndpoint + " " + m.Destination)
	lock.Lock()
	defer lock.Unlock()
	if r.stopping() {
		return nil
	}
	if r.shut(m.Name) && (m.Action == plan.Start || m.Action == plan.Continue) {
		r.waits(m.Name)
		return nil
	}
	stop, release := r.window(ctx, m.Name)
	defer release()
	return (&mailboxRun{runner: r, mailbox: m, Stop: stop, common: &common{}}).work(ctx)
}

func (r *runner) destination(name string) *sync.Mutex {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.destinations[name] == nil {
		r.destinations[name] = &sync.Mutex{}
	}
	return r.destinations[name]
}

// stopping tells whether the first interrupt came.
func (r *runner) stopping() bool {
	select {
	case <-r.Stop:
		return true
	default:
		return false
	}
}

// tick tells how far the run is, every ten seconds, and the first interrupt at once.
func (r *runner) tick(ctx context.Context, ended <-chan struct{}) {
	t := time.NewTicker(10 * time.Second)
	defer t.Stop()
	stop := r.Stop
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-stop:
			stop = nil
			r.emit(Interrupted{r.stamp()})
		case <-t.C:
			r.emit(r.progress())
		}
	}
}

func (r *runner) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.outcome
	return Progress{Stamp: r.stamp(), Planned: o.Planned, Copied: o.Copied, Failed: o.Failed, LeftOut: o.LeftOut,
		Mailboxes: r.started, MailboxesDone: r.done, AtWork: r.atWork,
		Problems: int(o.Failed.Messages) + o.Blocked}
}

func (r *runner) stamp() Stamp {
	return Stamp{Time: r.Now(), Run: r.Run.ID, Pass: r.plan.Pass.Name}
}

// emit hands one event out; events of all mailboxes come one at a time.
func (r *runner) emit(e Event) {
	if r.Events == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Events(e)
}

// add counts into the outcome, and into the counts of a mailbox, which its stages share.
func (r *runner) add(change func(*Outcome)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.outcome)
}

// fatal tells whether an error stops the whole run: the state file, a bug, or the context.
func fatal(ctx context.Context, err error) bool {
	if err == nil {
		return false
	}
	return ctx.Err() != nil || (!errors.Is(err, errStopped) && mail.KindOf(err) == mail.Internal)
}
