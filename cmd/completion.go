package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func completionCommand(a *app) *cobra.Command {
	shells := []string{"bash", "fish", "powershell", "zsh"}
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "print the completion script for " + strings.Join(shells, ", "),
		Long:      "Print the completion script of a shell. For bash:\n\n  source <(mailhaul completion bash)",
		Args:      oneWord("a shell: " + strings.Join(shells, ", ")),
		ValidArgs: shells,
		RunE: func(c *cobra.Command, words []string) error {
			return runCompletion(c.Root(), a.term.Out, words[0], shells)
		},
	}
}

func runCompletion(root *cobra.Command, out io.Writer, shell string, shells []string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "fish":
		return root.GenFishCompletion(out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(out)
	case "zsh":
		return root.GenZshCompletion(out)
	}
	return usage(fmt.Sprintf("there is no completion for the shell %q", shell), didYouMean(shell, shells),
		"Shells: "+strings.Join(shells, ", ")+".")
}
