package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// globals are the flags that every command has.
type globals struct {
	chdir    string
	vars     []string
	varFiles []string
	state    string
	json     bool
	color    string
	progress string
	quiet    bool
	verbose  bool
	trace    string
	noInput  bool
}

func (g *globals) register(flags *pflag.FlagSet) {
	flags.StringVar(&g.chdir, "chdir", ".", "work in the project of this `DIR`")
	flags.StringArrayVar(&g.vars, "var", nil, "give a variable a value: `NAME=VALUE`; may be repeated")
	flags.StringArrayVar(&g.varFiles, "var-file", nil, "read values of variables from `FILE`; may be repeated")
	flags.StringVar(&g.state, "state", "", "state `FILE` (default: what the configuration says, or mailhaul.state)")
	flags.BoolVar(&g.json, "json", false, "answer in JSON on stdout")
	flags.Var(newChoice(&g.color, "auto", "always", "never"), "color", "colour: auto, always or never")
	flags.Var(newChoice(&g.progress, "auto", "live", "lines", "none"), "progress",
		"progress: auto, live, lines or none")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "say the result only")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "leave nothing out of lists")
	flags.StringVar(&g.trace, "trace", "", "write what is said to servers into files in this `DIR`, without secrets")
	flags.BoolVar(&g.noInput, "no-input", false, "never ask; a question is an error")
}

// fromEnvironment gives flags that were not typed the values of their variables; flags win.
func fromEnvironment(flags *pflag.FlagSet, env func(string) (string, bool)) error {
	for _, name := range []string{"state", "pass", "progress", "no-input", "trace"} {
		variable := "MAILHAUL_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		f := flags.Lookup(name)
		value, set := env(variable)
		if f == nil || f.Changed || !set || value == "" {
			continue
		}
		if err := flags.Set(name, value); err != nil {
			return usage(fmt.Sprintf("the environment variable %s can't be %q", variable, value),
				fmt.Sprintf("It stands for --%s: %s.", name, strings.TrimPrefix(f.Usage, name+": ")))
		}
	}
	return nil
}

// choice is a flag that takes one of some words.
type choice struct {
	value *string
	words []string
}

// newChoice makes a choice whose default is the first word.
func newChoice(value *string, words ...string) *choice {
	*value = words[0]
	return &choice{value: value, words: words}
}

// String gives the chosen word.
func (c *choice) String() string { return *c.value }

// Type names the value in help texts.
func (c *choice) Type() string { return "WORD" }

// Set takes one of the words.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		text := "allowed are " + strings.Join(c.words, ", ")
		if hint := didYouMean(word, c.words); hint != "" {
			text += ". " + hint
		}
		return errors.New(text)
	}
	*c.value = word
	return nil
}

// percent is a flag that takes a whole percentage, with or without its sign.
type percent int

func (p *percent) String() string {
	if *p == 0 {
		return ""
	}
	return strconv.Itoa(int(*p))
}

func (p *percent) Type() string { return "PERCENT" }

func (p *percent) Set(text string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
	if err != nil || n < 1 || n > 100 {
		return errors.New("it takes a percentage from 1 to 100")
	}
	*p = percent(n)
	return nil
}
