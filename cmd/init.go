package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/config"
)

// initFlags are the answers of init; what is empty is asked.
type initFlags struct {
	fromHost  string
	to        string
	toHost    string
	users     string
	olderThan string
}

func initCommand(a *app) *cobra.Command {
	f := &initFlags{}
	c := &cobra.Command{
		Use:   "init",
		Short: "write a starter mailhaul.hcl and users.csv",
		Long: "Write a starter mailhaul.hcl and users.csv into the project's directory. What flags leave open is asked\n" +
			"on the terminal. Files that are there are never overwritten.",
		Args: noWords,
		RunE: func(c *cobra.Command, _ []string) error { return runInit(a, f, c.Flags().Changed) },
	}
	c.Flags().StringVar(&f.fromHost, "from-host", "", "`HOST` or HOST:PORT that the mail is on now")
	c.Flags().Var(newChoice(&f.to, "imap", "microsoft365"), "to", "kind of the destination; init writes projects for imap only")
	c.Flags().StringVar(&f.toHost, "to-host", "", "`HOST` or HOST:PORT that the mail goes to")
	c.Flags().StringVar(&f.users, "users", "", "CSV `FILE` of the users that you have already")
	c.Flags().StringVar(&f.olderThan, "older-than", "90d", "`AGE` of the mail that the prestage pass moves ahead")
	return c
}

func runInit(a *app, f *initFlags, given func(string) bool) error {
	if err := os.MkdirAll(a.flags.chdir, 0o700); err != nil {
		return fail("CONFIG-FILE", "the project's directory can't be made", sentence(err))
	}
	if err := a.nothingThere(f); err != nil {
		return err
	}
	if err := askInit(a, f, given); err != nil {
		return err
	}
	files, err := starterFiles(a.flags.chdir, f)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := writeNew(filepath.Join(a.flags.chdir, file.name), file.text); err != nil {
			return err
		}
	}
	return a.saidInit(f, files)
}

// nothingThere refuses to begin where a project or a users.csv is already.
func (a *app) nothingThere(f *initFlags) error {
	old, err := filepath.Glob(filepath.Join(a.flags.chdir, "*.hcl"))
	if err == nil && len(old) == 0 && f.users == "" {
		old, err = filepath.Glob(filepath.Join(a.flags.chdir, "users.csv"))
	}
	if err != nil || len(old) == 0 {
		return err
	}
	return usage(fmt.Sprintf("%s is there already; nothing was written", old[0]),
		"Begin in an empty directory:  mailhaul --chdir DIR init",
		"A users file that you have is named by:  mailhaul init --users FILE")
}

// askInit fills f from flags and, on a terminal, from at most four questions. An answer that the configuration would
// refuse is asked for again, or refused where a flag gave it.
func askInit(a *app, f *initFlags, given func(string) bool) error {
	if f.to == "microsoft365" {
		return notMicrosoft365()
	}
	questions := []question{
		{flag: "from-host", text: "Which server is the mail on now? ", answer: &f.fromHost,
			check: func(answer string) error { return tried(initFlags{fromHost: answer}) }},
		{flag: "to-host", text: "Which server does it go to? ", answer: &f.toHost,
			check: func(answer string) error { return tried(initFlags{toHost: answer}) }},
		{flag: "users", text: "Have you a CSV file of the users? Its name, or nothing for an example: ",
			answer: &f.users, optional: true, check: readable},
		{flag: "older-than", text: "Mail of which age may move ahead, before the switch? [90d] ", answer: &f.olderThan,
			optional: true, check: func(answer string) error { return tried(initFlags{olderThan: answer}) }},
	}
	for _, q := range questions {
		if !given(q.flag) {
			if err := a.askOrDefault(q); err != nil {
				return err
			}
		} else if err := q.wrong(*q.answer); err != nil {
			return usage(fmt.Sprintf("--%s can't be %q; nothing was written", q.flag, *q.answer), sentence(err),
				"See: mailhaul init --help")
		}
	}
	return nil
}

// tried says why the configuration would refuse the answer that f holds; the others are made up.
func tried(f initFlags) (err error) {
	f.fromHost, f.toHost = cmp.Or(f.fromHost, "old.example"), cmp.Or(f.toHost, "new.example")
	f.olderThan = cmp.Or(f.olderThan, "90d")
	dir, err := os.MkdirTemp("", "mailhaul-init-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := starterFiles(dir, &f)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := writeNew(filepath.Join(dir, file.name), file.text); err != nil {
			return err
		}
	}
	_, diagnostics := config.Load(dir, config.Options{Version: Version})
	for _, d := range diagnostics {
		if d.Severity == config.Error {
			return errors.New(strings.TrimSpace(sentence(errors.New(d.Summary)) + " " + d.Detail))
		}
	}
	return nil
}

// readable tells whether the users file has a line of column names.
func readable(name string) error {
	_, err := heading(name)
	return err
}

func notMicrosoft365() error {
	return fail("CONFIG-NOT-SUPPORTED", "init writes projects between IMAP servers only; nothing was written",
		"For Microsoft 365 begin with the project in examples/imap-to-microsoft365, and with: mailhaul help microsoft365")
}

// writeNew writes a file that must not be there yet. It is for the owner's eyes only: users.csv holds passwords.
func writeNew(name, text string) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fail("CONFIG-FILE", name+" can't be written", sentence(err))
	}
	if _, err = file.WriteString(text); err == nil {
		err = file.Close()
	}
	if err != nil {
		return fail("CONFIG-FILE", name+" can't be written", sentence(err))
	}
	return nil
}

func (a *app) saidInit(f *initFlags, files []starterFile) error {
	var names []string
	for _, file := range files {
		names = append(names, file.name)
	}
	first := "put the users and their passwords into " + files[len(files)-1].name
	if f.users != "" {
		first = "look through mailhaul.hcl, which reads the users from " + f.users
	}
	cd := ""
	if a.flags.chdir != "." {
		cd = " --chdir " + a.flags.chdir
	}
	_, err := fmt.Fprintf(a.term.Out, `Written: %s.

Next:  %s, then
       mailhaul%s validate     check it, offline
       mailhaul%s verify       sign in everywhere, copy nothing
       mailhaul%s apply        the rest, step by step
`, strings.Join(names, ", "), first, cd, cd, cd)
	return err
}
