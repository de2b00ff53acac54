package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
)

type verifyFlags struct{ sourceOnly, destinationOnly bool }

func verifyCommand(a *app) *cobra.Command {
	f := &verifyFlags{}
	c := &cobra.Command{
		Use:   "verify [MAILBOX...]",
		Short: "sign in on both sides, check rights, map folders; copy nothing",
		Long: "Sign in on both sides of each mailbox, prove the right to write, map the folders. Nothing is copied.\n" +
			"It is the pass \"verify\" by hand.",
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
		return f.oneSide(ctx, a, who)
	}
	w, err := a.openWork(ctx, "verify", who)
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

// verifyPass shows what the plan of a verify pass has found and records it for each mailbox. A plan with errors is
// shown and not recorded: it would fail again in every later pass.
func (w *work) verifyPass(ctx context.Context, p *plan.Plan) error {
	if w.app.events != nil {
		w.app.events.Plan(p)
	}
	if err := w.showVerified(p); err != nil {
		return err
	}
	if len(p.Errors) > 0 {
		return w.app.planErrors(p)
	}
	run, err := w.begin(ctx, p)
	if err != nil {
		return err
	}
	return w.finish(ctx, p, run, w.quietEvents())
}

func (w *work) showVerified(p *plan.Plan) error {
	if w.app.events != nil {
		return nil
	}
	var rows []view.VerifyRow
	for _, m := range p.Mailboxes {
		rows = append(rows, w.verified(p, m))
	}
	return w.app.showVerifyRows(rows)
}

func (a *app) showVerifyRows(rows []view.VerifyRow) error {
	if a.flags.json {
		return view.VerifyJSON(a.term.Out, rows)
	}
	return view.Verify(a.term.Out, rows)
}

// verified is what was found for one mailbox of the plan.
func (w *work) verified(p *plan.Plan, m plan.Mailbox) view.VerifyRow {
	row := verifyRow(m.Name, m.Destination, w.inventories[m.Name], true, true)
	if m.Action == plan.Skipped {
		row.Skipped = m.Note
		return row
	}
	row.Folders, row.Messages.Messages = 0, 0
	held := w.held(m.Name)
	for _, f := range m.Folders {
		if f.Surprise != "" {
			row.Notes = append(row.Notes, f.Path+": "+f.Surprise)
		}
		if !f.Excluded && !f.NoSelect {
			row.Folders++
			row.Messages.Messages += held[string(f.Source)]
		}
	}
	for _, note := range append(p.Errors[:len(p.Errors):len(p.Errors)], p.Warnings...) {
		if note.Mailbox == m.Name {
			row.Notes = append(row.Notes, note.Text)
		}
	}
	return row
}

// verifyRow is what an inventory alone tells.
func verifyRow(name, destination string, inv plan.Inventory, source, target bool) view.VerifyRow {
	row := view.VerifyRow{Mailbox: name, Destination: destination, Source: view.VerifySide{Asked: source},
		Target:  view.VerifySide{Asked: target, SignIn: inv.Limits.SignIn},
		Folders: len(inv.Source), QuotaKnown: inv.Limits.QuotaKnown, QuotaLeft: inv.Limits.QuotaLeft}
	for _, f := range inv.Source {
		row.Messages.Messages += int64(f.Status.Messages)
	}
	switch p := inv.Problem; {
	case p == nil:
	case p.Side == executor.SideDestination:
		row.Target.Problem = p
	default:
		row.Source.Problem = p
		row.Target.Asked = false // the source failed first
	}
	return row
}

// oneSide asks one side only; the state file has no part in it.
func (f *verifyFlags) oneSide(ctx context.Context, a *app, who chosen) error {
	cfg, mailboxes, err := a.loadChosen(ctx, who)
	if err != nil {
		return err
	}
	w := &work{app: a, config: cfg, mailboxes: mailboxes}
	if w.endpoints, err = newEndpoints(cfg, a.flags.trace); err != nil {
		return err
	}
	due := plan.Due{}
	for _, m := range mailboxes {
		if m.Skip == "" {
			due.Mailboxes = append(due.Mailboxes, m.Name())
		}
	}
	inventories, err := w.survey(ctx, due, executor.SurveyOptions{Prove: true, SourceOnly: f.sourceOnly,
		DestinationOnly: f.destinationOnly})
	if err != nil {
		return err
	}
	var rows []view.VerifyRow
	for _, m := range mailboxes {
		row := verifyRow(m.Name(), m.Destination.Address, inventories[m.Name()], !f.destinationOnly, !f.sourceOnly)
		row.Skipped = m.Skip
		rows = append(rows, row)
	}
	return errors.Join(a.showVerifyRows(rows), verdictOfRows(rows))
}

// verdictOfRows is the exit code that the rows lead to.
func verdictOfRows(rows []view.VerifyRow) error {
	part, failed, refused := 0, 0, map[string]int{}
	for _, r := range rows {
		if r.Skipped != "" {
			continue
		}
		part++
		for _, p := range []*plan.Problem{r.Source.Problem, r.Target.Problem} {
			if p != nil {
				failed++
				refused[p.Side+" "+p.Kind]++
			}
		}
	}
	switch {
	case failed == 0:
		return nil
	case refused["source auth"] == part, refused["destination auth"] == part:
		return outcome(exitSignIn)
	}
	return outcome(exitIncomplete)
}
