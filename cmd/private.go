package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"mailhaul/config"
)

// exposed warns of users files that hold passwords and that others on this machine may read or write.
func (a *app) exposed(cfg *config.Config) config.Diagnostics {
	if runtime.GOOS == "windows" { // the mode there says nothing about who may read
		return nil
	}
	var found config.Diagnostics
	looked := map[string]bool{}
	for _, m := range cfg.Mailboxes {
		name := m.Range.File
		if looked[name] || m.Source.Password.IsZero() && m.Destination.Password.IsZero() {
			continue
		}
		looked[name] = true
		path := filepath.FromSlash(name)
		if !filepath.IsAbs(path) {
			path = filepath.Join(a.flags.chdir, path)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			found = append(found, config.Diagnostic{Severity: config.Warning, Code: config.CodeSecret,
				Summary: fmt.Sprintf("others on this machine may read %s, which holds passwords", name),
				Detail:  fmt.Sprintf("Its permissions are %04o. To keep it to yourself:  chmod 600 %s", info.Mode().Perm(), path)})
		}
	}
	return found
}
