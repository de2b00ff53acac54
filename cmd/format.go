package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
)

func fmtCommand(a *app) *cobra.Command {
	check := false
	c := &cobra.Command{
		Use:   "fmt",
		Short: "write the configuration files in the usual form",
		Long:  "Write the configuration files in the usual form and name those that changed.",
		Args:  noWords,
		RunE:  func(*cobra.Command, []string) error { return runFormat(a, check) },
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; exit code 1 if a file is not in the usual form")
	return c
}

func runFormat(a *app, check bool) error {
	names, err := filepath.Glob(filepath.Join(a.flags.chdir, "*.hcl"))
	if err != nil {
		return err
	}
	slices.Sort(names)
	var changed []string
	for _, name := range names {
		did, err := formatFile(name, check)
		if err != nil {
			return err
		}
		if did {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if _, err = fmt.Fprintln(a.term.Out, view.SafeLines(strings.Join(changed, "\n"))); err == nil && check {
		return outcome(exitError)
	}
	return err
}

// formatFile tells whether the file was not in the usual form, and mends that unless it only checks.
func formatFile(name string, check bool) (bool, error) {
	before, err := os.ReadFile(name)
	if err != nil {
		return false, fail("CONFIG-FILE", name+" can't be read", sentence(err))
	}
	after, diagnostics := config.Format(before, filepath.Base(name))
	if diagnostics.HasErrors() {
		return false, diagnostics
	}
	if bytes.Equal(before, after) || check {
		return !bytes.Equal(before, after), nil
	}
	if err := os.WriteFile(name, after, 0o600); err != nil {
		return false, fail("CONFIG-FILE", name+" can't be written", sentence(err))
	}
	return true, nil
}
