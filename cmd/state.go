package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
)

func stateCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "state COMMAND",
		Short: "look after the state file",
		Args:  noWords,
		RunE: func(c *cobra.Command, _ []string) error {
			return usage("state needs a command: "+strings.Join(commandNames(c), ", "), seeHelp(c))
		},
	}
	c.AddCommand(stateListCommand(a), stateShowCommand(a), stateForgetCommand(a), stateUnlockCommand(a), stateCheckCommand(a),
		stateExportCommand(a))
	return c
}

func stateListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "list the mailboxes of the state file",
		Long: `The mailboxes that the state file knows, and the passes they went through.

On a terminal this is text. In a pipe or a file it is a table: a line of headings, then
a line for each mailbox, with tabs between the columns.`,
		Args: noWords,
		RunE: func(c *cobra.Command, _ []string) error { return runStateList(c.Context(), a) },
	}
}

func runStateList(ctx context.Context, a *app) error {
	return a.existing(ctx, func(_ *config.Config, r *state.Reader) error {
		totals, err := r.Totals(ctx)
		if err != nil {
			return err
		}
		var rows []view.StateRow
		for _, t := range totals {
			rows = append(rows, stateRow(t))
		}
		return view.StateList(a.term.Out, rows, a.term.Location)
	})
}

func stateRow(t state.MailboxTotal) view.StateRow {
	return view.StateRow{Mailbox: t.Mailbox, Passes: t.Passes, Copied: t.Copied, Failed: t.Failed}
}

func stateShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "show [MAILBOX]",
		Short:             "what the state file is, or what it knows of one mailbox",
		Args:              optionalWord,
		ValidArgsFunction: completeMailboxes(a),
		RunE:              func(c *cobra.Command, words []string) error { return runStateShow(c.Context(), a, words) },
	}
}

func runStateShow(ctx context.Context, a *app, words []string) error {
	return a.existing(ctx, func(cfg *config.Config, r *state.Reader) error {
		totals, err := r.Totals(ctx)
		if err != nil {
			return err
		}
		if len(words) == 0 {
			return a.showStateFile(ctx, cfg, r)
		}
		var names []string
		for _, t := range totals {
			if matches(words[0], t.Mailbox.Name) {
				folders, err := r.Counts(ctx, t.Mailbox.ID, state.Selection{})
				if err != nil {
					return err
				}
				return view.StateMailbox(a.term.Out, stateRow(t), folders, a.term.Location)
			}
			names = append(names, t.Mailbox.Name)
		}
		return usage(fmt.Sprintf("the state file knows no mailbox %q", words[0]), didYouMean(words[0], names), "See: mailhaul state list")
	})
}

func (a *app) showStateFile(ctx context.Context, cfg *config.Config, r *state.Reader) error {
	info := view.StateInfo{Path: r.Path(), Format: r.Format(), Lineage: r.Lineage(), Serial: r.Serial()}
	mailboxes, err := r.Mailboxes(ctx)
	if err != nil {
		return err
	}
	info.Mailboxes = len(mailboxes)
	if info.Runs, err = r.Runs(ctx); err != nil {
		return err
	}
	for _, p := range cfg.Passes {
		frozen, found, err := r.Pass(ctx, p.Name)
		if err != nil {
			return err
		}
		if found {
			info.Passes = append(info.Passes, frozen)
		}
	}
	if holder, held, err := state.ReadHolder(r.Path()); err != nil {
		return err
	} else if held {
		h := holderView(holder)
		info.Lock = &h
	}
	return view.StateShow(a.term.Out, info, a.term.Now().In(a.term.Location))
}

// holderView says of the holder what people need.
func holderView(h state.Holder) view.Holder {
	return view.Holder{ID: h.ID, User: h.User, Host: h.Host, PID: h.PID, Started: h.Started, Running: h.Alive,
		Known: h.Alive}
}

func stateCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "test that the state file is whole",
		Args:  noWords,
		RunE:  func(c *cobra.Command, _ []string) error { return runStateCheck(c.Context(), a) },
	}
}

func runStateCheck(ctx context.Context, a *app) error {
	cfg, err := a.load(ctx)
	if err != nil {
		return err
	}
	problems, err := state.Check(ctx, cfg.Project.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noState(cfg)
	case err != nil:
		return onlyLooked(err)
	case len(problems) == 0:
		_, err = fmt.Fprintf(a.term.Out, "%s is whole.\n", cfg.Project.State)
		return err
	}
	text := view.Safe(cfg.Project.State) + " is damaged:\n"
	for _, p := range problems {
		text += "  " + view.Safe(p.Text) + "\n"
	}
	_, err = fmt.Fprint(a.term.Out, text+"Nothing was written to it. What to do:  mailhaul explain STATE-DAMAGED\n")
	return errors.Join(err, outcome(exitState))
}

// existing opens the state file for a look; that there is none is an error here.
func (a *app) existing(ctx context.Context, look func(*config.Config, *state.Reader) error) error {
	cfg, err := a.load(ctx)
	if err != nil {
		return err
	}
	r, err := openRead(ctx, cfg.Project.State)
	if errors.Is(err, fs.ErrNotExist) {
		return noState(cfg)
	}
	if err != nil {
		return err
	}
	return errors.Join(look(cfg, r), r.Close())
}

func noState(cfg *config.Config) error {
	return fail("", "there is no state file "+cfg.Project.State+" yet", "Nothing has run. Begin with:  mailhaul plan")
}
