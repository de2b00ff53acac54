package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
)

// initFlags are the answers of init; what is empty is asked.
type initFlags struct {
	fromHost  string
	to        string
	toHost    string
	users     string
	olderThan string
	tenant    string
	wizFiles  []string
	wiz       *migrationWiz   // nil without --from-migrationwiz
	made      map[string]bool // answers that are made up, by their flag
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
	c.Flags().Var(newChoice(&f.to, "imap", "microsoft365"), "to", "kind of the destination: imap or microsoft365")
	c.Flags().StringVar(&f.toHost, "to-host", "", "`HOST` or HOST:PORT that the mail goes to")
	c.Flags().StringVar(&f.users, "users", "", "CSV `FILE` of the users that you have already")
	c.Flags().StringVar(&f.tenant, "tenant", "", "`NAME` or id of the Microsoft 365 tenant, as contoso.onmicrosoft.com")
	c.Flags().StringArrayVar(&f.wizFiles, "from-migrationwiz", nil, "convert a bulk-add CSV `FILE`, or one of support options; may be repeated")
	c.Flags().StringVar(&f.olderThan, "older-than", "90d", "`AGE` of the mail that the prestage pass moves ahead")
	return c
}

func runInit(a *app, f *initFlags, given func(string) bool) error {
	if err := os.MkdirAll(a.flags.chdir, 0o700); err != nil {
		return fail("CONFIG-FILE", "the project's directory can't be made", sentence(err))
	}
	given, err := f.convert(given)
	if err != nil {
		return err
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
		if err := os.MkdirAll(filepath.Dir(filepath.Join(a.flags.chdir, file.name)), 0o700); err != nil {
			return fail("CONFIG-FILE", "the project's directory can't be made", sentence(err))
		}
		if err := writeNew(filepath.Join(a.flags.chdir, file.name), file.text); err != nil {
			return err
		}
	}
	return a.saidInit(f, files)
}

// convert reads the files of MigrationWiz, which answer some of the questions; what they leave open is made up, because
// no file of MigrationWiz names a server.
func (f *initFlags) convert(given func(string) bool) (func(string) bool, error) {
	if len(f.wizFiles) == 0 {
		return given, nil
	}
	wiz, err := readMigrationWiz(f.wizFiles)
	if err != nil {
		return nil, err
	}
	f.wiz, f.made = wiz, map[string]bool{}
	if !given("users") {
		f.users = wiz.csv
	}
	if !given("to") && (wiz.imports != application{}) {
		f.to = "microsoft365"
	}
	for flag, host := range map[string]*string{"from-host": &f.fromHost, "to-host": &f.toHost} {
		if *host == "" {
			f.made[flag] = true
			*host = map[string]string{"from-host": "mail.old.example", "to-host": "mail.new.example"}[flag]
		}
	}
	if f.made["from-host"] && wiz.export == (application{}) {
		wiz.leave("the server of the source", "no file names it: write it into mailhaul.hcl, or use --from-host")
	}
	if f.made["to-host"] && f.to != "microsoft365" {
		wiz.leave("the server of the destination", "no file names it: write it into mailhaul.hcl, or use --to-host or --to microsoft365")
	}
	answered := func(string) bool { return true }
	if f.users == "" && wiz.rows == "" {
		answered = func(flag string) bool { return flag != "users" }
	}
	return answered, nil
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
	first := "put the users and their passwords into users.csv"
	switch {
	case f.users != "":
		first = "look through mailhaul.hcl, which reads the users from " + f.users
	case f.wiz != nil && f.wiz.rows != "":
		first = "look through mailhaul.hcl and the users in users.csv"
	}
	if slices.Contains(names, secretFile) {
		first += ",\n       and the client secret of your application into " + secretFile
	}
	cd := ""
	if a.flags.chdir != "." {
		cd = " --chdir " + a.flags.chdir
	}
	if f.wiz != nil && len(f.wiz.left) > 0 {
		if err := errors.Join(view.Paragraph(a.term.Out, "Not converted from MigrationWiz:", ""),
			view.Paragraph(a.term.Out, "- "+strings.Join(f.wiz.left, "\n- "), "  ")); err != nil {
			return err
		}
		blank(a.term.Out)
	}
	_, err := fmt.Fprintf(a.term.Out, `Written: %s.

Next:  %s, then
       mailhaul%s validate     check it, offline
       mailhaul%s verify       sign in everywhere, copy nothing
       mailhaul%s apply        the rest, step by step
`, strings.Join(names, ", "), first, cd, cd, cd)
	return err
}
