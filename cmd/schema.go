package cmd

import (
	"github.com/spf13/cobra"

	"mailhaul/config"
)

func schemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print a JSON Schema of the configuration, for editors",
		Long: "Print the configuration language as a JSON Schema. An editor that is given it completes and checks\n" +
			"*.hcl.json files:  mailhaul schema > mailhaul.schema.json",
		Args: noWords,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.term.Out.Write(config.JSONSchema())
			return err
		},
	}
}
