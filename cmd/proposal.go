package cmd

import (
	"fmt"
	"path/filepath"
	"strings"
)

// knownHeads are headings that config reads without being told.
var knownHeads = []string{"source", "username", "password", "destination", "destination_username",
	"destination_password", "wave", "source email", "source login name", "source password", "destination email",
	"destination login name", "destination password", "flags"}

// proposeColumns writes the columns block for headings that config does not know; empty where it knows them.
func proposeColumns(heads []string) string {
	proposed := map[string]string{}
	unknown := false
	for _, head := range heads {
		unknown = unknown || !contains(knownHeads, head)
		if column := guessColumn(head); column != "" && proposed[column] == "" {
			proposed[column] = head
		}
	}
	if !unknown {
		return ""
	}
	var b strings.Builder
	b.WriteString("  columns { # a guess from the headings of the file: please check\n")
	for _, column := range knownHeads[:7] {
		if proposed[column] != "" {
			fmt.Fprintf(&b, "    %-20s = %s\n", column, quote(proposed[column]))
		}
	}
	b.WriteString("  }\n")
	return b.String()
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// guessColumn says what a heading most likely means; empty where it means nothing to us.
func guessColumn(head string) string {
	h := strings.ToLower(head)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(h, p) {
				return true
			}
		}
		return false
	}
	side := ""
	if has("new", "dest", "target", "ziel", "neu") {
		side = "destination_"
	}
	switch {
	case has("pass", "kennwort", "secret"):
		return side + "password"
	case has("login"), has("user") && !has("mail", "address", "adresse"):
		return side + "username"
	case has("wave", "batch", "group"):
		return "wave"
	case has("mail", "address", "adresse", "source", "old", "from") && side == "":
		return "source"
	case side != "":
		return "destination"
	}
	return ""
}

// relativeTo names file as seen from dir, as the configuration must.
func relativeTo(dir, file string) (string, error) {
	absDir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	absFile, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(absDir, absFile)
	if err != nil {
		return absFile, nil
	}
	return filepath.ToSlash(relative), nil
}
