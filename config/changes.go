package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mostChanges is how many changes are told one by one, and mostNames how many names are given of each.
const (
	mostChanges = 8
	mostNames   = 3
)

// Changes says in sentences what differs between the settings that a plan was made from and those of now, which have the
// places: a few lines, the rest is counted. It is empty where nothing differs.
func Changes(before, now *Basis) []string {
	if before == nil || now == nil {
		return nil
	}
	d := &differ{before: before, now: now}
	d.endpoints()
	d.passes()
	d.rows()
	d.mailboxes()
	if more := len(d.found) - mostChanges; more > 0 {
		return append(d.found[:mostChanges], fmt.Sprintf("... and %s.", countOf(more, "more change", "more changes")))
	}
	return d.found
}

type differ struct {
	before, now *Basis
	found       []string
}

func (d *differ) say(format string, args ...any) {
	d.found = append(d.found, fmt.Sprintf(format, args...)+".")
}

func (d *differ) endpoints() {
	was, is := placesOf(d.before.Endpoints), placesOf(d.now.Endpoints)
	for _, ref := range slices.Sorted(maps.Keys(is)) {
		switch before, known := was[ref]; {
		case !known:
			d.say("The endpoint %s is new", ref)
		case before != is[ref]:
			d.say("The endpoint %s is at %s, and was at %s", ref, is[ref], before)
		}
	}
	for _, ref := range slices.Sorted(maps.Keys(was)) {
		if _, known := is[ref]; !known {
			d.say("The endpoint %s is gone", ref)
		}
	}
}

// placesOf gives host and port of endpoints by their names.
func placesOf(endpoints []string) map[string]string {
	all := make(map[string]string, len(endpoints))
	for _, e := range endpoints {
		ref, place, _ := strings.Cut(e, " at ")
		all[ref] = place
	}
	return all
}

func (d *differ) passes() {
	was, is := map[string]Settings{}, map[string]Settings{}
	var order, former []string
	for _, p := range d.before.Passes {
		was[p.Name] = p.Settings
	}
	for _, p := range d.now.Passes {
		is[p.Name] = p.Settings
		old, known := was[p.Name]
		if !known {
			d.say("%sthe pass %q is new", d.place(placeOfPass(p.Name)), p.Name)
			continue
		}
		order = append(order, p.Name)
		for _, text := range settingChanges(old, p.Settings) {
			d.say("%sin pass %q: %s", d.place(placeOfPass(p.Name)), p.Name, text)
		}
	}
	for _, p := range d.before.Passes {
		if _, known := is[p.Name]; !known {
			d.say("The pass %q is gone", p.Name)
			continue
		}
		former = append(former, p.Name)
	}
	if !slices.Equal(order, former) {
		d.say("The passes stand in another order: %s", strings.Join(order, ", "))
	}
}

// place names the line of the files of now; empty where it is not known.
func (d *differ) place(of string) string {
	r := d.now.places[of]
	if r.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d, ", r.File, r.Start.Line)
}

