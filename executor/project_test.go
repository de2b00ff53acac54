package executor_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
)

// project runs whole passes over a real state file, as the command line does, between endpoints of any kind.
type project struct {
	t        *testing.T
	path     string
	open     executor.Endpoints
	config   *config.Config
	now      time.Time
	stop     chan struct{}
	closes   map[string]executor.Closing
	resend   bool
	parallel int
	patience executor.Patience
	grace    time.Duration
	limits   *executor.Limits // nil: those of each run
	// wrap puts a ledger of the test's own around the real one.
	wrap   func(*state.Ledger) executor.Ledger
	events []executor.Event
	// heard is told of every event.
	heard func(executor.Event)
}

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newProject(t *testing.T, open executor.Endpoints, mailboxes ...string) *project {
	t.Helper()
	r := &project{t: t, path: filepath.Join(memoryDir(t), "test.state"), open: open, now: epoch, parallel: 4,
		patience: executor.Patience{First: time.Millisecond, Longest: 2 * time.Millisecond, Tries: 5},
		grace:    30 * time.Millisecond, heard: func(executor.Event) {}}
	old := &config.Endpoint{Type: "imap", Name: "old"}
	next := &config.Endpoint{Type: "imap", Name: "new"}
	r.config = &config.Config{Endpoints: []*config.Endpoint{old, next}, Hash: "h", Passes: []*config.Pass{
		{Name: "prestage", Kind: "prestage", Older: config.Cut{Written: "90d", Age: 90 * 24 * time.Hour}},
		{Name: "full", Kind: "full", Order: "oldest-first"},
		{Name: "retry", Kind: "retry", Attempts: 1, Implied: true},
	}}
	for _, m := range mailboxes {
		r.config.Mailboxes = append(r.config.Mailboxes, &config.Mailbox{From: old, To: next,
			Source: config.Login{Address: m}, Destination: config.Login{Address: m},
			Folders:  &config.Folders{Special: "none", Empty: true, Merge: "report"},
			Messages: config.Messages{MaxSize: 150e6, TooLarge: "report", Keywords: "drop", Existing: "adopt", Receipts: "keep"}})
	}
	return r
}

// memoryDir is a directory in memory where there is one: these tests commit thousands of times, and what they prove does
// not need a disk.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "mailhaul-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// plan makes the plan of a pass, with the ledger in hand.
func (r *project) plan(ctx context.Context, l *state.Ledger, pass string) (*plan.Plan, error) {
	p := r.config.Passes[slices.IndexFunc(r.config.Passes, func(p *config.Pass) bool { return p.Name == pass })]
	in := plan.Input{Config: r.config, Now: r.now, Lineage: l.Lineage(), Inventories: map[string]plan.Inventory{},
		Memory: map[string][]state.FolderCount{}, Bounds: map[string]state.Pass{}}
	in.Pass, in.ResendAmbiguous = p, r.resend
	var frozen *state.Pass
	if rec, ok, err := l.Pass(ctx, pass); err != nil {
		return nil, err
	} else if ok {
		frozen = &rec
	}
	in.Bounds[pass] = plan.Bounds(p, frozen, r.now)
	o := executor.SurveyOptions{Endpoints: r.open, Ledger: r.ledger(l), List: true, Flags: p.Kind == "full", Parallel: r.parallel,
		Patience: r.patience}
	for _, m := range r.config.Mailboxes {
		in.Mailboxes = append(in.Mailboxes, m.Name())
		o.Mailboxes = append(o.Mailboxes, executor.SurveyMailbox{Row: row(m)})
	}
	var err error
	if in.Records, err = records(ctx, l); err != nil {
		return nil, err
	}
	if in.Unmanaged, err = unmanaged(ctx, l, in.Mailboxes); err != nil {
		return nil, err
	}
	if in.Inventories, err = executor.Survey(ctx, o); err != nil {
		return nil, err
	}
	for _, m := range r.config.Mailboxes {
		if err := r.remember(ctx, l, &in, m); err != nil {
			return nil, err
		}
	}
	if err := l.PutPass(ctx, in.Bounds[pass]); err != nil {
		return nil, err
	}
	return plan.Build(in), nil
}

