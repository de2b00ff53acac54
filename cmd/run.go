package cmd

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// carryOut does an approved plan, from the record of its beginning to the summary. The error holds the exit code.
func (w *work) carryOut(ctx context.Context, p *plan.Plan) error {
	run, err := w.begin(ctx, p)
	if err != nil {
		return err
	}
	return w.finish(ctx, p, run, w.app.runEvents(run))
}

// finish does the plan of a run that has begun, records how it ended, and tells it. A verify pass has told it already.
func (w *work) finish(ctx context.Context, p *plan.Plan, run state.Run, events view.Events) error {
	told, speed := &lastWord{Events: events}, newSpeed()
	if w.parked != nil {
		w.parked.Keep(atWork(p))
	}
	closes := w.limits.bound(w.schedule.closes(p, w.config, w.app.term.Location, w.app.term.Now()), p)
	w.ran = true
	defer w.app.threads(min(busy(p), w.parallel()))()
	result, err := executor.Run(ctx, p, executor.Options{
		Endpoints: w.endpoints, Parked: w.parked, Limits: w.endpoints.limits, Ledger: w.ledger, Run: run, Events: speed.before(told.Event), Parallel: w.parallel(),
		Grace: w.grace, SpoolDir: filepath.Dir(w.ledger.Path()), Stop: w.app.io.Stop,
		Closes: closes,
	})
	if ctx.Err() != nil {
		err = errCutOff
	}
	err = errors.Join(err, told.end(err))
	var list view.FailureList
	if err == nil && p.Pass.Kind != config.PassVerify {
		list, err = failed(ctx, w.ledger.Reader, w.config, w.mailboxes)
	}
	w.noteLeft(p, result, closes)
	verdict := verdictOf(p, result, list, err)
	if w.left != nil && (verdict == nil || exitCode(verdict) == exitIncomplete) {
		verdict = outcome(exitStopped) // it is not finished, whatever has failed
	}
	run.ExitCode = exitCode(verdict)
	// The record of the end is short and worth keeping, even if the second interrupt came.
	if endErr := w.end(context.WithoutCancel(ctx), run, speed, err); endErr != nil || err != nil {
		return errors.Join(err, endErr)
	}
	if verifiesOnly(p) || w.app.events != nil {
		return verdict
	}
	return errors.Join(w.summary(ctx, p, result, list), verdict)
}

// atWork names the mailboxes of a plan that are worked on.
func atWork(p *plan.Plan) map[string]bool {
	names := map[string]bool{}
	for _, m := range p.Mailboxes {
		names[m.Name] = m.Action == plan.Start || m.Action == plan.Continue
	}
	return names
}

// end records the run's end; after a clean one the state file is copied aside.
func (w *work) end(ctx context.Context, run state.Run, speed *speed, runErr error) error {
	if runErr != nil && isState(mail.CodeOf(runErr)) {
		return nil // nothing can be written any more; the run's error says so
	}
	var unkept error
	if rate := speed.rate(); runErr == nil && rate.Seconds >= telling {
		unkept = w.ledger.AddRate(ctx, rate)
	}
	run.Ended = time.Now()
	if unkept = errors.Join(unkept, w.ledger.EndRun(ctx, run)); unkept != nil || runErr != nil {
		return unkept
	}
	return w.ledger.Backup(ctx)
}

// verdictOf says how a run ended, as the error that leads to its exit code. A mailbox that stopped in an earlier run and
// took no part in this one is still a failure.
func verdictOf(p *plan.Plan, o executor.Outcome, outstanding view.FailureList, err error) error {
	part := len(p.Mailboxes) - p.Total.Skipped
	switch {
	case err != nil:
		return err
	case o.Interrupted:
		return outcome(exitInterrupted)
	case o.Closed > 0:
		return outcome(exitStopped)
	case part > 0 && (o.RefusedSource == part || o.RefusedDestination == part):
		return outcome(exitSignIn)
	case o.Failed.Messages > 0 || o.Incomplete > 0 || o.Blocked > 0 || len(outstanding.Mailboxes) > 0:
		return outcome(exitIncomplete)
	}
	return nil
}

// grace is how long after a lost connection an endpoint may still store a message.
func (w *work) grace(ref string) time.Duration {
	for _, e := range w.config.Endpoints {
		if e.Ref() == ref && e.Grace > 0 {
			return e.Grace
		}
	}
	return time.Minute
}

// summary tells how the run ended, which messages failed in it, which mailboxes stand still, and how to go on.
func (w *work) summary(ctx context.Context, p *plan.Plan, o executor.Outcome, list view.FailureList) error {
	s := view.SummaryOf(o.PassDone)
	s.MaxSize, s.Deleted, s.Mailboxes = maxSize(p), p.Total.Deleted, list.Mailboxes
	for _, m := range list.Messages {
		if m.Run == o.Run {
			s.Messages = append(s.Messages, m)
		}
	}
	var err error
	if s.Next, err = w.next(ctx, o); err != nil {
		return err
	}
	if s.Worked, err = w.worked(ctx, o); err != nil {
		return err
	}
	if w.schedule.waiting() {
		s.Closed += w.schedule.shut
	}
	s.Spent, s.Over = o.Closed > 0 && w.limits.spent(w.app.term.Now()), w.limits.over
	if w.left != nil && !w.left.opens.IsZero() {
		s.Opens = w.left.opens.In(w.app.term.Location)
	}
	blank(w.app.term.Out)
	return view.PassSummary(w.app.term.Out, s)
}

// maxSize is the size limit, where all mailboxes have the same.
func maxSize(p *plan.Plan) mail.Size {
	var size mail.Size
	for i, m := range p.Mailboxes {
		if i > 0 && m.Settings.MaxSize != size {
			return 0
		}
		size = m.Settings.MaxSize
	}
	return size
}

// next is the command to go on with: apply, which finds the pass that is due by itself; after the last pass, the proof.
func (w *work) next(ctx context.Context, o executor.Outcome) (string, error) {
	if o.Interrupted || w.left != nil {
		return w.memory.goOn(ctx, w.config, w.mailboxes, &state.Run{Pass: o.Pass})
	}
	in, err := w.memory.input(ctx, w.config, w.mailboxes, "")
	if err != nil || in.NothingLeft {
		return "", err
	}
	if in.Delta {
		return "mailhaul check", nil
	}
	return "mailhaul apply", nil
}
