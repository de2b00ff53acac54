package plan

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mailhaul/state/mail"
)

// places are the destination's folders and the rules for their names.
type places struct {
	rules   mail.NameRules
	flat    bool // names have one level
	free    bool // nothing is known of the destination: any name will do, and none is taken
	folders []mail.Folder
	exact   map[string]int // by spelling
	folded  map[string]int // by key
}

func newPlaces(folders []mail.Folder, rules mail.NameRules) *places {
	t := &places{rules: rules, folders: folders, exact: map[string]int{}, folded: map[string]int{}}
	t.free = unknown(rules) && len(folders) == 0
	if unknown(rules) {
		t.rules.Delimiter = "/"
	}
	t.flat = t.rules.Delimiter == ""
	for i, f := range folders {
		path := normal(f.Path)
		if _, twice := t.exact[spelling(path)]; !twice {
			t.exact[spelling(path)] = i
		}
		if _, twice := t.folded[t.key(path)]; !twice {
			t.folded[t.key(path)] = i
		}
	}
	return t
}

// unknown tells whether the rules are the zero value, which forbids nothing.
func unknown(r mail.NameRules) bool {
	return r.Delimiter == "" && r.Forbidden == "" && len(r.Reserved) == 0 && !r.FoldCase && r.MaxLevel == 0 &&
		r.MaxPath == 0 && !r.TrimSpaces
}

// find gives the destination's folder of that name, the one spelled alike first.
func (t *places) find(p mail.Path) (mail.Folder, bool) {
	if len(t.folders) == 0 {
		return mail.Folder{}, false
	}
	i, ok := t.exact[spelling(p)]
	if !ok {
		i, ok = t.folded[t.key(p)]
	}
	if !ok {
		return mail.Folder{}, false
	}
	return t.folders[i], true
}

// has tells whether the destination spells a folder exactly so.
func (t *places) has(p mail.Path) bool {
	_, ok := t.exact[spelling(p)]
	return ok
}

// key is equal for two names if they are one folder at the destination.
func (t *places) key(p mail.Path) string {
	if t.rules.FoldCase {
		return fold(spelling(p))
	}
	return spelling(p)
}

// spelling joins levels by an octet that no name can hold, so that two paths never look alike.
func spelling(p mail.Path) string { return strings.Join(normal(p), "\x00") }

// fold makes names equal that differ in case or in how an accent is composed only. It is simple folding, one character
// for one: a server that folds further is asked nothing wrong, as its own LIST shows the folder.
func fold(s string) string {
	if ascii(s) {
		return strings.ToUpper(s)
	}
	return strings.Map(func(r rune) rune {
		least := r
		for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
			least = min(least, n)
		}
		return least
	}, norm.NFC.String(s))
}

// ascii tells whether a text holds nothing but ASCII.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
