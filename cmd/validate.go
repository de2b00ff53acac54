package cmd

import (
	"context"
	"fmt"
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
	if !a.flags.json {
		cfg, err := a.load(ctx)
		if err != nil {
			return err
		}
		return a.sayValid(cfg)
	}
	cfg, diagnostics, err := a.read(ctx)
	if err != nil {
		return err
	}
	v := view.Validity{Valid: cfg != nil}
	if cfg != nil {
		v.Files, v.Endpoints, v.Mailboxes = cfg.Files, len(cfg.Endpoints), len(cfg.Mailboxes)
		v.Passes, v.Unsupported = writtenPasses(cfg), unsupported(cfg)
	}
	if err := view.ValidateJSON(a.term.Out, v, diagnostics); err != nil || cfg != nil {
		return err
	}
	return outcome(exitError)
}

// load reads the project and shows its warnings. Mistakes come back as config.Diagnostics.
func (a *app) load(ctx context.Context) (*config.Config, error) {
	cfg, diagnostics, err := a.read(ctx)
	switch {
	case err != nil:
		return nil, err
	case cfg == nil:
		return nil, diagnostics
	}
	return cfg, a.warn(diagnostics)
}

// read gives the project with its warnings; the project is nil where it has mistakes.
func (a *app) read(ctx context.Context) (*config.Config, config.Diagnostics, error) {
	ctx, cancel := a.untilStop(ctx) // for the programs of command()
	defer cancel()
	cfg, diagnostics := config.Load(a.flags.chdir, config.Options{Context: ctx, Env: a.env, Version: Version,
		Vars: a.flags.vars, VarFiles: a.flags.varFiles})
	if ctx.Err() != nil {
		return nil, nil, errInterrupted
	}
	if diagnostics.HasErrors() {
		return nil, diagnostics, nil
	}
	if a.flags.state != "" {
		cfg.Project.State = a.flags.state
	}
	return cfg, append(cfg.Warnings, a.exposed(cfg)...), nil
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

// writtenPasses names the passes of the file.
func writtenPasses(cfg *config.Config) []string {
	var passes []string
	for _, p := range cfg.Passes {
		if !p.Implied {
			passes = append(passes, p.Name)
		}
	}
	return passes
}

// unsupported names what is written and not carried out by this version.
func unsupported(cfg *config.Config) []string {
	var names []string
	for _, u := range cfg.Unsupported {
		names = append(names, u.What)
	}
	return names
}

func (a *app) sayValid(cfg *config.Config) error {
	passes := writtenPasses(cfg)
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
	if later := unsupported(cfg); len(later) > 0 {
		kept += fmt.Sprintf("Not carried out by this version: %s.\n", view.Safe(strings.Join(later, "; ")))
	}
	text := fmt.Sprintf("%s: %s, %s. Passes: %s.\n", view.Safe(strings.Join(cfg.Files, ", ")),
		view.Plural(len(cfg.Endpoints), "endpoint"), view.Plural(len(cfg.Mailboxes), "mailbox"), view.Safe(strings.Join(passes, ", ")))
	return view.Paragraph(a.term.Out, text+kept+"The configuration is valid. Nothing was contacted.", "")
}
