package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state/mail"
)

type verifyFlags struct{ sourceOnly, destinationOnly bool }

func verifyCommand(a *app) *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use:   "verify [MAILBOX...]",
		Short: "sign in on both sides, check rights, map folders; copy nothing",
		Long: "Sign in on both sides of each mailbox, prove the right to write, map the folders. Nothing is copied.\n" +
			"It is the pass \"verify\" by hand. While apply runs it looks all the same and records nothing.",
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			return runVerify(c.Context(), a, f, chosen{patterns: words})
		},
	}
	c.Flags().BoolVar(&f.sourceOnly, "source-only", false, "leave the destination alone")
	c.Flags().BoolVar(&f.destinationOnly, "destination-only", false, "leave the source alone")
	return c
}

func runVerify(ctx context.Context, a *app, f *verifyFlags, who chosen) (err error) {
	if f.sourceOnly && f.destinationOnly {
		return usage("--source-only and --destination-only exclude each other", "Without both, both sides are asked.")
	}
	if f.sourceOnly || f.destinationOnly {
		return f.unrecorded(ctx, a, who)
	}
	w, err := a.openWork(ctx, "verify", who)
	if mail.CodeOf(err) == mail.CodeStateLocked {
		a.say("Another mailhaul works with the state file: what is found here is not recorded.")
		return f.unrecorded(ctx, a, who)
	}
	if err != nil {
		return err
	}
	defer w.close(&err)
	p, _, err := w.plan(ctx, verifyName(w.config))
	if err != nil {
		return err
	}
	return w.verifyPass(ctx, p)
}

// verifyName is what the configuration calls its verify pass; one exists even if it is not written.
func verifyName(cfg *config.Config) string {
	for _, p := range cfg.Passes {
		if p.Kind == config.PassVerify {
			return p.Name
		}
	}
	return config.PassVerify
}

// verifiesOnly tells whether carrying the plan out copies nothing: a verify pass, or a retry in which every mailbox that
// takes part stopped in one.
func verifiesOnly(p *plan.Plan) bool {
	resumed := 0
	for _, m := range p.Mailboxes {
		switch {
		case m.Action == plan.Skipped:
		case m.Resume == nil || m.Resume.Kind != config.PassVerify || m.Todo.Messages > 0:
			return p.Pass.Kind == config.PassVerify
		default:
			resumed++
		}
	}
	return resumed > 0 || p.Pass.Kind == config.PassVerify
}

// verifyPass shows what the plan of a verify pass has found and records it for each mailbox. A plan with errors is
// shown and not recorded: it would fail again in every later pass.
func (w *work) verifyPass(ctx context.Context, p *plan.Plan) error {
	if w.app.events != nil {
		w.app.events.Plan(p)
	}
	rows := w.verifyRows(p)
	if w.app.events == nil {
		if err := w.showVerifyRows(rows); err != nil {
			return err
		}
	}
	if len(p.Errors) > 0 {
		return w.app.planErrors(p)
	}
	run, err := w.begin(ctx, p)
	if err != nil {
		return err
	}
	if err = w.finish(ctx, p, run, w.quietEvents()); err == nil {
		err = verdictOfRows(rows)
	}
	if !slices.ContainsFunc(rows, view.VerifyRow.Ready) {
		return errors.Join(w.sayAgain(), err)
	}
	return errors.Join(w.sayNext(ctx, err), err)
}

// sayNext names the command that follows a verify pass that came to its end.
func (w *work) sayNext(ctx context.Context, verdict error) error {
	var ended outcome
	if verdict != nil && !errors.As(verdict, &ended) || ended == exitInterrupted || w.app.flags.json || w.app.flags.quiet {
		return nil
	}
	next, err := w.next(ctx, executor.Outcome{})
	if err != nil || next == "" {
		return err
	}
	if _, err = fmt.Fprintf(w.app.term.Out, "Next:   %s\n", next); err != nil {
		return err
	}
	return w.sayWhen(ctx)
}

// sayAgain names what to do where no mailbox is ready: a pass would find the same.
func (w *work) sayAgain() error {
	if w.app.flags.json || w.app.flags.quiet {
		return nil
	}
	_, err := fmt.Fprintln(w.app.term.Out, "Next:   mend what is named above, then:  mailhaul", w.command)
	return err
}

// sayWhen says of the next pass when it may run, where it may not at any time.
func (w *work) sayWhen(ctx context.Context) error {
	in, err := w.memory.input(ctx, w.config, w.mailboxes, "")
	if err != nil || in.Pass == nil {
		return err
	}
	if may := view.May(plan.WhenOf(in.Pass, w.mailboxes, w.app.term.Now()), w.app.term.Location); may != "" {
		_, err = fmt.Fprintf(w.app.term.Out, "        Pass \"%s\": %s%s\n", view.Safe(in.Pass.Name), strings.ToLower(may[:1]), may[1:])
	}
	return err
}

func (w *work) showVerifyRows(rows []view.VerifyRow) error {
	t := w.app.term
	if w.app.flags.json {
		return view.VerifyJSON(t.Out, rows, w.signIns())
	}
	return errors.Join(view.Verify(t.Out, rows), view.SignIns(t.Out, w.signIns(), t.Location))
}

// unrecorded asks one side only, or both while another mailhaul works; the state file has no part in it.
func (f *verifyFlags) unrecorded(ctx context.Context, a *app, who chosen) error {
	w, err := a.openStateless(ctx, who)
	if err != nil {
		return err
	}
	inventories, err := w.survey(ctx, w.everybody(), executor.SurveyOptions{Prove: true, SourceOnly: f.sourceOnly,
		DestinationOnly: f.destinationOnly})
	if err != nil {
		return err
	}
	var rows []view.VerifyRow
	for _, m := range w.mailboxes {
		row := verifyRow(m.Name(), m.Destination.Address, inventories[m.Name()], !f.destinationOnly, !f.sourceOnly)
		row.Skipped = m.Skip
		row.Folders, row.Messages.Messages = going(m, inventories[m.Name()])
		rows = append(rows, row)
	}
	return errors.Join(w.showVerifyRows(rows), verdictOfRows(rows))
}
