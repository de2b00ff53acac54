package cmd

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"mailhaul/cmd/view"
)

// Version is this release.
const Version = "0.1.0"

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "say which mailhaul this is",
		Args:  noWords,
		RunE:  func(*cobra.Command, []string) error { return runVersion(a) },
	}
}

func runVersion(a *app) error {
	v := view.Version{Version: Version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	v.Commit, v.Built = built()
	if a.flags.json {
		return view.VersionJSON(a.term.Out, v)
	}
	return view.VersionText(a.term.Out, v)
}

// built is the revision that the binary was made from and its date, where the Go tool has recorded them.
func built() (commit, date string) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case "vcs.time":
			date = s.Value
		}
	}
	return commit, date
}
