package plan

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// Mapping says where one source folder goes and which rule says so.
type Mapping struct {
	Source mail.Folder
	// Excluded folders have a Reason and no Target.
	Excluded bool
	Target   mail.Path
	// Role is what the target is for: that of the destination's own folder, or the wish with which it is created.
	Role   mail.Role
	Reason string // the rule, as in the file
	// Surprise is why a person should look at this mapping; empty where all is as expected.
	Surprise string
	// Fault is why the folder can have no place at all; it makes the plan an error. There is no Target then.
	Fault string
	// Shares are the normalised names of other source folders whose messages go to the same Target, at most twenty.
	Shares []string
	// Exists tells that the destination has the folder already, as Existing.
	Exists   bool
	Existing mail.Folder
}

// asItIs is the reason where no rule changed a name.
const asItIs = "as it is"

// sharesMost bounds Mapping.Shares, since a careless rename sends every folder to one.
const sharesMost = 20

// Map says for each source folder, sorted by its normalised name, where it goes: include, exclude, the first rename
// that matches, special folders, under, and then what the destination can hold. Two folders get the same target only
// where Shares and Surprise say so. Wholly zero NameRules mean that nothing is known: then any name will do.
//
// It depends on names, roles and rules only, never on how much mail there is, save that with empty = false folders
// without messages are excluded.
func Map(m *config.Mailbox, source, destination []mail.Folder, rules mail.NameRules) []Mapping {
	all := make([]draft, len(source))
	for i, f := range source {
		all[i] = draft{Mapping: Mapping{Source: f}, name: f.Path.String(), path: normal(f.Path)}
		all[i].flatten(deepest)
		all[i].choose(m.Folders)
	}
	sortBy(all, func(a, b *draft) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.Source.Raw, b.Source.Raw))
	})
	there := newPlaces(destination, rules)
	if m.Folders == nil || m.Folders.Special != config.SpecialNone {
		special(all, there, under(m.Folders))
	}
	for i := range all {
		all[i].below(m.Folders)
	}
	fit(all, there, mergeAllowed(m.Folders))
	share(all, there)
	out := make([]Mapping, len(all))
	for i := range all {
		out[i] = all[i].finish(there)
	}
	return out
}

func mergeAllowed(f *config.Folders) bool { return f != nil && f.Merge == config.MergeAllow }

// draft is a Mapping in the making.
type draft struct {
	Mapping
	name    string    // the source's, normalised
	path    mail.Path // the target so far
	guessed mail.Role // what path suggests, while special folders are looked for
	literal bool      // a rename spelled it anew: no special folder applies
	rules   []string  // that decided so far, for Reason
	wonders []string  // for Surprise
}

// in tells whether the folder still goes somewhere.
func (d *draft) in() bool { return !d.Excluded && d.Fault == "" }

// holds tells whether messages go along.
func (d *draft) holds() bool { return d.in() && !d.Source.NoSelect }

func (d *draft) exclude(reason string) { d.Excluded, d.Reason, d.path = true, reason, nil }

func (d *draft) wonder(text string) {
	if !slices.Contains(d.wonders, text) {
		d.wonders = append(d.wonders, text)
	}
}

// choose applies include, exclude, empty and rename.
func (d *draft) choose(f *config.Folders) {
	if f == nil {
		return
	}
	name := d.path.String()
	if len(f.Include) > 0 && match(f.Include, name) == nil {
		d.exclude("not in include")
		return
	}
	if r := match(f.Exclude, name); r != nil {
		d.exclude("exclude " + r.Written)
		return
	}
	if !f.Empty && (d.Source.NoSelect || d.Source.Status.Messages == 0) {
		d.exclude("empty")
		return
	}
	if r := match(f.Rename, name); r != nil {
		d.rename(r, name)
	}
}

func match(rules []config.Rule, name string) *config.Rule {
	for i := range rules {
		if rules[i].Pattern.MatchString(name) {
			return &rules[i]
		}
	}
	return nil
}

