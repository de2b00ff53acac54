package cmd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
)

func validateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "check the configuration, offline",
		Long:  "Check every file of the project and name every mistake at once. No server is contacted.",
		Args:  noWords,
		RunE:  func(c *cobra.Command, _ []string) error { return runValidate(c.Context(), a) },
	}
}

func runValidate(ctx context.Context, a *app) error {
	cfg, err := a.load(ctx)
	if err != nil {
		return err
	}
	return a.sayValid(cfg)
}

// load reads the project and shows its warnings. Mistakes come back as config.Diagnostics.
func (a *app) load(ctx context.Context) (*config.Config, error) {
	ctx, cancel := a.untilStop(ctx) // for the programs of command()
	defer cancel()
	cfg, diagnostics := config.Load(a.flags.chdir, config.Options{Context: ctx, Env: a.env, Version: Version,
		Vars: a.flags.vars, VarFiles: a.flags.varFiles})
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	if a.flags.state != "" {
		cfg.Project.State = a.flags.state
	}
	return cfg, a.warn(append(cfg.Warnings, append(a.exposed(cfg), idle(cfg)...)...))
}

// warn shows warnings of the configuration.
func (a *app) warn(warnings config.Diagnostics) error {
	switch {
	case len(warnings) == 0 || a.flags.quiet:
		return nil
	case a.events != nil:
		a.events.Diagnostics(warnings)
		return nil
	}
	return view.Diagnostics(a.term.Err, warnings)
}

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

func (a *app) sayValid(cfg *config.Config) error {
	var passes []string
	for _, p := range cfg.Passes {
		if !p.Implied {
			passes = append(passes, p.Name)
		}
	}
	same := 0
	for _, m := range cfg.Mailboxes {
		if m.Destination.Address == m.Name() {
			same++
		}
	}
	kept := ""
	if same > 0 {
		kept = fmt.Sprintf("Keeps its address at the destination: %s.\n", view.Plural(same, "mailbox"))
	}
	_, err := fmt.Fprintf(a.term.Out, "%s: %s, %s. Passes: %s.\n"+kept+"The configuration is valid. Nothing was contacted.\n",
		view.Safe(strings.Join(cfg.Files, ", ")), view.Plural(len(cfg.Endpoints), "endpoint"),
		view.Plural(len(cfg.Mailboxes), "mailbox"), view.Safe(strings.Join(passes, ", ")))
	return err
}
