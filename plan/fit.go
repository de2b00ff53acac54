package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mailhaul/state/mail"
)

// fit gives every target a name that the destination can hold. Names are fitted from the top down, so that folders stay
// below their parents. Where two different names of folders with mail become one only by the destination's rules (case,
// blanks, replaced characters), one of them gets a suffix, unless merging is allowed.
func fit(all []draft, there *places, merge bool) {
	if there.free && fits(all, there) {
		return
	}
	t := &fitter{there: there, merge: merge, done: map[string]fitted{}, owner: map[string]string{},
		spelled: map[string]mail.Path{}, claims: map[string]bool{}, listed: map[string]bool{}}
	var order []entrant
	for i := range all {
		d := &all[i]
		if !d.in() {
			continue
		}
		d.flatten(there.levels())
		name := spelling(d.path)
		t.listed[name] = true
		if d.holds() {
			t.claims[name] = true
		}
		order = append(order, entrant{d, len(d.path), t.changes(d.path), there.has(d.path), name})
	}
	slices.SortStableFunc(order, before)
	for _, e := range order {
		was := e.path
		e.path = t.fit(was)
		if why := t.surprise(was); why != "" {
			e.wonder(fmt.Sprintf(why, was, e.path))
		}
	}
}

// fits tells whether every name can stay as it is where no other folder is in its way.
func fits(all []draft, there *places) bool {
	for i := range all {
		d := &all[i]
		if !d.in() {
			continue
		}
		if len(d.path) > there.levels() || slices.ContainsFunc(d.path, func(l string) bool { return !there.keeps(l) }) {
			return false
		}
	}
	return true
}

// entrant is a folder with what decides who keeps a name that two want.
type entrant struct {
	*draft
	depth   int
	changes bool
	there   bool
	name    string
}

// before orders parents before children, a folder that needs no change before one that does, and one that the
// destination has already before one that only looks like it.
func before(a, b entrant) int {
	return cmp.Or(cmp.Compare(a.depth, b.depth), second(!a.changes, !b.changes), second(a.there, b.there),
		strings.Compare(a.name, b.name))
}

// deepest is how many levels a name keeps. Exchange holds 300; a hostile source's name of ten thousand levels must cost
// neither time nor memory.
const deepest = 250

// levels is how many levels a name can have at the destination.
func (t *places) levels() int {
	if t.flat {
		return 1
	}
	return deepest
}

// flatten joins the levels beyond a number into one.
func (d *draft) flatten(keep int) {
	if len(d.path) > keep {
		d.path = append(slices.Clone(d.path[:keep-1]), strings.Join(d.path[keep-1:], mail.LevelSlash))
		d.wonder("the destination has fewer levels: the last ones become one")
	}
}

// second orders true before false.
func second(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// fitter remembers how each name and each name above it was fitted.
type fitter struct {
	there   *places
	merge   bool
	done    map[string]fitted
	owner   map[string]string    // key -> the name that has it
	spelled map[string]mail.Path // key -> how it was spelled first
	claims  map[string]bool      // names of folders with mail
	listed  map[string]bool      // names of all folders
}

// fitted is what became of a name; why says why its own last level had to change, empty if it did not.
type fitted struct {
	path mail.Path
	why  string
}

// Why a name changes, with the name before and after.
const (
	cannotHold = "the destination can't hold the name %q: it becomes %q"
	cannotTell = "the destination can't tell %q from another folder: it becomes %q"
)

func (t *fitter) fit(p mail.Path) mail.Path {
	if len(p) == 0 {
		return nil
	}
	name := spelling(p)
	if f, ok := t.done[name]; ok {
		return f.path
	}
	f := t.choose(p, t.fit(p[:len(p)-1]))
	key := t.there.key(f.path)
	if first, ok := t.spelled[key]; ok {
		f.path = first
	}
	t.done[name], t.spelled[key] = f, f.path
	if t.claims[name] && t.owner[key] == "" {
		t.owner[key] = name
	}
	return f.path
}

// choose finds the name below parent: as it is if it can be, else changed, else with a suffix.
func (t *fitter) choose(p, parent mail.Path) fitted {
	last := p[len(p)-1]
	if p.IsInbox() {
		return fitted{path: mail.Path{"INBOX"}}
	}
	path := t.place(parent, last, p)
	if t.taken(path, p) {
		path = t.place(parent, last+"-"+digest(p), p)
		return fitted{path: path, why: cannotTell}
	}
	if f, ok := t.there.find(path); ok && !t.reserved(path) {
		path = normal(f.Path)
	}
	if len(path) == len(parent)+1 && sameLevel(path[len(path)-1], last) {
		return fitted{path: path}
	}
	return fitted{path: path, why: cannotHold}
}

// sameLevel tells whether a level is the same for people: another case found at the destination is no surprise.
func sameLevel(a, b string) bool { return fold(a) == fold(b) }

// taken tells whether another folder's mail goes to the place already. INBOX is nobody else's: a name that becomes it
// only by the destination's rules would put mail where the user reads.
func (t *fitter) taken(path, p mail.Path) bool {
	if path.IsInbox() {
		return true
	}
	name := spelling(p)
	owner := t.owner[t.there.key(path)]
	return !t.merge && t.claims[name] && owner != "" && owner != name
}

// place puts a level below parent with a name that is legal there. Where the whole name would be too long, the level
// is cut, and if even that leaves no room it goes below a higher folder.
func (t *fitter) place(parent mail.Path, level string, p mail.Path) mail.Path {
	r := t.there.rules
	exact := append(slices.Clip(parent), level)
	if t.there.has(exact) && !t.reserved(exact) {
		return exact
	}
	level = t.there.legal(level)
	path := append(slices.Clip(parent), level)
	if t.reserved(path) {
		path[len(path)-1] = t.there.legal(level + " (mail)")
	}
	if r.MaxPath <= 0 {
		return path
	}
	for n := len(path) - 1; ; n-- {
		above := 0
		for _, l := range path[:n] {
			above += utf8.RuneCountInString(l) + utf8.RuneCountInString(r.Delimiter)
		}
		room := r.MaxPath - above
		if room < digestLength+1 && n > 0 {
			continue
		}
		last := path[len(path)-1]
		if n < len(path)-1 {
			last = t.there.legal(last + "-" + digest(p))
		}
		return append(slices.Clip(path[:n]), cut(last, max(room, 1), p))
	}
}

// reserved tells whether the destination keeps the name for itself.
func (t *fitter) reserved(p mail.Path) bool {
	name := p.String()
	return slices.ContainsFunc(t.there.rules.Reserved, func(r string) bool { return strings.EqualFold(r, name) })
}

// changes tells whether the destination's rules alone make the name change.
func (t *fitter) changes(p mail.Path) bool {
	r := t.there.rules
	for n := range p {
		if t.there.legal(p[n]) != p[n] || t.reserved(p[:n+1]) {
			return true
		}
	}
	return r.MaxPath > 0 && utf8.RuneCountInString(strings.Join(p, r.Delimiter)) > r.MaxPath
}

// surprise says why a person should look at the name. It is said of the highest listed folder that changed, not of
// everything below it.
func (t *fitter) surprise(p mail.Path) string {
	for n := len(p); n > 0; n-- {
		name := spelling(p[:n])
		if n < len(p) && t.listed[name] {
			return ""
		}
		if why := t.done[name].why; why != "" {
			return why
		}
	}
	return ""
}