func (d *draft) rename(r *config.Rule, name string) {
	rule := r.Written
	if !strings.HasPrefix(rule, "rename ") && !strings.HasPrefix(rule, "mapping ") {
		rule = "mapping " + rule
	}
	d.rules = append(d.rules, rule)
	path := levels(r.Pattern.ReplaceAllString(name, r.To))
	if len(path) == 0 {
		d.Fault = rule + " leaves nothing of the name"
		d.path = nil
		return
	}
	d.literal = !moved(d.path, path)
	d.path = path
}

// levels splits a renamed name; empty levels, which a rename leaves behind where it cuts, are no levels.
func levels(name string) mail.Path {
	return normal(slices.DeleteFunc(mail.ParsePath(name), func(l string) bool { return l == "" }))
}

// moved tells whether a rename only dropped or added levels in front: then the folder is still what it was, and
// INBOX/Sent renamed to Sent is the Sent folder. A name spelled anew is taken as written.
func moved(from, to mail.Path) bool {
	short, long := from, to
	if len(long) < len(short) {
		short, long = long, short
	}
	return slices.Equal(short, long[len(long)-len(short):])
}

// normal spells the top level INBOX in capitals (RFC 9051, 5.1).
func normal(p mail.Path) mail.Path {
	if len(p) > 0 && p[:1].IsInbox() && p[0] != "INBOX" {
		p = slices.Clone(p)
		p[0] = "INBOX"
	}
	return p
}

// below applies under: everything, INBOX too, goes below one folder and is nobody's special folder there.
func (d *draft) below(f *config.Folders) {
	if len(under(f)) == 0 || !d.in() {
		return
	}
	d.path = append(under(f), d.path...)
	d.Role = mail.RoleNone
	d.rules = append(d.rules, `under "`+f.Under+`"`)
}

func under(f *config.Folders) mail.Path {
	if f == nil {
		return nil
	}
	return levels(f.Under)
}

// apart tells whether no two folders with messages have one target, as is usual.
func apart(all []draft, there *places) bool {
	met := make(map[string]bool, len(all))
	for i := range all {
		if !all[i].holds() {
			continue
		}
		key := there.key(all[i].path)
		if met[key] {
			return false
		}
		met[key] = true
	}
	return true
}

// sortBy sorts large elements, which are mostly in order already, without copying them to compare them. Equal ones stay
// in their order.
func sortBy[T any](all []T, compare func(a, b *T) int) {
	for i := 1; i < len(all); i++ {
		if compare(&all[i-1], &all[i]) > 0 {
			sort.SliceStable(all, func(i, k int) bool { return compare(&all[i], &all[k]) < 0 })
			return
		}
	}
}

// share finds folders whose messages meet in one target.
func share(all []draft, there *places) {
	if apart(all, there) {
		return
	}
	meet := map[string][]int{}
	for i := range all {
		if all[i].holds() {
			key := there.key(all[i].path)
			meet[key] = append(meet[key], i)
		}
	}
	for i := range all {
		d := &all[i]
		if !d.holds() {
			continue
		}
		others := meet[there.key(d.path)]
		for _, j := range others {
			if j != i && len(d.Shares) < sharesMost {
				d.Shares = append(d.Shares, all[j].Source.Path.String())
			}
		}
		if len(others) > 1 {
			d.wonders = []string{"goes to one folder together with " + some(d.Shares, len(others)-1)}
		}
	}
}

// finish gives the Mapping with what the destination has.
func (d *draft) finish(there *places) Mapping {
	m := d.Mapping
	m.Surprise = strings.Join(d.wonders, "; ")
	if !d.in() {
		return m
	}
	m.Target = d.path
	if m.Target.IsInbox() {
		m.Role = mail.RoleInbox
	}
	if m.Reason = strings.Join(d.rules, ", "); m.Reason == "" {
		m.Reason = asItIs
	}
	// A name that holds no messages is no folder to copy into: it is created, which servers allow (RFC 9051, 6.3.4).
	if f, ok := there.find(m.Target); ok && (!f.NoSelect || m.Source.NoSelect) {
		m.Exists, m.Existing = true, f
	}
	return m
}
