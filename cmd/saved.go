package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	stale := plan.Stale(p, w.config.Hash, w.ledger.Lineage(), w.ledger.Serial())
	if len(stale) == 0 {
		if err := w.admitPlan(p); err != nil {
			return nil, 0, err
		}
		p.When = nil // it was true when the plan was made
		w.endpoints.follow(p)
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
