package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/plan"
	"mailhaul/state/mail"
)

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
	if err := w.fresh(ctx, p); err != nil {
		return nil, 0, err
	}
	if err := w.admitPlan(p); err != nil {
		return nil, 0, err
	}
	w.narrow(p.Only)
	p.When = nil // it was true when the plan was made
	w.endpoints.follow(p)
	return p, 0, nil
}

// only names the mailboxes that were asked for, where that is not all of them.
func (w *work) only() (names []string) {
	if len(w.mailboxes) == len(w.config.Mailboxes) {
		return nil
	}
	for _, m := range w.mailboxes {
		names = append(names, m.Name())
	}
	return names
}

// narrow leaves to the work the mailboxes that its plan was asked for: what others have come to is no outcome of it.
func (w *work) narrow(only []string) {
	if len(only) > 0 {
		w.mailboxes = slices.DeleteFunc(slices.Clone(w.mailboxes), func(m *config.Mailbox) bool { return !slices.Contains(only, m.Name()) })
	}
}

// fresh refuses a saved plan that no longer fits, and names what has changed since it was made.
func (w *work) fresh(ctx context.Context, p *plan.Plan) error {
	stale := plan.Stale(p, w.config, w.ledger.Lineage(), w.ledger.Serial())
	if len(stale) == 0 {
		return nil
	}
	var reasons []string
	for _, note := range stale {
		reasons = append(reasons, sentence(note))
	}
	if p.Lineage == w.ledger.Lineage() {
		since, err := w.changesSince(ctx, p)
		if err != nil {
			return err
		}
		reasons = append(reasons, since...)
	}
	return fail(mail.Code(stale[0].Code), "the plan no longer fits; nothing was copied", append(reasons, stale[0].Hint)...)
}

// fewRuns is how many runs are named one by one.
const fewRuns = 3

// changesSince names what has changed the state file since a plan was made: runs, of which one has mostly carried out that
// very plan, and whether mailboxes were forgotten, which the serial counts as well.
func (w *work) changesSince(ctx context.Context, p *plan.Plan) ([]string, error) {
	runs, err := w.ledger.Runs(ctx)
	if err != nil {
		return nil, err
	}
	runs = runs[min(p.Runs, len(runs)):]
	var since []string
	for _, r := range runs[max(0, len(runs)-fewRuns):] {
		what := fmt.Sprintf("Pass %q was run since then", r.Pass)
		if r.Pass == undoPass {
			what = "Mail was taken back by an undo since then"
		}
		since = append(since, fmt.Sprintf("%s, on %s (run %s).", what,
			r.Started.In(w.app.term.Location).Format("2006-01-02 15:04"), r.ID))
	}
	if more := len(runs) - fewRuns; more > 0 {
		since = append(since, fmt.Sprintf("Runs before these: %d.", more))
	}
	if w.ledger.Serial()-p.Serial > int64(len(runs)) {
		since = append(since, "Mailboxes were forgotten since then, by: mailhaul state forget")
	}
	return since, nil
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
		Of: len(w.config.Mailboxes), Zone: w.zone()})
	if err == nil && len(p.Errors) > 0 {
		return outcome(exitError)
	}
	return err
}

// canSave tries whether a plan can be saved before servers are asked, which may take its time.
func canSave(name string) error {
	if err := canWrite(name); err != nil {
		return notSaved(err)
	}
	return nil
}

// canWrite tries whether a file can be written. An empty name is no file.
func canWrite(name string) error {
	if name == "" {
		return nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".mailhaul-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	var trouble *fs.PathError
	if errors.As(err, &trouble) { // it names a file that nobody has heard of
		err = fmt.Errorf("the directory %s: %w", filepath.Dir(name), trouble.Err)
	}
	return err
}

func notSaved(err error) error {
	return fail(mail.Code(config.CodeFile), "the plan can't be saved", sentence(err))
}
