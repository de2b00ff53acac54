package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// world is one random case of a mapping.
type world struct {
	mailbox      *config.Mailbox
	source, dest []mail.Folder
	rules        mail.NameRules
}

// words are levels that collide in every way that the mapping knows: case, composition, blanks, look-alikes, special
// names, octets that are no text.
func words() []string {
	return []string{"INBOX", "inbox", "Work", "work", "WORK", "wörk", "wo\u0308rk", "Sent", "sent", "Sent Items", "Sent Messages",
		"Gesendet", "Entwürfe", "Drafts", "Trash", "Junk", "Spam", "Archive", "Archives", "a.b", "a․b", "a/b", "a∕b", "x ", "x",
		" x", "", " ", "_", "Files", "Files (mail)", "\xe4", "=E4", "a\x00b", "tab\t", "`", "$1", "long name number one of three",
		"long name number two of three", strings.Repeat("ö", 300), "[Gmail]"}
}

func randomWorld(r *rand.Rand) world {
	w := world{rules: randomRules(r)}
	w.source, w.dest = randomTree(r, 1+r.IntN(14), r.IntN(3) == 0), randomTree(r, r.IntN(8), r.IntN(2) == 0)
	// A destination never lists names that break its own rules, nor one name twice.
	w.dest = w.possible(w.dest)
	w.mailbox = rules(func(f *config.Folders) {
		pool := []config.Rule{rename("^INBOX/", ""), rename("^(.*)/work$", "$1"), rename("^Archives?", "Old"), rename("x", ""),
			rename("^sent", "Work/${0}"), rename("/", "")}
		for range r.IntN(3) {
			f.Rename = append(f.Rename, pool[r.IntN(len(pool))])
		}
		if r.IntN(4) == 0 {
			f.Exclude = []config.Rule{rule(`"^Trash(/|$)"`, "^Trash(/|$)", "")}
		}
		if r.IntN(5) == 0 {
			f.Under = []string{"Old server", "INBOX", "Work"}[r.IntN(3)]
		}
		if r.IntN(4) == 0 {
			f.Special = config.SpecialNone
		}
		if r.IntN(3) == 0 {
			f.Merge = config.MergeAllow
		}
		f.Empty = r.IntN(3) > 0
	})
	return w
}

// possible are the folders that a destination with the world's rules can list: legal names, each once.
func (w world) possible(folders []mail.Folder) []mail.Folder {
	seen := map[string]bool{}
	return slices.DeleteFunc(folders, func(f mail.Folder) bool {
		key := newPlaces(nil, w.rules).key(f.Path)
		bad := seen[key] || (w.rules.Delimiter == "" && !unknown(w.rules) && len(f.Path) > 1) || w.tooLong(f.Path) ||
			slices.ContainsFunc(f.Path, func(l string) bool { return illegal(l, w.rules) != "" })
		seen[key] = true
		return bad
	})
}

func (w world) tooLong(p mail.Path) bool {
	return w.rules.MaxPath > 0 && utf8.RuneCountInString(strings.Join(p, w.rules.Delimiter)) > w.rules.MaxPath
}

func randomRules(r *rand.Rand) mail.NameRules {
	if r.IntN(6) == 0 {
		return mail.NameRules{}
	}
	n := mail.NameRules{Delimiter: []string{"/", ".", "", "\\"}[r.IntN(4)], FoldCase: r.IntN(2) == 0, TrimSpaces: r.IntN(2) == 0,
		Forbidden: []string{"", "*%", "./∕\\"}[r.IntN(3)], MaxLevel: []int{0, 12, 64}[r.IntN(3)], MaxPath: []int{0, 20, 200}[r.IntN(3)]}
	if r.IntN(2) == 0 {
		n.Reserved = []string{"Files", "work/x"}
	}
	return n
}

