package cmd

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

func foldersCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "folders MAILBOX",
		Short:             "where each folder of a mailbox will go, and which rule says so",
		Args:              oneWord("the address of a mailbox"),
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			return runFolders(c.Context(), a, chosen{patterns: words})
		},
	}
}

func runFolders(ctx context.Context, a *app, who chosen) error {
	w, err := a.openStateless(ctx, who)
	if err != nil {
		return err
	}
	p, err := w.mapped(ctx)
	if err != nil {
		return err
	}
	for _, m := range p.Mailboxes {
		if a.flags.json {
			if err := view.FoldersJSON(a.term.Out, m, w.held(m.Name), p.Errors); err != nil {
				return err
			}
			continue
		}
		if m.Problem != nil {
			return fail(m.Problem.Code, "the folders of "+m.Name+" can't be read from the "+m.Problem.Side, m.Problem.Text,
				view.Hint(string(m.Problem.Code)))
		}
		if err := view.Folders(a.term.Out, m, w.held(m.Name)); err != nil {
			return err
		}
	}
	if a.flags.json {
		return verdictOfFolders(p)
	}
	return a.planErrors(p)
}

// verdictOfFolders is the exit code where all is said in the document.
func verdictOfFolders(p *plan.Plan) error {
	blocked := slices.ContainsFunc(p.Mailboxes, func(m plan.Mailbox) bool { return m.Problem != nil })
	if blocked || len(p.Errors) > 0 {
		return outcome(exitError)
	}
	return nil
}

// mapped makes a plan that holds nothing but the mapping of folders; the state file is looked at, not locked.
func (w *work) mapped(ctx context.Context) (*plan.Plan, error) {
	in := plan.Input{Config: w.unskipped(), Now: time.Now(), Version: Version, State: stateName(w.config)}
	in.Pass = &config.Pass{Name: config.PassVerify, Kind: config.PassVerify}
	for _, m := range in.Config.Mailboxes {
		in.Due.Mailboxes = append(in.Due.Mailboxes, m.Name())
	}
	var err error
	if w.inventories, err = w.survey(ctx, in.Due, executor.SurveyOptions{}); err != nil {
		return nil, err
	}
	in.Inventories = w.inventories
	err = reading(ctx, w.config, func(r *state.Reader) error { return (&memory{Reader: r}).recall(ctx, &in) })
	if err != nil {
		return nil, err
	}
	return plan.Build(in), nil
}

// held is how many messages each source folder of a mailbox holds, by its exact name.
func (w *work) held(mailbox string) map[string]int64 {
	messages := map[string]int64{}
	for _, f := range w.inventories[mailbox].Source {
		messages[f.Raw] = int64(f.Status.Messages)
	}
	return messages
}

// unskipped is the configuration with the chosen mailboxes, none of them skipped: looking is always allowed.
func (w *work) unskipped() *config.Config {
	few := *w.config
	few.Mailboxes = nil
	for _, m := range w.mailboxes {
		one := *m
		one.Skip = ""
		few.Mailboxes = append(few.Mailboxes, &one)
	}
	return &few
}

// planErrors shows the errors of a plan on standard error; they end the command.
func (a *app) planErrors(p *plan.Plan) error {
	for _, note := range p.Errors {
		summary := note.Text
		if note.Mailbox != "" {
			summary = note.Mailbox + ": " + note.Text
		}
		a.showError(fail(mail.Code(note.Code), summary, note.Hint))
	}
	if len(p.Errors) > 0 {
		return outcome(exitError)
	}
	return nil
}

// openStateless reads the project for commands in which the state file has no part, or is only looked at.
func (a *app) openStateless(ctx context.Context, who chosen) (*work, error) {
	cfg, mailboxes, err := a.loadChosen(ctx, who)
	if err != nil {
		return nil, err
	}
	w := &work{app: a, config: cfg, mailboxes: mailboxes}
	if w.endpoints, err = newEndpoints(cfg, a.flags.trace); err != nil {
		return nil, err
	}
	w.endpoints.tellBy(a.say)
	return w, nil
}

// everybody is who takes part where no pass chooses: all but the skipped.
func (w *work) everybody() (due plan.Due) {
	for _, m := range w.mailboxes {
		if m.Skip == "" {
			due.Mailboxes = append(due.Mailboxes, m.Name())
		}
	}
	return due
}
