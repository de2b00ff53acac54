package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mailhaul/config"
)

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
