package cmd

import (
	"bufio"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
)

func stateExportCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "write all that the state file knows as JSON lines",
		Long: `Write all that the state file knows to stdout, one JSON object a line: the file
itself, mailboxes, folders, messages, failures, runs, passes. It is one view, also
while apply runs. Addresses and names of folders are in it, no passwords, no
subjects and no mail.`,
		Args: noWords,
		RunE: func(c *cobra.Command, _ []string) error { return runStateExport(c.Context(), a) },
	}
}

func runStateExport(ctx context.Context, a *app) error {
	ctx, cancel := a.untilStop(ctx)
	defer cancel()
	return a.existing(ctx, func(_ *config.Config, r *state.Reader) error {
		out := bufio.NewWriter(a.term.Out)
		err := view.ExportHead(out, view.StateInfo{Format: r.Format(), Lineage: r.Lineage(), Serial: r.Serial()})
		if err == nil {
			err = r.Export(ctx, func(record any) error { return view.ExportRecord(out, record) })
		}
		return errors.Join(err, out.Flush())
	})
}
