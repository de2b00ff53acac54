package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
)

type failuresFlags struct {
	code string
	csv  bool
}

func failuresCommand(a *app) *cobra.Command {
	f := &failuresFlags{}
	c := &cobra.Command{
		Use:   "failures [MAILBOX...]",
		Short: "what failed, why, what to do",
		Long: `What failed, why, and what to do, grouped by cause.

On a terminal this is text. In a pipe or a file it is a table: a line of headings, then
a line for each failure, with tabs between the columns. --csv writes the same columns
for spreadsheets, --json everything.`,
		ValidArgsFunction: completeMailboxes(a),
		RunE: func(c *cobra.Command, words []string) error {
			return runFailures(c.Context(), a, f, chosen{patterns: words})
		},
	}
	c.Flags().StringVar(&f.code, "code", "", "only failures with this `CODE`")
	c.Flags().BoolVar(&f.csv, "csv", false, "write CSV")
	return c
}

func runFailures(ctx context.Context, a *app, f *failuresFlags, who chosen) error {
	if f.csv && a.flags.json {
		return usage("--csv and --json exclude each other")
	}
	if _, ok := page("explain", f.code); f.code != "" && !ok {
		return usage(fmt.Sprintf("there is no error code %q", f.code),
			didYouMean(strings.ToUpper(f.code), pageNames("explain")), "The codes of what has failed:  mailhaul failures")
	}
	defer a.hasty()()
	cfg, mailboxes, err := a.loadChosen(ctx, who)
	if err != nil {
		return err
	}
	var list view.FailureList
	err = reading(ctx, cfg, func(r *state.Reader) error {
		list, err = failed(ctx, r, cfg, mailboxes)
		return err
	})
	if err != nil {
		return err
	}
	list = withCode(list, f.code)
	switch {
	case a.flags.json:
		return view.FailuresJSON(a.term.Out, list)
	case f.csv:
		return view.FailuresCSV(a.term.Out, list)
	}
	return view.Failures(a.term.Out, list)
}

// failed reads what failed of the mailboxes. Those that left the configuration are no longer mailhaul's business.
func failed(ctx context.Context, r *state.Reader, cfg *config.Config, mailboxes []*config.Mailbox) (view.FailureList, error) {
	mine := map[ledgerKey]bool{}
	for _, m := range mailboxes {
		mine[ledgerKey{m.Name(), m.From.Ref()}] = true
	}
	var list view.FailureList
	var err error
	list.Messages, err = r.FailedMessagesOf(ctx, func(m state.Mailbox) bool { return mine[keyOf(m)] })
	if err != nil {
		return list, err
	}
	runs, err := r.Runs(ctx)
	if err != nil {
		return list, err
	}
	list.Passes = map[string]string{}
	for _, run := range runs {
		list.Passes[run.ID] = run.Pass
	}
	totals, err := r.Totals(ctx)
	for _, t := range totals {
		if stopped := standing(cfg, t.Passes); stopped != nil && mine[keyOf(t.Mailbox)] {
			list.Mailboxes = append(list.Mailboxes, state.FailedMailbox{MailboxPass: *stopped, Name: t.Mailbox.Name,
				Destination: t.Mailbox.Destination})
		}
	}
	return list, err
}

// standing gives the pass in which a mailbox stopped last, nil if it has come through a pass since. That it could sign
// in since, in a verify pass, moves no mail; and that it could not, in an outage, undoes none.
func standing(cfg *config.Config, passes []state.MailboxPass) *state.MailboxPass {
	verifies := verifyPasses(cfg)
	moved := slices.ContainsFunc(passes, func(p state.MailboxPass) bool {
		return !verifies[p.Pass] && (p.Progress == state.Complete || p.Progress == state.Incomplete)
	})
	var stopped *state.MailboxPass
	for i, p := range passes { // the earliest started first
		switch {
		case moved && verifies[p.Pass]:
		case p.Progress == state.Failed:
			stopped = &passes[i]
		case p.Progress != state.Pending && !verifies[p.Pass]:
			stopped = nil
		}
	}
	return stopped
}

// verifyPasses are the names of the passes that copy nothing.
func verifyPasses(cfg *config.Config) map[string]bool {
	names := map[string]bool{config.PassVerify: true}
	for _, p := range cfg.Passes {
		names[p.Name] = p.Kind == config.PassVerify
	}
	return names
}

func withCode(all view.FailureList, code string) view.FailureList {
	if code == "" {
		return all
	}
	list := view.FailureList{Passes: all.Passes}
	for _, m := range all.Messages {
		if strings.EqualFold(string(m.Code), code) {
			list.Messages = append(list.Messages, m)
		}
	}
	for _, m := range all.Mailboxes {
		if strings.EqualFold(string(m.Code), code) {
			list.Mailboxes = append(list.Mailboxes, m)
		}
	}
	return list
}
