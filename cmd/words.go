package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// didYouMean gives the question that names the nearest known word; empty where none is near.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	return ""
}

// nearest finds the known word that a person most likely meant: a third of its letters may be wrong.
func nearest(word string, known []string) string {
	best, distance := "", len(word)/3+2
	for _, k := range known {
		d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(k), nil)
		if strings.HasPrefix(k, word) && len(word) > 1 {
			d = 1
		}
		if d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	return best
}

// commandNames lists what may follow c.
func commandNames(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// noWords refuses every word after the command.
func noWords(c *cobra.Command, words []string) error {
	if len(words) == 0 {
		return nil
	}
	switch {
	case !c.HasSubCommands():
		return usage(fmt.Sprintf("%s takes no word, but there is %q", below(c), words[0]), seeHelp(c))
	case c.HasParent():
		return usage(fmt.Sprintf("there is no command %q", below(c)+" "+words[0]), didYouMean(words[0], commandNames(c)), seeHelp(c))
	case slices.Contains(laterCommands(), words[0]):
		return usage(fmt.Sprintf("this version of mailhaul has no command %q yet", words[0]),
			"What it can't do yet stands in the README. All commands: mailhaul help")
	}
	return usage(fmt.Sprintf("there is no command %q", words[0]), didYouMean(words[0], commandNames(c)), "All commands: mailhaul help")
}

// laterCommands are commands whose blocks the configuration language has already.
func laterCommands() []string { return []string{"report", "cutover", "notify"} }

// oneWord asks for exactly one word; what says which.
func oneWord(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, words []string) error {
		switch len(words) {
		case 0:
			return usage(fmt.Sprintf("%s needs %s", below(c), what), seeHelp(c))
		case 1:
			return nil
		}
		return usage(fmt.Sprintf("%s takes one word, but there is %q too", below(c), words[1]), seeHelp(c))
	}
}

// someWords asks for one word or more; what says which.
func someWords(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, words []string) error {
		if len(words) == 0 {
			return usage(fmt.Sprintf("%s needs %s", below(c), what), seeHelp(c))
		}
		return nil
	}
}

// optionalWord takes one word or none.
func optionalWord(c *cobra.Command, words []string) error {
	if len(words) <= 1 {
		return nil
	}
	return usage(fmt.Sprintf("%s takes one word at most, but there is %q too", below(c), words[1]), seeHelp(c))
}

// below is the command's path without the program's name.
func below(c *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), c.Root().Name()), " ")
}

func seeHelp(c *cobra.Command) string { return "See: " + c.CommandPath() + " --help" }

// flagError says in our words what pflag found, with the nearest flag.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown)
	case errors.As(err, &empty):
		return usage(fmt.Sprintf("--%s needs a value", empty.GetSpecifiedName()), seeHelp(c))
	case errors.As(err, &invalid):
		return usage(fmt.Sprintf("--%s can't be %q", invalid.GetFlag().Name, invalid.GetValue()), takes(invalid), seeHelp(c))
	}
	return usage(err.Error(), seeHelp(c))
}

// takes says what a flag takes; what the library says of numbers is no sentence for people.
func takes(invalid *pflag.InvalidValueError) string {
	switch invalid.GetFlag().Value.Type() {
	case "duration":
		return "It takes a number and a unit (s, m or h), such as 90m or 8h."
	case "int":
		return "It takes a whole number."
	case "bool":
		return "It takes true or false, or stands alone."
	}
	return sentence(errors.Unwrap(invalid))
}

func unknownFlag(c *cobra.Command, unknown *pflag.NotExistError) error {
	if words := c.Flags().Args(); c.HasSubCommands() && len(words) > 0 {
		return noWords(c, words) // the flag is of a command that there is not
	}
	dashes := "--"
	if unknown.GetSpecifiedShortnames() != "" {
		dashes = "-"
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	hint := ""
	if near := nearest(unknown.GetSpecifiedName(), known); slices.Contains(commandNames(c.Root()), unknown.GetSpecifiedName()) {
		hint = fmt.Sprintf("Did you mean the command \"mailhaul %s\"?", unknown.GetSpecifiedName())
	} else if near != "" {
		hint = fmt.Sprintf("Did you mean --%s?", near)
	}
	name := below(c)
	if name == "" {
		name = "mailhaul"
	}
	return usage(fmt.Sprintf("%s has no flag %s%s", name, dashes, unknown.GetSpecifiedName()), hint, seeHelp(c))
}

// sentence makes a sentence of an error's text.
func sentence(err error) string {
	if err == nil || err.Error() == "" {
		return ""
	}
	text := err.Error()
	if first, _, _ := strings.Cut(text, " "); !strings.ContainsAny(strings.TrimRight(first, ".,:;"), "./@") { // names stay as they are written
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
