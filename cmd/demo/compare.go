package demo

import (
	"fmt"
	"slices"
)

// Difference is one folder in which both sides are not equal.
type Difference struct {
	Mailbox string // the source's user
	Folder  string // the destination's folder
	// Missing and Extra count messages; a message whose date or flags differ counts once in each.
	Missing, Extra int
}

// String is one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s, %s: %d missing, %d extra", d.Mailbox, d.Folder, d.Missing, d.Extra)
}

// Compare holds every mailbox of People against its copy: octets by SHA-256, INTERNALDATE with its zone, flags. target
// gives the destination's folder of a source folder; an empty name leaves the folder out. It knows nothing of how the copy was
// made. It gives the number of messages that are equal, and the folders that are not.
func Compare(source, destination *Server, target func(p Person, folder string) string) (int, []Difference) {
	equal := 0
	var differences []Difference
	for _, p := range People() {
		want, got := make(map[string]map[string]int), make(map[string]map[string]int)
		for _, f := range source.Folders(p.Source) {
			if to := target(p, f); to != "" {
				gather(want, to, source.Messages(p.Source, f))
			}
		}
		for _, f := range destination.Folders(p.Destination) {
			gather(got, f, destination.Messages(p.Destination, f))
		}
		n, d := diff(p.Source, want, got)
		equal += n
		differences = append(differences, d...)
	}
	return equal, differences
}

// gather counts the messages of a folder by what makes them equal.
func gather(into map[string]map[string]int, folder string, messages []Message) {
	if into[folder] == nil {
		into[folder] = make(map[string]int)
	}
	for _, m := range messages {
		into[folder][m.key()]++
	}
}

func diff(mailbox string, want, got map[string]map[string]int) (int, []Difference) {
	equal := 0
	var differences []Difference
	var folders []string
	for f := range want {
		folders = append(folders, f)
	}
	for f := range got {
		if want[f] == nil {
			folders = append(folders, f)
		}
	}
	slices.Sort(folders)
	for _, f := range folders {
		d := Difference{Mailbox: mailbox, Folder: f}
		for key, n := range want[f] {
			equal += min(n, got[f][key])
			d.Missing += max(0, n-got[f][key])
		}
		for key, n := range got[f] {
			d.Extra += max(0, n-want[f][key])
		}
		if d.Missing+d.Extra > 0 {
			differences = append(differences, d)
		}
	}
	return equal, differences
}