func randomTree(r *rand.Rand, n int, roles bool) []mail.Folder {
	all := words()
	var out []mail.Folder
	seen := map[string]bool{}
	for range n {
		path := mail.Path{}
		if len(out) > 0 && r.IntN(2) == 0 {
			path = slices.Clone(out[r.IntN(len(out))].Path)
		}
		path = normal(append(path, all[r.IntN(len(all))]))
		raw := strings.Join(path, "\x01")
		if seen[raw] {
			continue
		}
		seen[raw] = true
		f := mail.Folder{Raw: raw, Path: path, NoSelect: r.IntN(8) == 0}
		if !f.NoSelect {
			f.Status = mail.Status{UIDValidity: 1, UIDNext: 9, Messages: uint32(r.IntN(3))}
		}
		if roles && !f.NoSelect && path[len(path)-1] != "[Gmail]" && r.IntN(2) == 0 {
			f.Role = []mail.Role{mail.RoleSent, mail.RoleDrafts, mail.RoleArchive, mail.RoleAll}[r.IntN(4)]
		}
		out = append(out, f)
	}
	return out
}

// illegal says why a destination with these rules would not take the level; it shares no code with the mapping.
func illegal(level string, r mail.NameRules) string {
	switch {
	case level == "":
		return "empty"
	case !utf8.ValidString(level):
		return "no UTF-8"
	case strings.ContainsFunc(level, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 }):
		return "control character"
	case strings.ContainsAny(level, r.Forbidden):
		return "forbidden character"
	case r.Delimiter != "" && strings.Contains(level, r.Delimiter):
		return "delimiter"
	case r.TrimSpaces && strings.TrimSpace(level) != level:
		return "blanks"
	case r.MaxLevel > 0 && utf8.RuneCountInString(level) > r.MaxLevel:
		return "too long"
	}
	return ""
}

// check holds every promise of Map against one world.
func (w world) check() error {
	got := Map(w.mailbox, w.source, w.dest, w.rules)
	if len(got) != len(w.source) {
		return fmt.Errorf("%d mappings for %d folders", len(got), len(w.source))
	}
	if err := w.checkLegal(got); err != nil {
		return err
	}
	if err := w.checkMerges(got); err != nil {
		return err
	}
	back := func(f []mail.Folder) []mail.Folder { f = slices.Clone(f); slices.Reverse(f); return f }
	if again := Map(w.mailbox, back(w.source), back(w.dest), w.rules); !cmp.Equal(got, again) {
		return fmt.Errorf("the order of the folders counts: -one +other\n%s", cmp.Diff(got, again))
	}
	return w.checkStable(got)
}

// checkLegal: the destination can hold every target.
func (w world) checkLegal(got []Mapping) error {
	for _, m := range got {
		if m.Excluded || m.Fault != "" {
			if len(m.Target) > 0 || m.Exists {
				return fmt.Errorf("%s: left out and yet mapped", said(m))
			}
			continue
		}
		if len(m.Target) == 0 || m.Reason == "" {
			return fmt.Errorf("%s: no target or no reason", said(m))
		}
		for _, l := range m.Target {
			if why := illegal(l, w.rules); why != "" && !m.Target.IsInbox() && !m.Exists {
				return fmt.Errorf("%s: level %q: %s", said(m), l, why)
			}
		}
		if w.tooLong(m.Target) {
			return fmt.Errorf("%s: too long", said(m))
		}
		for _, r := range w.rules.Reserved {
			if strings.EqualFold(m.Target.String(), r) {
				return fmt.Errorf("%s: reserved", said(m))
			}
		}
	}
	return nil
}

// checkMerges: two folders with mail never meet unannounced, and no announcement is false.
func (w world) checkMerges(got []Mapping) error {
	there := newPlaces(w.dest, w.rules)
	for i, a := range got {
		var meet []string
		for j, b := range got {
			both := len(a.Target) > 0 && len(b.Target) > 0 && !a.Source.NoSelect && !b.Source.NoSelect
			if i != j && both && there.key(a.Target) == there.key(b.Target) {
				meet = append(meet, b.Source.Path.String())
			}
		}
		if !slices.Equal(meet[:min(len(meet), sharesMost)], a.Shares) || (len(meet) > 0 && a.Surprise == "") {
			return fmt.Errorf("%s: meets %q, says %q", said(a), meet, a.Shares)
		}
	}
	return nil
}

