package check

import (
	"hash/fnv"
	"slices"
	"strings"
)

// systemFlags is a set of system flags (RFC 9051, 2.3.2), or noFlags.
type systemFlags uint8

const (
	seen systemFlags = 1 << iota
	answered
	flagged
	draft
	deleted
	// noFlags stands for flags that the server does not tell.
	noFlags
)

var systemNames = map[string]systemFlags{`\seen`: seen, `\answered`: answered, `\flagged`: flagged, `\draft`: draft, `\deleted`: deleted}

// flagsOf reads the flags of a message. Keywords become a number that depends neither on order nor on case, as servers
// change both; \Recent and unknown flags with a backslash say nothing of the message.
func flagsOf(names []value) (system systemFlags, words uint32) {
	var keywords []string
	for _, v := range names {
		name := strings.ToLower(v.text)
		switch {
		case strings.HasPrefix(name, `\`):
			system |= systemNames[name]
		case name != "":
			keywords = append(keywords, name)
		}
	}
	if len(keywords) == 0 {
		return system, 0
	}
	slices.Sort(keywords)
	h := fnv.New32a()
	for _, k := range slices.Compact(keywords) {
		_, _ = h.Write([]byte(k + " ")) // hash.Hash never fails
	}
	return system, max(1, h.Sum32())
}