// rows names the lines of the users files that came or went, by file.
func (d *differ) rows() {
	was, is := byName(d.before), byName(d.now)
	came, went := map[string][]string{}, map[string][]string{}
	for _, m := range d.now.Mailboxes {
		if _, known := was[m.Name]; !known {
			came[m.File] = append(came[m.File], m.Name)
		}
	}
	for _, m := range d.before.Mailboxes {
		if _, known := is[m.Name]; !known {
			went[m.File] = append(went[m.File], m.Name)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(came)) {
		d.say("%s: %s: %s", file, countOf(len(came[file]), "row came", "rows came"), some(came[file]))
	}
	for _, file := range slices.Sorted(maps.Keys(went)) {
		d.say("%s: %s: %s", file, countOf(len(went[file]), "row went", "rows went"), some(went[file]))
	}
}

func byName(b *Basis) map[string]*BasisMailbox {
	all := make(map[string]*BasisMailbox, len(b.Mailboxes))
	for i := range b.Mailboxes {
		all[b.Mailboxes[i].Name] = &b.Mailboxes[i]
	}
	return all
}

// mailboxes compares those that both have. A change that several of them share is told once.
func (d *differ) mailboxes() {
	was := byName(d.before)
	shared := map[string][]string{}
	var order []string
	both := 0
	pairs := map[[2]int][]string{} // thousands of mailboxes share few settings
	for i := range d.now.Mailboxes {
		m := &d.now.Mailboxes[i]
		old, known := was[m.Name]
		if !known {
			continue
		}
		both++
		pair := [2]int{old.Settings, m.Settings}
		if _, seen := pairs[pair]; !seen {
			pairs[pair] = settingChanges(d.before.settingsAt(pair[0]), d.now.settingsAt(pair[1]))
		}
		for _, text := range append(old.changes(m), pairs[pair]...) {
			if shared[text] == nil {
				order = append(order, text)
			}
			shared[text] = append(shared[text], m.Name)
		}
	}
	for _, text := range order {
		switch names := shared[text]; {
		case len(names) == both && both > 1:
			d.say("%s (all %s)", text, countOf(both, "mailbox", "mailboxes"))
		case len(names) > 1:
			d.say("%s (%s)", text, some(names))
		default:
			d.say("%s%s: %s", d.place(names[0]), names[0], text)
		}
	}
}

// settingsAt gives nothing for a place that a file which somebody has edited may name.
func (b *Basis) settingsAt(at int) Settings {
	if at < 0 || at >= len(b.Settings) {
		return nil
	}
	return b.Settings[at]
}

// changes says what is a mailbox's own.
func (m *BasisMailbox) changes(now *BasisMailbox) []string {
	var found []string
	for _, one := range []struct{ name, was, is string }{
		{"destination", m.Destination, now.Destination}, {"wave", m.Wave, now.Wave}, {"skip", m.Skip, now.Skip},
	} {
		if one.was != one.is {
			found = append(found, change(one.name, []string{one.was}, []string{one.is}))
		}
	}
	if m.Merge != now.Merge {
		found = append(found, fmt.Sprintf("merge: %t -> %t", m.Merge, now.Merge))
	}
	if m.Logins != now.Logins && m.Skip == "" && now.Skip == "" {
		found = append(found, "a name to sign in with has changed")
	}
	return found
}

// settingChanges compares settings, in the order of their names.
func settingChanges(was, is Settings) []string {
	names := maps.Clone(was)
	if names == nil {
		names = Settings{}
	}
	maps.Copy(names, is)
	var found []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.Equal(was[name], is[name]) {
			found = append(found, change(name, was[name], is[name]))
		}
	}
	return found
}

// change says of one setting what it was and what it is; of a list what came and what went.
func change(name string, was, is []string) string {
	if block, attr, ok := strings.Cut(name, "."); ok {
		name = attr + " in " + block
	}
	if !slices.Contains(lists(), name) {
		return fmt.Sprintf("%s: %s -> %s", name, one(was), one(is))
	}
	came, went := difference(was, is)
	var parts []string
	if len(came) > 0 {
		parts = append(parts, some(came)+" came")
	}
	if len(went) > 0 {
		parts = append(parts, some(went)+" went")
	}
	if len(parts) == 0 {
		parts = []string{"in another order"}
	}
	return name + ": " + strings.Join(parts, ", ")
}

// lists are the settings that have several values.
func lists() []string {
	return []string{"include in folders", "exclude in folders", "rename in folders", "windows"}
}

// one writes the value of a setting that has one.
func one(values []string) string {
	if len(values) == 0 || values[0] == "" {
		return "not set"
	}
	return `"` + short(values[0]) + `"`
}

// some joins the first few names and counts the rest.
func some(names []string) string {
	shown := make([]string, min(len(names), mostNames))
	for i := range shown {
		shown[i] = short(names[i])
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - mostNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func countOf(n int, single, several string) string {
	if n == 1 {
		return "1 " + single
	}
	return fmt.Sprintf("%d %s", n, several)
}

// difference gives what only the second has, and what only the first has.
func difference(was, is []string) (came, went []string) {
	for _, v := range is {
		if !slices.Contains(was, v) {
			came = append(came, v)
		}
	}
	for _, v := range was {
		if !slices.Contains(is, v) {
			went = append(went, v)
		}
	}
	return came, went
}