// checkStable: once the folders are made, the mapping is what it was, so that the next plan goes to the same places.
func (w world) checkStable(got []Mapping) error {
	after := slices.Clone(w.dest)
	for _, m := range got {
		for n := 1; n <= len(m.Target); n++ {
			path := m.Target[:n]
			at := slices.IndexFunc(after, func(f mail.Folder) bool { return slices.Equal(f.Path, path) })
			if at < 0 {
				after = append(after, mail.Folder{Raw: spelling(path), Path: path, NoSelect: n < len(m.Target)})
				at = len(after) - 1
			}
			if n == len(m.Target) {
				after[at].NoSelect = after[at].NoSelect && m.Source.NoSelect
			}
		}
	}
	next := Map(w.mailbox, w.source, after, w.rules)
	for i := range got {
		if !slices.Equal(got[i].Target, next[i].Target) {
			return fmt.Errorf("%s\nbecomes, once the folders are there, %s", said(got[i]), said(next[i]))
		}
		if len(next[i].Target) > 0 && !next[i].Exists {
			return fmt.Errorf("%s: not found once it is there", said(next[i]))
		}
	}
	return nil
}

func TestMapProperties(t *testing.T) {
	cases := uint64(1_000)
	if testing.Short() {
		cases = 200
	}
	for seed := range cases {
		w := randomWorld(rand.New(rand.NewPCG(seed, 1)))
		if err := w.check(); err != nil {
			t.Fatalf("seed %d: %v\nrules %+v\nfolders %+v", seed, err, w.rules, w.mailbox.Folders)
		}
	}
}

// TestMapUnasked: where nothing is known of the destination the mapping is that for an empty one which forbids nothing.
func TestMapUnasked(t *testing.T) {
	for seed := range uint64(1_000) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 3)))
		got := Map(w.mailbox, w.source, nil, mail.NameRules{})
		want := Map(w.mailbox, w.source, nil, mail.NameRules{Delimiter: "/"})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

// FuzzMap maps names that a hostile source might list, one a line with its levels between tabs, by rules from bits.
func FuzzMap(f *testing.F) {
	f.Add("INBOX\nSent\nINBOX\tSent", "Sent Items\nINBOX", uint16(0))
	f.Add("a/b\na∕b\nA/B\n\xff\n\t\t\n ", "a", uint16(0xffff))
	f.Add(strings.Repeat("deep\t", 400), "", uint16(0x1234))
	f.Fuzz(func(t *testing.T, source, dest string, bits uint16) {
		if len(source)+len(dest) > 4<<10 {
			return // the checks below are quadratic
		}
		r := rand.New(rand.NewPCG(uint64(bits), 2))
		w := randomWorld(r)
		w.source, w.dest = lines(source), w.possible(lines(dest))
		if err := w.check(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHardCase_F18_VeryManyLevels: a hostile server lists a name of ten thousands of levels. It costs little, and the levels
// that no destination can hold become one.
func TestHardCase_F18_VeryManyLevels(t *testing.T) {
	path := slices.Repeat([]string{"deep"}, 50_000)
	got := Map(rules(nil), []mail.Folder{{Raw: "deep", Path: path}}, nil, mail.NameRules{Delimiter: "/", MaxLevel: 99})[0]
	if len(got.Target) != deepest || got.Surprise == "" {
		t.Errorf("a name of %d levels gets %d, surprise %q", len(path), len(got.Target), got.Surprise)
	}
}

func lines(text string) []mail.Folder {
	var out []mail.Folder
	seen := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		path := normal(strings.Split(line, "\t"))
		if raw := strings.Join(path, "\x01"); !seen[raw] {
			seen[raw] = true
			out = append(out, mail.Folder{Raw: raw, Path: path, Status: mail.Status{UIDValidity: 1, UIDNext: 2, Messages: 1}})
		}
	}
	return out
}
