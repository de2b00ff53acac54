package cmd

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
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

// helpColumns is how wide the help of a command is at most.
const helpColumns = 80

// plainHelp gives every command the short form of help.
func plainHelp(a *app, root *cobra.Command) {
	root.SetUsageFunc(func(c *cobra.Command) error {
		_, err := fmt.Fprint(c.OutOrStderr(), usageText(c))
		return err
	})
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		if words := c.Flags().Args(); c.HasSubCommands() && len(words) > 0 && c.CalledAs() != "" {
			a.noHelp = noWords(c, words) // help for a command that there is not
			return
		}
		// Nobody is left to tell where the help itself can't be written.
		_, _ = fmt.Fprint(c.OutOrStdout(), view.Prose(about(c), helpColumns)+"\n"+usageText(c))
	})
}

// about says what a command is for, in full sentences.
func about(c *cobra.Command) string {
	return cmp.Or(c.Long, strings.ToUpper(c.Short[:1])+c.Short[1:]+".")
}

// usageText is the part of a command's help that the library knows. Global flags are listed by "mailhaul --help" only.
func usageText(c *cobra.Command) string {
	var b strings.Builder
	b.WriteString("Usage: " + c.UseLine() + "\n")
	if c.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				b.WriteString(view.HelpEntry(sub.Name(), sub.NamePadding(), sub.Short, helpColumns))
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		b.WriteString("\nFlags:\n" + strings.TrimRight(c.LocalFlags().FlagUsagesWrapped(helpColumns), " \n") + "\n")
	}
	if c.HasAvailableInheritedFlags() {
		b.WriteString("\nFlags of every command: mailhaul --help    Exit codes: mailhaul help exit-codes\n")
	}
	return b.String()
}
