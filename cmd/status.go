package cmd

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
)

func statusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status [MAILBOX...]",
		Short: "how far everything is; works while apply runs",
		Long: `How far everything is. Works while apply runs.

On a terminal this is text. In a pipe or a file it is a table: a line of headings, then
a line for each mailbox, with tabs between the columns. --json gives everything.`,
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			return runStatus(c.Context(), a, chosen{patterns: words})
		},
	}
}

func runStatus(ctx context.Context, a *app, who chosen) error {
	defer a.hasty()()
	cfg, mailboxes, err := a.loadChosen(ctx, who)
	if err != nil {
		return err
	}
	s := view.StatusView{State: filepath.Base(cfg.Project.State)}
	totals := map[ledgerKey]state.MailboxTotal{}
	err = reading(ctx, cfg, func(r *state.Reader) error {
		if s.Run, s.Live, err = lastRun(ctx, r); err != nil {
			return err
		}
		m := &memory{Reader: r}
		if m.totals, err = r.Totals(ctx); err != nil {
			return err
		}
		for _, t := range m.totals {
			totals[keyOf(t.Mailbox)] = t
		}
		if s.Next, err = m.goOn(ctx, cfg, mailboxes, s.Run); err != nil {
			return err
		}
		if s.Undo = s.Run != nil && s.Run.Pass == undoPass; !s.Live {
			if s.Undoing, err = m.undoing(ctx, mailboxes); err != nil {
				return err
			}
		}
		s.Unmanaged, err = m.unmanaged(ctx, cfg)
		return err
	})
	if err != nil {
		return err
	}
	stand := newStandings(cfg, s.Run, s.Live)
	for _, m := range mailboxes {
		if m.Skip == "" {
			s.Rows = append(s.Rows, stand.row(m, totals[ledgerKey{m.Name(), m.From.Ref()}]))
		}
	}
	if a.flags.json {
		return view.StatusJSON(a.term.Out, s)
	}
	return view.Status(a.term.Out, s)
}

// ledgerKey is a mailbox's identity in the ledger.
type ledgerKey struct{ name, endpoint string }

func keyOf(m state.Mailbox) ledgerKey { return ledgerKey{m.Name, m.SourceEndpoint} }

// lastRun gives the run that began last, nil if there is none, and whether it is going on now: whoever took the lock
// before it began holds it still.
func lastRun(ctx context.Context, r *state.Reader) (*state.Run, bool, error) {
	runs, err := r.Runs(ctx)
	if err != nil || len(runs) == 0 {
		return nil, false, err
	}
	last := runs[len(runs)-1]
	h, held, err := state.ReadHolder(r.Path())
	return &last, held && last.Ended.IsZero() && !h.Started.After(last.Started), err
}

// undoing names the mailboxes of who that an undo has left in the middle.
func (r *memory) undoing(ctx context.Context, who []*config.Mailbox) (names []string, err error) {
	chosen := map[ledgerKey]bool{}
	for _, m := range who {
		chosen[ledgerKey{m.Name(), m.From.Ref()}] = true
	}
	for _, t := range r.totals {
		if t.Doubt.Messages == 0 || !chosen[keyOf(t.Mailbox)] {
			continue
		}
		folders, err := r.Folders(ctx, t.Mailbox.ID)
		if err != nil {
			return nil, err
		}
		for _, f := range folders {
			some, err := r.Select(ctx, state.Query{Folder: f.ID, States: []state.State{state.StateUndoing}, Limit: 1})
			if err != nil {
				return nil, err
			}
			if len(some) > 0 {
				names = append(names, t.Mailbox.Name)
				break
			}
		}
	}
	return names, nil
}

// loadChosen reads the project and the mailboxes that the words choose.
func (a *app) loadChosen(ctx context.Context, who chosen) (*config.Config, []*config.Mailbox, error) {
	cfg, err := a.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	mailboxes, err := who.from(cfg)
	return cfg, mailboxes, err
}

// reading opens the state file for a look; where there is none yet, look is not called.
func reading(ctx context.Context, cfg *config.Config, look func(*state.Reader) error) error {
	r, err := openRead(ctx, cfg.Project.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return onlyLooked(errors.Join(look(r), r.Close()))
}
