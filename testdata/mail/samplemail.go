// Package samplemail embeds the awkward messages of testdata/mail, so that `mailhaul demo` has them from the binary alone
// and tests need no paths. README.md beside it says why each message is there.
package samplemail

import (
	"embed"
	"strings"
)

//go:embed *.eml
var files embed.FS

// Sample is one message.
type Sample struct {
	Name   string // the file's name without ending: "bare-lf"
	Octets []byte
}

// All gives every message, sorted by name. The octets are the caller's own.
func All() []Sample {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the directory is part of the binary
	}
	var all []Sample
	for _, e := range entries {
		octets, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		all = append(all, Sample{Name: strings.TrimSuffix(e.Name(), ".eml"), Octets: octets})
	}
	return all
}
