package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state/mail"
)

// stateName is the state file's name as people see it.
func stateName(cfg *config.Config) string { return filepath.Base(cfg.Project.State) }

// tellFile says what is to be known of the state file before it is opened.
func (a *app) tellFile(cfg *config.Config) {
	a.tellBackup(cfg)
	a.tellLarge(cfg)
}

// tellBackup says that the state file is missing while its copy is there: whoever lost it had better put the copy in its
// place than begin anew.
func (a *app) tellBackup(cfg *config.Config) {
	file := cfg.Project.State
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if _, err := os.Stat(file + ".backup"); err == nil {
		name := filepath.Base(file)
		a.say(fmt.Sprintf("There is no %s, but %s.backup is there. If it was lost, stop here and copy", name, name))
		a.say(fmt.Sprintf("the backup to %s: without it mail is recognised by its content alone.", name))
	}
}

// largeState is the size from which on a person wonders why nothing happens while a state file is tested.
const largeState = 64 * mail.MB

// tellLarge says that a large state file is tested before it is used, which takes about a second for a million messages.
func (a *app) tellLarge(cfg *config.Config) {
	info, err := os.Stat(cfg.Project.State)
	if err == nil && info.Size() >= int64(largeState) && !a.silent() {
		a.say(fmt.Sprintf("Testing %s, %s ...", stateName(cfg), view.Size(mail.Size(info.Size()))))
	}
}
