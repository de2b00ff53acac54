package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/plan"
	"mailhaul/state/mail"
)

type planFlags struct {
	pass, wave, out  string
	all, leftOut     bool
	offline          bool
	detailedExitCode bool
}

func planCommand(a *app) *cobra.Command {
	f := &planFlags{}
	c := &cobra.Command{
		Use:   "plan [MAILBOX...]",
		Short: "what a pass would do",
		Long: "Ask both sides and show what the next pass would do. Nothing is copied.\n" +
			"MAILBOX is an address or a glob such as '*@contoso.example'.",
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			return runPlan(c.Context(), a, f, chosen{words, f.wave})
		},
	}
	c.Flags().StringVar(&f.pass, "pass", "", "the pass `NAME` (default: the one that is due)")
	completePasses(a, c)
	c.Flags().StringVar(&f.wave, "wave", "", "only mailboxes of the wave `NAME`")
	c.Flags().StringVar(&f.out, "out", "", "save the plan to `FILE`, for: mailhaul apply FILE")
	c.Flags().BoolVar(&f.all, "all", false, "list every mailbox")
	c.Flags().BoolVar(&f.leftOut, "left-out", false, "list the messages that stay behind")
	c.Flags().BoolVar(&f.offline, "offline", false, "contact no server: from the state file alone")
	c.Flags().BoolVar(&f.detailedExitCode, "detailed-exitcode", false, "exit code 2 if there is work")
	return c
}

func runPlan(ctx context.Context, a *app, f *planFlags, who chosen) (err error) {
	if f.offline && f.out != "" {
		return usage("--offline and --out exclude each other",
			"A plan that is carried out must know what the servers hold now.")
	}
	if err := canSave(f.out); err != nil {
		return err
	}
	p, opt, err := f.make(ctx, a, who)
	if err != nil || p == nil {
		return err
	}
	if f.out != "" {
		if err := plan.Save(f.out, p); err != nil {
			return notSaved(err)
		}
	}
	opt.All, opt.LeftOut, opt.File, opt.Quiet = f.all || a.flags.verbose, f.leftOut, f.out, a.flags.quiet
	opt.Zone = a.term.Location
	if a.flags.json {
		err = view.PlanJSON(a.term.Out, p)
	} else {
		err = view.Plan(a.term.Out, p, opt)
	}
	return errors.Join(err, f.verdict(p))
}

// make makes the plan and says what is worth showing of how it was made. Where no pass is left to run there is no plan,
// and that has been said.
func (f *planFlags) make(ctx context.Context, a *app, who chosen) (p *plan.Plan, opt view.PlanOptions, err error) {
	if f.offline {
		defer a.hasty()()
		cfg, mailboxes, err := a.loadChosen(ctx, who)
		if err != nil {
			return nil, opt, err
		}
		opt.Of = len(cfg.Mailboxes)
		p, err = a.offlinePlan(ctx, cfg, mailboxes, f.pass)
		return p, opt, err
	}
	w, err := a.openWork(ctx, "plan", who)
	if err != nil {
		return nil, opt, a.orOffline(err)
	}
	defer w.close(&err)
	opt.Of = len(w.config.Mailboxes)
	if p, opt.Counted, err = w.plan(ctx, f.pass); err == nil && p == nil {
		err = a.noPassLeft(ctx, w.memory, w.config, w.mailboxes)
	}
	if p != nil && f.out != "" {
		p.Basis, p.Only = w.config.Basis(), w.only()
	}
	return p, opt, err
}

// orOffline adds to the error of a locked state file what a plan can do all the same.
func (a *app) orOffline(err error) error {
	told := a.told(err)
	if told.Code != mail.CodeStateLocked {
		return err
	}
	told.Detail += "\nPlan from the state file alone with:  mailhaul plan --offline"
	return &failure{exitState, told}
}

// verdict is the exit code that a plan leads to.
func (f *planFlags) verdict(p *plan.Plan) error {
	switch {
	case len(p.Errors) > 0:
		return outcome(exitError)
	case nobodySignedIn(p):
		return outcome(exitSignIn)
	case p.Total.Blocked > 0 && p.Total.Blocked == len(p.Mailboxes)-p.Total.Skipped:
		return outcome(exitIncomplete)
	case f.detailedExitCode && !p.Empty():
		return outcome(exitWork)
	}
	return nil
}

// nobodySignedIn tells whether one side refused every mailbox that takes part.
func nobodySignedIn(p *plan.Plan) bool {
	refused := map[string]int{}
	for _, m := range p.Mailboxes {
		if m.Problem != nil && m.Problem.Kind == mail.Auth.String() {
			refused[m.Problem.Side]++
		}
	}
	part := len(p.Mailboxes) - p.Total.Skipped
	return part > 0 && (refused["source"] == part || refused["destination"] == part)
}

// offlinePlan makes a plan from the state alone.
func (a *app) offlinePlan(ctx context.Context, cfg *config.Config, mailboxes []*config.Mailbox, pass string) (*plan.Plan, error) {
	r, err := openRead(ctx, cfg.Project.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noState(cfg)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	m := &memory{Reader: r}
	if m.overview, err = r.Overview(ctx); err != nil {
		return nil, err
	}
	m.totals = m.overview.Totals()
	in, err := m.input(ctx, cfg, mailboxes, pass)
	if err != nil {
		return nil, err
	}
	if in.NothingLeft {
		return nil, a.noPassLeft(ctx, m, cfg, mailboxes)
	}
	in.Offline, in.Parallel = true, parallel(cfg, mailboxes)
	if err := m.recall(ctx, &in); err != nil {
		return nil, err
	}
	p := plan.Build(in)
	return p, m.noteUnmanaged(ctx, cfg, p)
}

// noPassLeft says that no pass is left to run: none at all, or a retry was asked for and nothing has failed.
func (a *app) noPassLeft(ctx context.Context, m *memory, cfg *config.Config, who []*config.Mailbox) error {
	switch {
	case a.events != nil:
		return nil // the exit event says it
	case a.flags.json:
		return view.PlanJSON(a.term.Out, &plan.Plan{Format: plan.FormatVersion, Version: Version, Mailboxes: []plan.Mailbox{}})
	}
	due, err := m.input(ctx, cfg, who, "")
	if err != nil {
		return err
	}
	text := "Nothing to do. No pass is left, and nothing has failed."
	if !due.NothingLeft && !due.Delta {
		text = fmt.Sprintf("Nothing to try again: nothing has failed. The next pass is %q:  mailhaul plan", due.Pass.Name)
	}
	return view.Paragraph(a.term.Out, text, "")
}
