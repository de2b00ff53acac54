// Package cmd is the command line of mailhaul: it reads flags, calls the other rooms and shows what they give. Each
// command is three things: a struct of flags, a run function, a call of cmd/view. No decision about mail is made here.
//
// Start at Main. Exit codes are in exit.go, the wiring of configuration to servers in endpoints.go, the texts in
// cmd/view and in the pages of help and explain.
package cmd

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
)

// Process is what a command gets from the world.
type Process struct {
	Args    []string // without the program's name
	Stdin   *os.File
	Stdout  *os.File
	Stderr  *os.File
	Environ []string // as os.Environ gives it
	// ForPeople says that a person reads standard output even where it is no terminal.
	ForPeople bool
	// Stop is closed by the first interrupt: what is in hand is finished, then the command ends. The second one
	// cancels Main's context.
	Stop <-chan struct{}
}

// app is one command on its way.
type app struct {
	io    Process
	flags globals
	term  *view.Terminal
	// events is set by apply --json: everything that is told is then an event on standard output.
	events *view.JSON
	// noHelp is why --help had nothing to show: the library takes no error for that.
	noHelp error
}

// Main carries out one command line and gives the exit code.
func Main(ctx context.Context, p Process) int {
	a := &app{io: p, term: view.NewTerminal(p.Stdin, p.Stdout, p.Stderr, p.Environ, view.ColorAuto)}
	root := rootCommand(a)
	root.SetArgs(p.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = a.noHelp
	}
	a.showError(err)
	if a.events != nil {
		a.events.Exit(exitCode(err), exitText(exitCode(err)))
	}
	return exitCode(err)
}

// env looks a variable up; the last one of a name counts.
func (a *app) env(name string) (string, bool) {
	value, found := "", false
	for _, e := range a.io.Environ {
		if n, v, ok := strings.Cut(e, "="); ok && n == name {
			value, found = v, true
		}
	}
	return value, found
}

func rootCommand(a *app) *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   "mailhaul COMMAND [flags]",
		Short: "Move mailboxes from one mail server to another, each message exactly once.",
		Long: `Move mailboxes from one mail server to another, each message exactly once.

  mailhaul demo     see a whole migration on this machine, in one minute
  mailhaul init     begin a project of your own
  mailhaul plan     see what would be done
  mailhaul apply    do it; the same command again goes on where it stopped`,
		Args:          noWords,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(c *cobra.Command, _ []string) error {
			if version {
				return runVersion(a)
			}
			return c.Help()
		},
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := fromEnvironment(c.Flags(), a.env); err != nil {
				return err
			}
			if a.flags.json && !speaksJSON(c) {
				return usage("mailhaul "+below(c)+" answers in text only", "--json goes with: "+strings.Join(jsonCommands(), ", ")+".")
			}
			a.term = view.NewTerminal(a.io.Stdin, a.io.Stdout, a.io.Stderr, a.io.Environ, a.flags.color)
			a.term.Out.IsTerminal = a.term.Out.IsTerminal || a.io.ForPeople
			return nil
		},
	}
	root.SetOut(a.io.Stdout)
	root.SetErr(a.io.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	a.flags.register(root.PersistentFlags())
	root.Flags().BoolVar(&version, "version", false, "say which mailhaul this is")
	plainHelp(a, root)
	root.AddCommand(commands(a)...)
	root.SetHelpCommand(helpCommand(a))
	return root
}

// jsonCommands are the commands that answer in JSON.
func jsonCommands() []string {
	return []string{"plan", "apply", "verify", "folders", "validate", "status", "failures", "check", "probe", "state export",
		"version"}
}

// speaksJSON tells whether the command heeds --json. What is only passed on the way, as the root, doesn't mind.
func speaksJSON(c *cobra.Command) bool {
	return !c.HasParent() || slices.Contains(jsonCommands(), below(c))
}

// commands lists every command, in the order in which people meet them.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		demoCommand(a), initCommand(a), validateCommand(a), fmtCommand(a), schemaCommand(a), probeCommand(a), verifyCommand(a),
		foldersCommand(a),
		planCommand(a), applyCommand(a), statusCommand(a), failuresCommand(a), checkCommand(a), undoCommand(a), setupCommand(a), stateCommand(a),
		explainCommand(a), versionCommand(a), completionCommand(a), manCommand(a),
	}
}
