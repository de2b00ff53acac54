package cmd

import (
	"context"
	"fmt"
	"path"
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
		return nil, usage(fmt.Sprintf("there is no wave %q", c.wave), didYouMean(c.wave, keys(waves)))
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

func noMailbox(pattern string, cfg *config.Config) error {
	if strings.ContainsAny(pattern, "*?[") {
		return usage(fmt.Sprintf("no mailbox fits %q", pattern))
	}
	var names []string
	for _, m := range cfg.Mailboxes {
		names = append(names, m.Name())
	}
	return usage(fmt.Sprintf("there is no mailbox %q", pattern), didYouMean(pattern, names))
}

func keys(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	return names
}

// completeMailboxes offers the addresses of the project to the shell. No program of the configuration is run for that,
// and what is missing in the environment is made up: passwords play no part.
func completeMailboxes(a *app) cobra.CompletionFunc {
	const madeUp = "x"
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		cfg, diagnostics := config.Load(a.flags.chdir, config.Options{
			Context:    c.Context(),
			Env:        func(string) (string, bool) { return madeUp, true },
			RunCommand: func(context.Context, string, []string) ([]byte, error) { return []byte(madeUp), nil },
			Version:    Version,
		})
		if diagnostics.HasErrors() {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, m := range cfg.Mailboxes {
			names = append(names, m.Name())
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
