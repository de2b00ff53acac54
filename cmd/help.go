package cmd

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// pages are the help topics and the explanations of error codes, one file each.
//
//go:embed help/*.md explain/*.md
var pages embed.FS

// page reads one page; name has any case.
func page(dir, name string) (string, bool) {
	for _, known := range pageNames(dir) {
		if strings.EqualFold(known, name) {
			text, err := fs.ReadFile(pages, path.Join(dir, known+".md"))
			return string(text), err == nil
		}
	}
	return "", false
}

// pageNames lists the pages of dir, sorted.
func pageNames(dir string) []string {
	entries, err := fs.ReadDir(pages, dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".md"))
	}
	slices.Sort(names)
	return names
}

func helpCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "help [TOPIC | COMMAND]",
		Short: "read about a topic: " + strings.Join(pageNames("help"), ", "),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return pageNames("help"), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, words []string) error { return runHelp(a, c.Root(), words) },
	}
}

func runHelp(a *app, root *cobra.Command, words []string) error {
	if len(words) == 0 {
		return root.Help()
	}
	if text, ok := page("help", words[0]); ok && len(words) == 1 {
		return a.printPage(text)
	}
	if c, rest, err := root.Find(words); err == nil && c != root && len(rest) == 0 {
		return c.Help()
	}
	word := strings.Join(words, " ")
	known := append(pageNames("help"), commandNames(root)...)
	return usage(fmt.Sprintf("there is no help topic or command %q", word), didYouMean(word, known),
		"Topics: "+strings.Join(pageNames("help"), ", ")+".")
}

// printPage writes a page as it is; Markdown reads well enough on a terminal.
func (a *app) printPage(text string) error {
	_, err := fmt.Fprintln(a.term.Out, strings.TrimRight(text, "\n"))
	return err
}
