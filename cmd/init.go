package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
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
	c.Flags().StringVar(&f.fromHost, "from-host", "", "`HOST` that the mail is on now")
	c.Flags().Var(newChoice(&f.to, "imap", "microsoft365"), "to", "kind of the destination: imap or microsoft365")
	c.Flags().StringVar(&f.toHost, "to-host", "", "`HOST` that the mail goes to")
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
	return a.saidInit(files)
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

// askInit fills f from flags and, on a terminal, from at most five questions.
func askInit(a *app, f *initFlags, given func(string) bool) error {
	if f.to == "microsoft365" {
		return notMicrosoft365()
	}
	questions := []question{
		{flag: "from-host", text: "Which server is the mail on now? ", answer: &f.fromHost},
		{flag: "to", text: "What kind of server does it go to, imap or microsoft365? [imap] ", answer: &f.to, optional: true},
		{flag: "to-host", text: "Which server does it go to? ", answer: &f.toHost},
		{flag: "users", text: "Have you a CSV file of the users? Its name, or nothing for an example: ",
			answer: &f.users, optional: true},
		{flag: "older-than", text: "Mail of which age may move ahead, before the switch? [90d] ",
			answer: &f.olderThan, optional: true},
	}
	for _, q := range questions {
		if given(q.flag) {
			continue
		}
		if err := a.askOrDefault(q); err != nil {
			return err
		}
		if f.to == "microsoft365" {
			return notMicrosoft365()
		}
		if f.to != "imap" {
			return usage(fmt.Sprintf("there is no kind of destination %q", f.to),
				didYouMean(f.to, []string{"imap", "microsoft365"}), "Allowed are imap and microsoft365.")
		}
	}
	return nil
}

func notMicrosoft365() error {
	return fail("CONFIG-NOT-SUPPORTED", "this version copies to IMAP servers only; nothing was written",
		"Microsoft 365 as a destination is part of the language, but mailhaul "+Version+
			" does not carry it out yet.")
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

func (a *app) saidInit(files []starterFile) error {
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	cd := ""
	if a.flags.chdir != "." {
		cd = " --chdir " + a.flags.chdir
	}
	_, err := fmt.Fprintf(a.term.Out, `Written: %s.

Next:  put the users and their passwords into the CSV file, then
       mailhaul%s validate     check it, offline
       mailhaul%s verify       sign in everywhere, copy nothing
       mailhaul%s apply        the rest, step by step
`, strings.Join(names, ", "), cd, cd, cd)
	return err
}
