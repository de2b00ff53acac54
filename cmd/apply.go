package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/plan"
	"mailhaul/state/mail"
)

type applyFlags struct {
	pass, wave  string
	mailboxes   []string
	autoApprove bool
	resend      bool
}

func applyCommand(a *app) *cobra.Command {
	f := &applyFlags{}
	c := &cobra.Command{
		Use:   "apply [PLAN-FILE]",
		Short: "plan, ask, copy; or carry out a saved plan",
		Long: "Plan the pass that is due, ask, and do it. The same command again goes on where it stopped;\n" +
			"nothing is copied twice, and nothing is ever deleted. With PLAN-FILE, carry out a plan that\n" +
			"was saved by: mailhaul plan --out PLAN-FILE\n" +
			"A saved plan is carried out at once, without asking: giving it is the approval.",
		Args: optionalWord,
		RunE: func(c *cobra.Command, words []string) error { return runApply(c.Context(), a, f, words) },
	}
	c.Flags().StringVar(&f.pass, "pass", "", "the pass `NAME` (default: the one that is due)")
	completePasses(a, c)
	c.Flags().StringVar(&f.wave, "wave", "", "only mailboxes of the wave `NAME`")
	c.Flags().StringArrayVar(&f.mailboxes, "mailbox", nil, "only mailboxes that fit `GLOB`; may be repeated")
	c.Flags().BoolVar(&f.resend, "resend-ambiguous", false, "with a retry: send messages again of which it can't be told\nwhether they arrived")
	c.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	return c
}

func runApply(ctx context.Context, a *app, f *applyFlags, words []string) (err error) {
	if len(words) == 1 && namesMailbox(words[0]) {
		return usage(fmt.Sprintf("%q is no plan file", words[0]),
			"apply takes mailboxes by a flag:  mailhaul apply --mailbox '"+words[0]+"'")
	}
	if len(words) == 1 && (f.pass != "" || f.wave != "" || len(f.mailboxes) > 0 || f.resend) {
		return usage("a plan file goes with none of --pass, --wave, --mailbox and --resend-ambiguous", "What is done stands in the plan.")
	}
	a.beginEvents()
	w, err := a.openWork(ctx, "apply", chosen{f.mailboxes, f.wave})
	if err != nil {
		return err
	}
	defer w.close(&err)
	w.resendAmbiguous = f.resend
	p, counted, err := f.plan(ctx, w, words)
	switch {
	case err != nil:
		return err
	case p == nil:
		return a.noPassLeft(ctx, w.memory, w.config, w.mailboxes)
	case f.resend && !p.Pass.ResendAmbiguous:
		return usage("--resend-ambiguous goes with a retry", "Run:  mailhaul apply --pass retry --resend-ambiguous")
	case verifiesOnly(p):
		return w.verifyPass(ctx, p)
	}
	if err := f.show(w, p, counted); err != nil {
		return err
	}
	if p.Empty() {
		return w.nothingToDo(ctx)
	}
	if len(words) == 0 { // a saved plan was read before; carrying it out is the approval
		if err := f.approve(w, p); err != nil {
			return err
		}
	}
	return w.carryOut(ctx, p)
}

// plan loads the saved plan, or makes one.
func (f *applyFlags) plan(ctx context.Context, w *work, words []string) (*plan.Plan, time.Duration, error) {
	if len(words) == 0 {
		return w.plan(ctx, f.pass)
	}
	p, err := plan.Load(words[0])
	if err != nil {
		detail := []string{sentence(err)}
		if errors.Is(err, fs.ErrNotExist) {
			detail = []string{"There is no file " + words[0] + ".", "Mailboxes are chosen by the flag --mailbox."}
		}
		return nil, 0, fail(mail.Code(config.CodeFile), "the plan file can't be used", detail...)
	}
	stale := plan.Stale(p, w.config.Hash, w.ledger.Lineage(), w.ledger.Serial())
	if len(stale) == 0 {
		return p, 0, nil
	}
	var reasons []string
	for _, note := range stale {
		reasons = append(reasons, sentence(note))
	}
	since, err := w.runsSince(ctx, p.Made)
	if err != nil {
		return nil, 0, err
	}
	reasons = append(reasons, since...)
	return nil, 0, fail(mail.Code(stale[0].Code), "the plan no longer fits; nothing was copied",
		append(reasons, stale[0].Hint)...)
}

// runsSince names the runs that began after a plan was made: mostly one has carried out that very plan.
func (w *work) runsSince(ctx context.Context, made time.Time) ([]string, error) {
	runs, err := w.ledger.Runs(ctx)
	var since []string
	for _, r := range runs {
		if r.Started.After(made) {
			since = append(since, fmt.Sprintf("Since then pass %q was run, on %s (run %s).", r.Pass,
				r.Started.In(w.app.term.Location).Format("2006-01-02 15:04"), r.ID))
		}
	}
	return since, err
}

// show shows the plan; one with errors ends here. With --quiet a plan that nobody is asked about is not shown.
func (f *applyFlags) show(w *work, p *plan.Plan, counted time.Duration) error {
	a := w.app
	switch {
	case a.events != nil:
		a.events.Plan(p)
		return a.planErrors(p)
	case a.flags.quiet && f.autoApprove && !p.Empty() && len(p.Errors) == 0:
		return nil
	}
	err := view.Plan(a.term.Out, p, view.PlanOptions{All: a.flags.verbose, Counted: counted,
		Of: len(w.config.Mailboxes)})
	if err == nil && len(p.Errors) > 0 {
		return outcome(exitError)
	}
	return err
}

// nothingToDo ends an apply whose plan is empty. What failed earlier is not silent: it is named, with exit code 3.
func (w *work) nothingToDo(ctx context.Context) error {
	list, err := failed(ctx, w.ledger.Reader, w.config, w.mailboxes)
	if err != nil || len(list.Messages)+len(list.Mailboxes) == 0 {
		return err
	}
	if w.app.events == nil {
		blank(w.app.term.Out)
		err = view.Failures(w.app.term.Out, list)
	}
	return errors.Join(err, outcome(exitIncomplete))
}

// approve asks, unless that is answered already or nothing would be copied.
func (f *applyFlags) approve(w *work, p *plan.Plan) error {
	if f.autoApprove || p.Total.Start+p.Total.Continue == 0 {
		return nil
	}
	if !w.app.canAsk() {
		return usage("nobody is there to approve the plan",
			"Without a terminal, or with --no-input, the answer is given by the flag --auto-approve.",
			"Or save the plan, read it, and carry it out:  mailhaul plan --out FILE")
	}
	blank(w.app.term.Err)
	if err := view.Question(w.app.term.Err, p, w.destination()); err != nil {
		return err
	}
	answer, err := w.app.ask("")
	if err != nil {
		return err
	}
	if answer != "yes" {
		return fail("", "you did not say yes; nothing was copied")
	}
	return nil
}

// destination is how people call where the mail goes.
func (w *work) destination() string {
	hosts := map[string]bool{}
	for _, m := range w.mailboxes {
		hosts[m.To.Display()] = true
	}
	if names := keys(hosts); len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%d servers", len(hosts))
}
