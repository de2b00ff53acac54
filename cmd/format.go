package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	names, err := a.nativeFiles()
	if err != nil {
		return err
	}
	var changed []string
	var mistakes config.Diagnostics
	for _, name := range names {
		did, err := formatFile(name, check)
		var found config.Diagnostics
		switch {
		case errors.As(err, &found):
			mistakes = append(mistakes, found...) // the other files are looked at all the same
		case err != nil:
			return err
		case did:
			changed = append(changed, name)
		}
	}
	if len(changed) > 0 {
		_, err = fmt.Fprintln(a.term.Out, view.SafeLines(strings.Join(changed, "\n")))
	}
	switch {
	case err != nil:
		return err
	case len(mistakes) > 0:
		return mistakes
	case check && len(changed) > 0:
		return outcome(exitError)
	}
	return nil
}

// nativeFiles lists the files of the project that are not JSON, in the order of their names.
func (a *app) nativeFiles() ([]string, error) {
	entries, err := os.ReadDir(a.flags.chdir)
	if err != nil {
		return nil, fail("CONFIG-FILE", "the directory "+a.flags.chdir+" can't be read", sentence(err))
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".hcl") { // as config.Load reads them
			names = append(names, filepath.Join(a.flags.chdir, e.Name()))
		}
	}
	return names, nil
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
