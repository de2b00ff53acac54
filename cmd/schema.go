package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
	"mailhaul/config"
)

func schemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [NAME]",
		Short: "print a JSON Schema: of the configuration, or of what --json gives",
		Long: `Print a JSON Schema. Without a name it is that of the configuration: an editor that is given it
completes and checks *.hcl.json files:  mailhaul schema > mailhaul.schema.json

With a name it is that of what a command answers with --json: ` + strings.Join(view.SchemaNames(), ", ") + `.
"events" is one line of apply --json.`,
		ValidArgs: append([]string{schemaConfig}, view.SchemaNames()...),
		Args:      optionalWord,
		RunE: func(_ *cobra.Command, words []string) error {
			text, err := schemaOf(words)
			if err == nil {
				_, err = a.term.Out.Write(text)
			}
			return err
		},
	}
}

// schemaConfig is the name of the schema of the configuration.
const schemaConfig = "config"

func schemaOf(words []string) ([]byte, error) {
	if len(words) == 0 || words[0] == schemaConfig {
		return config.JSONSchema(), nil
	}
	text, err := view.Schema(words[0])
	if err != nil {
		names := append([]string{schemaConfig}, view.SchemaNames()...)
		return nil, usage(err.Error(), didYouMean(words[0], names), "Schemas: "+strings.Join(names, ", ")+".")
	}
	return text, nil
}
