package cmd

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"mailhaul/state"
)

func stateUnlockCommand(a *app) *cobra.Command {
	force := ""
	c := &cobra.Command{
		Use:   "unlock --force ID",
		Short: "take the lock away from a mailhaul that is gone for good",
		Args: func(c *cobra.Command, words []string) error {
			if len(words) > 0 {
				return usage(fmt.Sprintf("the ID of a lock stands behind --force, and there is %q", words[0]),
					"Type: mailhaul state unlock --force ID")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return runStateUnlock(c.Context(), a, force) },
	}
	c.Flags().StringVar(&force, "force", "", "`ID` of the lock, as the error message names it")
	return c
}

func runStateUnlock(ctx context.Context, a *app, id string) error {
	if id == "" {
		return usage("state unlock needs --force ID", "The ID stands in the error message and in: mailhaul state show")
	}
	cfg, err := a.load(ctx)
	if err != nil {
		return err
	}
	if err := admitUnlock(cfg.Project.State, id); err != nil {
		return err
	}
	if err := state.Unlock(cfg.Project.State, id); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.term.Out, "The lock was taken away.")
	return err
}

// admitUnlock says what is wrong with the request itself: no lock, or another one. A holder that runs is named by
// state.Unlock.
func admitUnlock(path, id string) error {
	holder, held, err := state.ReadHolder(path)
	switch name := filepath.Base(path); {
	case err != nil:
		return err
	case !held:
		return usage("nobody works with "+name+": there is no lock to take away", "See: mailhaul state show")
	case !holder.Alive && holder.ID != id:
		return usage(fmt.Sprintf("the lock of %s is %s, not %s; nothing was done", name, holder.ID, id), "See: mailhaul state show")
	}
	return nil
}
