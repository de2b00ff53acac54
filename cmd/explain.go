package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func explainCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE",
		Short: "explain one error code in full",
		Args:  oneWord("an error code, for example IMAP-LOGIN-REFUSED"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return pageNames("explain"), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, words []string) error { return runExplain(a, words[0]) },
	}
}

func runExplain(a *app, code string) error {
	if text, ok := page("explain", code); ok {
		return a.printPage(text)
	}
	return usage(fmt.Sprintf("there is no error code %q", code),
		didYouMean(strings.ToUpper(code), pageNames("explain")),
		"Codes: "+strings.Join(pageNames("explain"), ", ")+".")
}
