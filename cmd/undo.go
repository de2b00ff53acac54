package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// undoPass stands for an undo among the runs of the state file, where others have the name of a pass.
const undoPass = "undo"

func undoCommand(a *app) *cobra.Command {
	autoApprove := false
	c := &cobra.Command{
		Use:   "undo MAILBOX...",
		Short: "take back what was copied and nobody has touched since; asks twice",
		Long: "Remove from the destination what mailhaul itself wrote and nobody has touched since, for example\n" +
			"after a trial. It shows what would go and what stays, and asks twice. The source is not touched,\n" +
			"and the same messages can be copied again. MAILBOX is an address or a glob such as '*@contoso.example'.",
		Args:              someWords("the address of a mailbox, or '*' for all"),
		ValidArgsFunction: completeMailboxes(a),
		RunE:              func(c *cobra.Command, words []string) error { return runUndo(c.Context(), a, words, autoApprove) },
	}
	c.Flags().BoolVar(&autoApprove, "auto-approve", false, "do not ask")
	return c
}

func runUndo(ctx context.Context, a *app, words []string, autoApprove bool) (err error) {
	cfg, err := a.load(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.Project.State); errors.Is(err, fs.ErrNotExist) {
		return noState(cfg) // opening for writing would make one
	}
	w, err := a.openWork(ctx, "undo", chosen{patterns: words})
	if err != nil {
		return err
	}
	defer w.close(&err)
	rows, err := w.copiedTo(ctx)
	if err != nil {
		return err
	}
	list, err := w.surveyUndo(ctx, rows)
	if err != nil {
		return err
	}
	if !anyWork(list) {
		return errors.Join(view.NothingUndone(a.term.Out, list), undoVerdict(list, false))
	}
	if err := view.UndoPlan(a.term.Out, list); err != nil {
		return err
	}
	if !autoApprove {
		if err := w.askUndo(list); err != nil {
			return err
		}
	}
	return w.takeBack(ctx, list)
}

// copiedTo gives the chosen mailboxes that the state file knows. One that goes elsewhere by now is refused: what was
// written lies in another mailbox.
func (w *work) copiedTo(ctx context.Context) ([]state.Mailbox, error) {
	var rows []state.Mailbox
	for _, m := range w.mailboxes {
		if m.Skip != "" {
			continue
		}
		now := row(m)
		known, found, err := w.ledger.FindMailbox(ctx, now.Name, now.SourceEndpoint)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if known.Destination != now.Destination || known.DestinationEndpoint != now.DestinationEndpoint {
			return nil, fail(mail.Code(config.CodeChanged), fmt.Sprintf("the destination of %s is another one by now", now.Name),
				fmt.Sprintf("What was copied is in %s (%s), and the configuration says %s (%s). Nothing was removed.",
					known.Destination, known.DestinationEndpoint, now.Destination, now.DestinationEndpoint),
				"Write the former destination, take back what is there, and then change it.")
		}
		rows = append(rows, known)
	}
	return rows, nil
}

// undoOptions say how an undo works; the passes that it leaves unfinished are those that copy in bulk. A trial has been
// made, whatever is left of it: plain apply goes on behind it.
func (w *work) undoOptions() executor.UndoOptions {
	o := executor.UndoOptions{Endpoints: w.endpoints, Ledger: w.ledger, Limits: w.endpoints.limits,
		Parallel: w.parallel(), Stop: w.app.io.Stop}
	for _, p := range w.config.Passes {
		if p.Kind == config.PassPrestage || p.Kind == config.PassFull {
			o.Reopen = append(o.Reopen, p.Name)
		}
	}
	return o
}

func (w *work) surveyUndo(ctx context.Context, rows []state.Mailbox) ([]executor.UndoMailbox, error) {
	ctx, cancel := w.app.untilStop(ctx)
	defer cancel()
	defer w.app.saySurvey(bothSides, len(rows))()
	events, o := w.app.surveyEvents(), w.undoOptions()
	o.Events = events.Event
	list, err := executor.SurveyUndo(ctx, rows, o)
	if ctx.Err() != nil {
		err = errInterrupted
	}
	return list, errors.Join(err, events.Close())
}

func anyWork(list []executor.UndoMailbox) bool {
	for i := range list {
		if list[i].Work() {
			return true
		}
	}
	return false
}

// takeBack does it, as a run of its own that the state file records.
func (w *work) takeBack(ctx context.Context, list []executor.UndoMailbox) error {
	run, err := w.ledger.BeginRun(ctx, undoPass)
	if err != nil {
		return err
	}
	events, o := w.app.surveyEvents(), w.undoOptions()
	o.Run, o.Events = run, events.Event
	done, err := executor.Undo(ctx, list, o)
	if ctx.Err() != nil {
		err = errCutOff
	}
	err = errors.Join(err, events.Close())
	interrupted := w.interrupted()
	verdict := err
	if err == nil {
		verdict = undoVerdict(done, interrupted)
	}
	run.ExitCode = exitCode(verdict)
	if endErr := w.end(context.WithoutCancel(ctx), run, &speed{}, err); endErr != nil || err != nil {
		return errors.Join(err, endErr)
	}
	next, err := w.next(ctx, executor.Outcome{})
	if err != nil {
		return err
	}
	blank(w.app.term.Out)
	return errors.Join(view.Undone(w.app.term.Out, done, interrupted, next), verdict)
}
