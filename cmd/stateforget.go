package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
)

func stateForgetCommand(a *app) *cobra.Command {
	autoApprove := false
	c := &cobra.Command{
		Use:   "forget MAILBOX",
		Short: "forget what was copied of one mailbox; asks twice",
		Long: `Forget all that the state file knows of one mailbox. It says what will happen and
asks twice: for a "yes", and for the address. Nothing is touched on the servers.
The state file as it was is kept as NAME.backup.`,
		Args:              oneWord("the address of a mailbox"),
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			return runStateForget(c.Context(), a, words[0], autoApprove)
		},
	}
	c.Flags().BoolVar(&autoApprove, "auto-approve", false, "do not ask")
	return c
}

// forgetting is a mailbox that is about to be forgotten.
type forgetting struct {
	app    *app
	config *config.Config
	ledger *state.Ledger
	known  []state.MailboxTotal // of that name, one for each source endpoint
}

func runStateForget(ctx context.Context, a *app, name string, autoApprove bool) (err error) {
	cfg, err := a.load(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.Project.State); errors.Is(err, fs.ErrNotExist) {
		return noState(cfg) // opening for writing would make one
	}
	ledger, err := state.Open(ctx, cfg.Project.State, state.Options{Version: Version, Command: "mailhaul state forget"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	f := &forgetting{app: a, config: cfg, ledger: ledger}
	if f.known, err = known(ctx, ledger.Reader, name); err != nil {
		return err
	}
	if err := f.settled(ctx); err != nil {
		return err
	}
	if !autoApprove {
		if err := f.ask(); err != nil {
			return err
		}
	}
	return f.do(ctx)
}

// known finds the mailboxes of that very name; no glob, since what goes is to be named.
func known(ctx context.Context, r *state.Reader, name string) ([]state.MailboxTotal, error) {
	totals, err := r.Totals(ctx)
	if err != nil {
		return nil, err
	}
	var found []state.MailboxTotal
	var names []string
	for _, t := range totals {
		if t.Mailbox.Name == name {
			found = append(found, t)
		}
		names = append(names, t.Mailbox.Name)
	}
	if len(found) == 0 {
		return nil, usage(fmt.Sprintf("the state file knows no mailbox %q", name), didYouMean(name, names), "See: mailhaul state list")
	}
	return found, nil
}

// settled refuses a mailbox with messages in doubt that a later run would begin anew with.
func (f *forgetting) settled(ctx context.Context) error {
	managed, _ := f.managed()
	if !managed {
		return nil
	}
	doubts := int64(0)
	for _, t := range f.known {
		folders, err := f.ledger.Folders(ctx, t.Mailbox.ID)
		if err != nil {
			return err
		}
		for _, folder := range folders {
			c, err := f.ledger.Count(ctx, folder.ID, state.Selection{}, 0)
			if err != nil {
				return err
			}
			doubts += c.Doubt.Messages
		}
	}
	if doubts == 0 {
		return nil
	}
	return &failure{exitError, view.InDoubt(f.known[0].Mailbox.Name, doubts)}
}

// managed tells whether the configuration has the mailbox, and whether it says that mail at the destination is not
// looked at.
func (f *forgetting) managed() (managed, ignores bool) {
	for _, m := range f.config.Mailboxes {
		for _, t := range f.known {
			if keyOf(t.Mailbox) == (ledgerKey{m.Name(), m.From.Ref()}) {
				managed, ignores = true, ignores || m.Messages.Existing == config.ExistingIgnore
			}
		}
	}
	return managed, ignores
}

func (f *forgetting) backup() string { return filepath.Base(f.ledger.Path()) + ".backup" }

// ask says what will happen and asks twice.
func (f *forgetting) ask() error {
	a, name := f.app, f.known[0].Mailbox.Name
	if !a.canAsk() {
		return usage("nobody is there to say whether "+name+" is to be forgotten",
			"Without a terminal, or with --no-input, the answer is given by the flag --auto-approve.")
	}
	q := view.ForgetQuestion{Backup: f.backup()}
	q.Managed, q.Ignores = f.managed()
	for _, t := range f.known {
		q.Mailboxes = append(q.Mailboxes, stateRow(t))
	}
	if err := view.Forget(a.term.Err, q); err != nil {
		return err
	}
	for _, one := range []struct{ text, want string }{
		{`Only "yes" is accepted: `, "yes"}, {"Type the address to forget it: ", name}} {
		answer, err := a.ask(one.text)
		if err != nil {
			return err
		}
		if answer != one.want {
			return fail("", fmt.Sprintf("you did not type %q; nothing was forgotten", one.want))
		}
	}
	return nil
}

// do keeps a copy of the state file and forgets.
func (f *forgetting) do(ctx context.Context) error {
	var ids []state.MailboxID
	for _, t := range f.known {
		ids = append(ids, t.Mailbox.ID)
	}
	if err := f.ledger.Backup(ctx); err != nil {
		return err
	}
	if err := f.ledger.Forget(ctx, ids...); err != nil {
		return err
	}
	return view.Forgotten(f.app.term.Out, f.known[0].Mailbox.Name, f.backup())
}
