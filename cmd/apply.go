package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/plan"
)

type applyFlags struct {
	pass, wave  string
	mailboxes   []string
	autoApprove bool
	resend      bool
	wait        bool
	ignore      bool // the windows and starts of passes
	limits      limits
}

func applyCommand(a *app) *cobra.Command {
	f := &applyFlags{}
	c := &cobra.Command{
		Use:   "apply [PLAN-FILE]",
		Short: "plan, ask, copy; or carry out a saved plan",
		Long: "Plan the pass that is due, ask, and do it. The same command again goes on where it stopped;\n" +
			"nothing is copied twice, and nothing is deleted. With PLAN-FILE, carry out a plan that\n" +
			"was saved by: mailhaul plan --out PLAN-FILE\n\n" +
			"A saved plan is carried out at once, without asking: giving it is the approval.",
		Args: optionalWord,
		RunE: func(c *cobra.Command, words []string) error {
			if err := f.limits.begin(c.Flags(), a.term.Now()); err != nil {
				return err
			}
			return runApply(c.Context(), a, f, words)
		},
	}
	c.Flags().StringVar(&f.pass, "pass", "", "the pass `NAME` (default: the one that is due)")
	completePasses(a, c)
	c.Flags().StringVar(&f.wave, "wave", "", "only mailboxes of the wave `NAME`")
	c.Flags().StringArrayVar(&f.mailboxes, "mailbox", nil, "only mailboxes that fit `GLOB`; may be repeated")
	c.Flags().BoolVar(&f.resend, "resend-ambiguous", false, "with a retry: send messages again of which it can't be told whether they arrived")
	c.Flags().BoolVar(&f.wait, "wait", false, "outside of the pass's window, wait for it instead of ending")
	c.Flags().BoolVar(&f.ignore, "ignore-window", false, "work now, whatever start and windows say")
	f.limits.register(c.Flags())
	c.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	return c
}

func runApply(ctx context.Context, a *app, f *applyFlags, words []string) (err error) {
	if len(words) == 1 && namesMailbox(words[0]) {
		return usage(fmt.Sprintf("%q is no plan file", words[0]),
			"apply takes mailboxes by a flag:  mailhaul apply --mailbox '"+words[0]+"'")
	}
	if len(words) == 1 && (f.pass != "" || f.wave != "" || len(f.mailboxes) > 0 || f.resend || f.limits.mailboxes > 0) {
		return usage("a plan file goes with none of --pass, --wave, --mailbox, --limit and --resend-ambiguous",
			"What is done stands in the plan.")
	}
	a.beginEvents()
	w, err := a.openWork(ctx, "apply", chosen{f.mailboxes, f.wave})
	if err != nil {
		return err
	}
	defer w.close(&err)
	w.resendAmbiguous, w.limits = f.resend, f.limits
	if !f.ignore {
		w.schedule = &schedule{}
	}
	for {
		err := f.once(ctx, w, words)
		wait := w.waitFor(err)
		if wait == nil || !f.wait || wait.opens.IsZero() {
			return w.ended(f.named(err, words))
		}
		if w.ran {
			words = nil // what the saved plan leaves is planned anew
		}
		if err := a.waitOpen(ctx, wait.opens, wait.what, wait.pass); err != nil {
			return err
		}
		f.pass = wait.pass
	}
}

// named notes with a closed window what was asked for, so that the words told to go on are about the same work.
func (f *applyFlags) named(err error, words []string) error {
	var c *closed
	if !errors.As(err, &c) {
		return err
	}
	switch {
	case len(words) == 1:
		c.asked = " " + view.ShellWord(words[0])
	case f.pass != "":
		c.asked = " --pass " + view.ShellWord(f.pass)
	}
	return err
}

// once plans, asks and carries out.
func (f *applyFlags) once(ctx context.Context, w *work, words []string) error {
	a := w.app
	w.unattended = f.autoApprove
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
		return w.nothingToDo(ctx, p)
	}
	if len(words) == 0 { // a saved plan was read before; carrying it out is the approval
		if err := f.approve(w, p); err != nil {
			return err
		}
	}
	f.autoApprove = true // what is left after a window is the same work
	return w.carryOut(ctx, p)
}

// nothingToDo ends an apply whose plan is empty. What failed earlier is not silent: it is named, with exit code 3.
func (w *work) nothingToDo(ctx context.Context, p *plan.Plan) error {
	if w.schedule.waiting() {
		return &closed{p.Pass.Name, w.schedule.opens, w.schedule.window, ""}
	}
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
	blank(w.app.term.Err)
	if !w.app.canAsk() {
		return usage("nobody is there to approve the plan",
			"Without a terminal, or with --no-input, the answer is given by the flag --auto-approve.",
			"Or save the plan, read it, and carry it out:  mailhaul plan --out FILE")
	}
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
