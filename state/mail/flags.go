package mail

import (
	"slices"
	"strings"
)

// System is a set of system flags (RFC 9051, 2.3.2). \Recent is never one of them: no client can set it.
type System uint8

// The system flags.
const (
	Seen System = 1 << iota
	Answered
	Flagged
	Draft
	Deleted
)

var systemNames = [...]struct {
	flag System
	name string
}{{Seen, `\Seen`}, {Answered, `\Answered`}, {Flagged, `\Flagged`}, {Draft, `\Draft`}, {Deleted, `\Deleted`}}

// Flags are a message's flags: the system flags and the keywords, sorted without case and each once.
type Flags struct {
	System   System
	Keywords []string
}

// ParseFlags makes Flags of names as they stand on the wire. Unknown names with a backslash are no keywords and are
// dropped, as is \Recent.
func ParseFlags(names []string) Flags {
	var f Flags
	for _, name := range names {
		f = f.With(name)
	}
	return f
}

// With gives f with the named flag added.
func (f Flags) With(name string) Flags {
	for _, s := range systemNames {
		if strings.EqualFold(name, s.name) {
			f.System |= s.flag
			return f
		}
	}
	if name == "" || strings.HasPrefix(name, `\`) {
		return f
	}
	at, found := slices.BinarySearchFunc(f.Keywords, name, compareFold)
	if !found {
		f.Keywords = slices.Insert(slices.Clone(f.Keywords), at, name)
	}
	return f
}

// Has tells whether the keyword is set, whatever its case.
func (f Flags) Has(keyword string) bool {
	_, found := slices.BinarySearchFunc(f.Keywords, keyword, compareFold)
	return found
}

// Names gives the flags as they stand on the wire, system flags first.
func (f Flags) Names() []string {
	var names []string
	for _, s := range systemNames {
		if f.System&s.flag != 0 {
			names = append(names, s.name)
		}
	}
	return append(names, f.Keywords...)
}

// String joins Names with blanks.
func (f Flags) String() string { return strings.Join(f.Names(), " ") }

// Equal compares two sets; keywords compare without case, as servers change it.
func (f Flags) Equal(g Flags) bool {
	return f.System == g.System && slices.EqualFunc(f.Keywords, g.Keywords, strings.EqualFold)
}

// In tells whether g has every flag of f.
func (f Flags) In(g Flags) bool {
	for _, k := range f.Keywords {
		if !g.Has(k) {
			return false
		}
	}
	return f.System&^g.System == 0
}

// compareFold orders keywords without case, so that $MDNSent and $MdnSent are one.
func compareFold(a, b string) int {
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}
