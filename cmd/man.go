package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailhaul/cmd/view"
)

// manCommand is hidden: it is for those who make packages, and for the Makefile.
func manCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "write the manual pages into a directory",
		Long:   "Write the manual pages into a directory: one for each command, one for each help\ntopic. They are made of the texts that the help shows.",
		Args:   oneWord("a directory"),
		Hidden: true,
		RunE:   func(c *cobra.Command, words []string) error { return runMan(a, c.Root(), words[0]) },
	}
}

func runMan(a *app, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail("", "the directory for manual pages can't be made", sentence(err))
	}
	pages := append(manPages(root), manTopics()...)
	for _, p := range pages {
		if err := writeMan(filepath.Join(dir, p.File()), p); err != nil {
			return fail("", "a manual page can't be written", sentence(err))
		}
	}
	_, err := fmt.Fprintf(a.term.Out, "%s written to %s\n", view.Plural(len(pages), "manual page"), view.Safe(dir))
	return err
}

func writeMan(path string, p view.ManPage) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(view.Man(f, p), f.Close())
}

// manPages gives the pages of a command and of all below it.
func manPages(c *cobra.Command) []view.ManPage {
	pages := []view.ManPage{manPage(c)}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			pages = append(pages, manPages(sub)...)
		}
	}
	return pages
}

// manPage is the page of one command, as its help has it.
func manPage(c *cobra.Command) view.ManPage {
	c.InitDefaultHelpFlag()
	p := view.ManPage{Name: manName(c), Section: 1, Version: Version, Short: strings.TrimSuffix(c.Short, "."), Synopsis: c.UseLine(), Text: about(c)}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			p.Commands = append(p.Commands, view.ManEntry{Name: strings.TrimPrefix(sub.CommandPath(), c.Root().Name()+" "), Usage: sub.Short})
			p.See = append(p.See, manName(sub)+"(1)")
		}
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			p.Options = append(p.Options, manFlag(f))
		}
	})
	if !c.HasParent() {
		for _, t := range manTopics() {
			p.See = append(p.See, t.Name+"(7)")
		}
		return p
	}
	p.Text += "\n\nThe flags of every command stand in `" + c.Root().Name() + "(1)`."
	p.See = append([]string{manName(c.Parent()) + "(1)"}, p.See...)
	return p
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manFlag is a flag as the help has it, its default among the words.
func manFlag(f *pflag.Flag) view.ManEntry {
	value, usage := pflag.UnquoteUsage(f)
	e := view.ManEntry{Name: "--" + f.Name, Value: value, Usage: usage}
	if f.Shorthand != "" {
		e.Name = "-" + f.Shorthand + ", " + e.Name
	}
	switch f.DefValue {
	case "", "false", "0", "[]":
	default:
		e.Usage += " (default " + f.DefValue + ")"
	}
	return e
}

// manTopics are the pages of the help topics. The first line of a topic is "# name: what it is about".
func manTopics() []view.ManPage {
	var all []view.ManPage
	for _, name := range pageNames("help") {
		text, _ := page("help", name) // the names come from the same place
		title, rest, _ := strings.Cut(text, "\n")
		_, short, _ := strings.Cut(title, ": ")
		all = append(all, view.ManPage{Name: "mailhaul-" + name, Section: 7, Version: Version, Short: short, Text: rest, See: []string{"mailhaul(1)"}})
	}
	return all
}
