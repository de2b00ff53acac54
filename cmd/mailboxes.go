package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/config"
)

// chosen are the words that choose mailboxes: addresses or globs, and a wave.
type chosen struct {
	patterns []string
	wave     string
}

// from gives the chosen mailboxes of the configuration, in its order. A word that fits none is an error.
func (c chosen) from(cfg *config.Config) ([]*config.Mailbox, error) {
	used := make([]bool, len(c.patterns))
	waves := map[string]bool{}
	var found []*config.Mailbox
	for _, m := range cfg.Mailboxes {
		waves[m.Wave] = true
		if c.fits(m.Name(), used) && (c.wave == "" || c.wave == m.Wave) {
			found = append(found, m)
		}
	}
	for i, pattern := range c.patterns {
		if !used[i] {
			return nil, noMailbox(pattern, cfg)
		}
	}
	if c.wave != "" && !waves[c.wave] {
		return nil, noWave(c.wave, keys(waves))
	}
	return found, nil
}

// fits tells whether a pattern names the mailbox, and marks those that do.
func (c chosen) fits(name string, used []bool) bool {
	fit := len(c.patterns) == 0
	for i, pattern := range c.patterns {
		if matches(pattern, name) {
			used[i], fit = true, true
		}
	}
	return fit
}

// matches compares without case: addresses are people's words here.
func matches(pattern, name string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(name))
	return err == nil && ok || strings.EqualFold(pattern, name)
}

// namesMailbox tells whether a word in the place of a file is meant for a mailbox: it looks like an address or a glob, and
// no file has that name.
func namesMailbox(word string) bool {
	_, err := os.Stat(word)
	return strings.ContainsAny(word, "@*?[") && errors.Is(err, fs.ErrNotExist)
}

func noMailbox(pattern string, cfg *config.Config) error {
	if strings.ContainsAny(pattern, "*?[") {
		return usage(fmt.Sprintf("no mailbox fits %q", pattern))
	}
	var names []string
	summary := fmt.Sprintf("there is no mailbox %q", pattern)
	for _, m := range cfg.Mailboxes {
		if strings.EqualFold(m.Destination.Address, pattern) {
			return usage(summary, fmt.Sprintf("%q is the destination of %q; did you mean that?", pattern, m.Name()))
		}
		names = append(names, m.Name())
	}
	if hint := didYouMean(pattern, names); hint != "" {
		return usage(summary, hint)
	}
	const most = 5
	few := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		few += fmt.Sprintf(" and %d more", more)
	}
	return usage(summary, notAMailbox(pattern), "Mailboxes: "+few+".")
}

// notAMailbox says what a word is that names a file; empty where there is none.
func notAMailbox(word string) string {
	if info, err := os.Stat(word); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return "It is a file. To carry out a saved plan:  mailhaul apply " + word
}

// noWave names the waves that there are; a mailbox without one is in the wave "".
func noWave(name string, all []string) error {
	var names []string
	for _, wave := range all {
		if wave != "" {
			names = append(names, wave)
		}
	}
	summary := fmt.Sprintf("there is no wave %q", name)
	if len(names) == 0 {
		return usage(summary, "The users file has no column \"wave\", or nothing in it.")
	}
	slices.Sort(names)
	return usage(summary, didYouMean(name, names), "Waves: "+strings.Join(names, ", ")+".")
}

func keys(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	return names
}

// completeMailboxes offers the addresses of the project to the shell.
func completeMailboxes(a *app) cobra.CompletionFunc {
	return a.complete(func(cfg *config.Config) []string {
		var names []string
		for _, m := range cfg.Mailboxes {
			names = append(names, m.Name())
		}
		return names
	})
}

// completePasses offers the names of the passes to the shell, as the values of --pass.
func completePasses(a *app, c *cobra.Command) {
	names := a.complete(func(cfg *config.Config) []string {
		var names []string
		for _, p := range cfg.Passes {
			names = append(names, p.Name)
		}
		return names
	})
	_ = c.RegisterFlagCompletionFunc("pass", names) // fails only where the flag is not defined
}

// envOr gives what is missing in the environment the value otherwise; values of variables are not made up, as they have
// types.
func (a *app) envOr(otherwise string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if v, ok := a.env(name); ok || strings.HasPrefix(name, config.VariablePrefix) {
			return v, ok
		}
		return otherwise, true
	}
}

// complete offers words of the configuration. No program of it is run for that, and what is missing in the environment
// is made up: passwords play no part.
func (a *app) complete(words func(*config.Config) []string) cobra.CompletionFunc {
	const madeUp = "x"
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		cfg, diagnostics := config.Load(a.flags.chdir, config.Options{
			Context:    c.Context(),
			Env:        a.envOr(madeUp),
			RunCommand: func(context.Context, string, []string) ([]byte, error) { return []byte(madeUp), nil },
			Version:    Version,
			Vars:       a.flags.vars,
			VarFiles:   a.flags.varFiles,
		})
		if diagnostics.HasErrors() {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words(cfg), cobra.ShellCompDirectiveNoFileComp
	}
}