func records(ctx context.Context, l *state.Ledger) (map[string]map[string]state.MailboxPass, error) {
	mailboxes, err := l.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	passes, err := l.MailboxPasses(ctx)
	all := map[string]map[string]state.MailboxPass{}
	for _, m := range mailboxes {
		all[m.Name] = map[string]state.MailboxPass{}
		for _, p := range passes {
			if p.Mailbox == m.ID {
				all[m.Name][p.Pass] = p
			}
		}
	}
	return all, err
}

func unmanaged(ctx context.Context, l *state.Ledger, names []string) ([]state.Mailbox, error) {
	all, err := l.Mailboxes(ctx)
	return slices.DeleteFunc(all, func(m state.Mailbox) bool { return slices.Contains(names, m.Name) }), err
}

func row(m *config.Mailbox) state.Mailbox {
	return state.Mailbox{Name: m.Name(), SourceEndpoint: m.From.Ref(), Destination: m.Destination.Address,
		DestinationEndpoint: m.To.Ref()}
}

func (r *project) remember(ctx context.Context, l *state.Ledger, in *plan.Input, m *config.Mailbox) error {
	inv := in.Inventories[m.Name()]
	rec, _, err := l.FindMailbox(ctx, m.Name(), m.From.Ref())
	if err != nil {
		return err
	}
	folders, err := l.Folders(ctx, rec.ID)
	if err != nil {
		return err
	}
	sel := plan.SelectionFor(in.PassFor(m.Name()), plan.SettingsOf(m, inv.Limits))
	for _, f := range folders {
		c, err := l.Count(ctx, f.ID, sel, f.SourceStatus.UIDNext)
		if err != nil {
			return err
		}
		in.Memory[m.Name()] = append(in.Memory[m.Name()], c)
	}
	return nil
}

// apply plans and runs a pass over the state file.
func (r *project) apply(pass string) (*plan.Plan, executor.Outcome, error) {
	ctx := r.t.Context()
	l, err := state.Open(ctx, r.path, state.Options{Version: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			r.t.Error(err)
		}
	}()
	p, err := r.plan(ctx, l, pass)
	if err != nil {
		return nil, executor.Outcome{}, err
	}
	for _, e := range p.Errors {
		r.t.Fatalf("plan: %v", e)
	}
	run, err := l.BeginRun(ctx, pass)
	if err != nil {
		r.t.Fatal(err)
	}
	r.events = nil
	out, err := executor.Run(ctx, p, executor.Options{Endpoints: r.open, Ledger: r.ledger(l), Limits: r.limits, Run: run,
		Parallel: r.parallel, SpoolDir: r.t.TempDir(), Stop: r.stop, Closes: r.closes, Now: time.Now, Patience: r.patience,
		Grace:  func(string) time.Duration { return r.grace },
		Events: func(e executor.Event) { r.events = append(r.events, e); r.heard(e) }})
	return p, out, err
}

// ledger is the one that the executor gets.
func (r *project) ledger(l *state.Ledger) executor.Ledger {
	if r.wrap == nil {
		return l
	}
	return r.wrap(l)
}

// look only plans.
func (r *project) look(pass string) *plan.Plan {
	r.t.Helper()
	l, err := state.Open(r.t.Context(), r.path, state.Options{Version: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := r.plan(r.t.Context(), l, pass)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		r.t.Fatal(err)
	}
	return p
}

// mustApply is apply for passes that must come to their end.
func (r *project) mustApply(pass string) executor.Outcome {
	r.t.Helper()
	_, out, err := r.apply(pass)
	if err != nil {
		r.t.Fatalf("apply %s: %v", pass, err)
	}
	return out
}

// untilDone applies full until nothing is left, as a user would after each failure.
func (r *project) untilDone() {
	r.t.Helper()
	for n := 0; n < 20; n++ {
		p, out, err := r.apply("full")
		if err == nil && p.Total.Todo.Messages == 0 && out.Blocked == 0 && out.Incomplete == 0 {
			return
		}
	}
	r.t.Fatalf("not done after 20 runs; last events: %v", r.events[max(0, len(r.events)-5):])
}
