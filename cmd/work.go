package cmd

import (
	"cmp"
	"context"
	"errors"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
)

// work is a project with its state open for writing: what plan, apply and verify have in common.
type work struct {
	app       *app
	command   string // the word that the user typed
	config    *config.Config
	mailboxes []*config.Mailbox // those that the user chose
	ledger    *state.Ledger
	endpoints *endpoints
	// parked are the sessions that the plan leaves open for its run; nil where no run follows.
	parked *executor.Parked
	memory *memory
	// inventories are what both sides said when the plan was made; nil for a saved one.
	inventories map[string]plan.Inventory
	// resendAmbiguous is --resend-ambiguous.
	resendAmbiguous bool
	// schedule keeps to windows; nil where they play no part.
	schedule   *schedule
	limits     limits
	unattended bool    // nobody waits for the plan
	left       *closed // what a run of this command left for the next opening of a window
	ran        bool
}

// openWork reads the project, takes the lock and creates a missing state file. close must be called.
func (a *app) openWork(ctx context.Context, command string, who chosen) (*work, error) {
	cfg, mailboxes, err := a.loadChosen(ctx, who)
	if err != nil {
		return nil, err
	}
	w := &work{app: a, command: command, config: cfg, mailboxes: mailboxes}
	if w.endpoints, err = newEndpoints(cfg, a.flags.trace); err != nil {
		return nil, err
	}
	w.endpoints.tellBy(a.say)
	w.endpoints.reserve(w.parallel())
	if command == "apply" {
		w.parked = &executor.Parked{Endpoints: w.endpoints}
	}
	a.tellFile(cfg)
	w.endpoints.dialAhead(ctx, cfg.Project.State, mailboxes)
	w.ledger, err = state.Open(ctx, cfg.Project.State, state.Options{Version: Version, Command: "mailhaul " + command})
	if err != nil {
		return nil, err
	}
	w.memory, w.endpoints.ledger = &memory{Reader: w.ledger.Reader}, w.ledger.Reader
	return w, nil
}

// close gives the state file back and joins what went wrong in that with err.
func (w *work) close(err *error) {
	if w.parked != nil {
		w.parked.Close()
	}
	*err = errors.Join(*err, w.ledger.Close())
}

// plan asks both sides, lists what is new and makes the plan of the pass that is due or named. There is no plan where
// no pass is left.
func (w *work) plan(ctx context.Context, pass string) (*plan.Plan, time.Duration, error) {
	p, took, err := w.planPass(ctx, pass, "")
	if err != nil || p == nil || pass != "" || p.Pass.Kind != config.PassRetry || !p.Empty() {
		return p, took, err
	}
	// What failed can't be tried again: it must not keep new mail from moving.
	last := lastFull(w.config)
	if last == "" {
		return p, took, nil
	}
	return w.planPass(ctx, last, "nothing that failed can be tried again, so it looks for what is new")
}

// lastFull names the last full pass of the configuration.
func lastFull(cfg *config.Config) (name string) {
	for _, p := range cfg.Passes {
		if p.Kind == config.PassFull {
			name = p.Name
		}
	}
	return name
}

// planPass makes the plan of one pass; why replaces the reason for it.
func (w *work) planPass(ctx context.Context, pass, why string) (*plan.Plan, time.Duration, error) {
	in, err := w.memory.input(ctx, w.config, w.mailboxes, pass)
	if err != nil || in.NothingLeft {
		return nil, 0, err
	}
	in.Why = cmp.Or(why, in.Why)
	if err := w.schedule.admit(&in.Due, w.mailboxes, w.app.term.Now()); err != nil {
		return nil, 0, err
	}
	w.limits.narrow(&in)
	started := time.Now()
	w.inventories, err = w.survey(ctx, in.Due, executor.SurveyOptions{
		List:  true,
		Flags: in.Pass.Kind == config.PassFull,
		Prove: proves(in.Due),
		Park:  w.parked,

		Unattended: w.unattended,
	})
	if err != nil {
		return nil, 0, err
	}
	in.Inventories, in.ResendAmbiguous, in.Parallel = w.inventories, w.resendAmbiguous, w.parallel()
	if err := w.memory.recall(ctx, &in); err != nil {
		return nil, 0, err
	}
	p := plan.Build(in)
	if w.limits.passBy(p) {
		return w.planPass(ctx, pass, why)
	}
	return p, time.Since(started), w.memory.noteUnmanaged(ctx, w.config, p)
}

// proves tells whether the right to write is to be proven: in a verify pass, and in the retry of one.
func proves(due plan.Due) bool {
	if due.Pass.Kind == config.PassVerify {
		return true
	}
	for _, p := range due.Resume {
		if p.Kind == config.PassVerify {
			return true
		}
	}
	return false
}

// survey asks both sides of the mailboxes that take part.
func (w *work) survey(ctx context.Context, due plan.Due, o executor.SurveyOptions) (map[string]plan.Inventory, error) {
	ctx, cancel := w.app.untilStop(ctx)
	defer cancel()
	events := w.app.surveyEvents()
	o.Endpoints, o.Limits, o.Parallel, o.Events = w.endpoints, w.endpoints.limits, w.parallel(), events.Event
	o.Again = w.app.forGrants(o.Prove)
	if o.Park != nil {
		o.Endpoints = o.Park // a second survey of one command takes the sessions of the first
	}
	if w.ledger != nil {
		o.Ledger = w.ledger
	}
	o.Mailboxes = surveyed(w.mailboxes, due)
	defer w.app.saySurvey(sidesOf(o), len(o.Mailboxes))()
	inventories, err := executor.Survey(ctx, o)
	if ctx.Err() != nil {
		err = errInterrupted
	}
	return inventories, errors.Join(err, events.Close())
}

// surveyed gives the mailboxes that take part as the executor wants them: with the folders that the rules let in.
func surveyed(mailboxes []*config.Mailbox, due plan.Due) []executor.SurveyMailbox {
	part := map[string]bool{}
	for _, name := range due.Mailboxes {
		part[name] = true
	}
	var list []executor.SurveyMailbox
	for _, m := range mailboxes {
		if part[m.Name()] {
			list = append(list, executor.SurveyMailbox{Row: row(m), Includes: included(m)})
		}
	}
	return list
}

// row is the mailbox as the ledger knows it.
func row(m *config.Mailbox) state.Mailbox {
	return state.Mailbox{Name: m.Name(), SourceEndpoint: m.From.Ref(), Destination: m.Destination.Address,
		DestinationEndpoint: m.To.Ref(), Wave: m.Wave}
}

// parallel is how many mailboxes may be at work: as configured, and as many as get a connection on both sides. Where
// both sides are one endpoint each mailbox needs two of its connections, or all would wait for each other.
func (w *work) parallel() int { return parallel(w.config, w.mailboxes) }

func parallel(cfg *config.Config, mailboxes []*config.Mailbox) int {
	n := max(1, cfg.Project.Mailboxes)
	for _, m := range mailboxes {
		n = min(n, m.From.Connections, m.To.Connections)
		if m.From == m.To {
			n = min(n, m.From.Connections/2)
		}
	}
	return max(1, n)
}
