package plan

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

var update = flag.Bool("update", false, "write the golden plans anew")

// now is a moment with a zone and a fraction, which the plan must not show.
var now = time.Date(2026, 11, 22, 20, 15, 30, 987, time.FixedZone("CET", 3600))

// site is a migration that tests change and plan.
type site struct {
	t  *testing.T
	in Input
}

func newSite(t *testing.T, pass string, names string) *site {
	s := &site{t: t, in: Input{Config: &config.Config{Hash: "c0ffee", Files: []string{"mailhaul.hcl", "users.csv"}},
		Inventories: map[string]Inventory{}, Memory: map[string][]state.FolderCount{}, Known: map[string]state.Mailbox{},
		Records: map[string]map[string]state.MailboxPass{}, Bounds: map[string]state.Pass{},
		Now: now, Version: "1.0.0", Lineage: "7f3a", Serial: 42, State: "contoso.state", Runs: 3}}
	old := &config.Endpoint{Type: "imap", Name: "old"}
	fresh := &config.Endpoint{Type: "imap", Name: "new"}
	for _, m := range people(names) {
		m.From, m.To, m.Folders = old, fresh, rules(nil).Folders
		m.Source.Address += "@contoso.example"
		m.Destination.Address = "new-" + m.Source.Address
		m.Messages = config.Messages{MaxSize: 150_000_000, TooLarge: config.TooLargeReport, Keywords: config.KeywordsDrop,
			Existing: config.ExistingAdopt, Receipts: config.ReceiptsAuto}
		s.in.Config.Mailboxes = append(s.in.Config.Mailboxes, m)
	}
	s.in.Config.Passes = passes("verify prestage full retry")
	s.in.Config.Passes[1].Older = config.Cut{Written: "90d", Age: 90 * 24 * time.Hour}
	s.in.Pass = find(s.in.Config.Passes, pass)
	return s
}

func (s *site) mailbox(name string) *config.Mailbox {
	for _, m := range s.in.Config.Mailboxes {
		if m.Name() == name+"@contoso.example" {
			return m
		}
	}
	s.t.Fatalf("no mailbox %s", name)
	return nil
}

// look puts source folders of a mailbox into its inventory and, listed, into the ledger: every message pending.
func (s *site) look(name string, folders ...mail.Folder) *site {
	address := s.mailbox(name).Name()
	s.in.Inventories[address] = Inventory{Mailbox: address, Source: folders, Destination: boxes("INBOX"),
		Limits: mail.Limits{Names: mail.NameRules{Delimiter: "/"}}}
	for i, f := range folders {
		if f.NoSelect {
			continue
		}
		n := int64(f.Status.Messages)
		s.in.Memory[address] = append(s.in.Memory[address], state.FolderCount{
			Folder: state.Folder{ID: state.FolderID(i + 1), Source: f.Raw, Path: f.Path.String(), SourceStatus: f.Status,
				Listed: f.Status.UIDNext, Complete: true, Current: true},
			Pending: state.Count{Messages: n, Bytes: mail.Size(n) * mail.MB},
			Oldest:  now.AddDate(-5, 0, 0), Newest: now})
	}
	return s
}

// memory changes what the ledger knows of the i-th folder.
func (s *site) memory(name string, i int, change func(*state.FolderCount)) *site {
	change(&s.in.Memory[s.mailbox(name).Name()][i])
	return s
}

// inventory changes what both sides said.
func (s *site) inventory(name string, change func(*Inventory)) *site {
	address := s.mailbox(name).Name()
	inv := s.in.Inventories[address]
	change(&inv)
	s.in.Inventories[address] = inv
	return s
}

func (s *site) record(name, pass string, p state.Progress) *site {
	address := s.mailbox(name).Name()
	if s.in.Records[address] == nil {
		s.in.Records[address] = map[string]state.MailboxPass{}
	}
	s.in.Records[address][pass] = state.MailboxPass{Pass: pass, Progress: p}
	return s
}

// plan builds and holds what every plan promises.
func (s *site) plan() *Plan {
	s.t.Helper()
	p := Build(s.in)
	one, two := encode(s.t, p), encode(s.t, Build(s.in))
	if !bytes.Equal(one, two) {
		s.t.Fatalf("planning twice gives different bytes:\n%s", cmp.Diff(string(one), string(two)))
	}
	checkSums(s.t, p)
	return p
}

func encode(t *testing.T, p *Plan) []byte {
	t.Helper()
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

// checkSums adds the plan up a second time, from the folders.
func checkSums(t *testing.T, p *Plan) {
	t.Helper()
	var todo, leftOut, deleted, failed state.Count
	lines := map[Action]int{}
	for _, m := range p.Mailboxes {
		var box state.Count
		for _, f := range m.Folders {
			box, leftOut, failed = box.Add(f.Todo), leftOut.Add(f.LeftOut), failed.Add(f.Failed)
			deleted = deleted.Add(f.Deleted)
		}
		if box != m.Todo {
			t.Errorf("%s: folders have %v to do, the mailbox %v", m.Name, box, m.Todo)
		}
		if lines[m.Action]++; m.Action != Blocked {
			todo = todo.Add(box)
		}
		if (m.Action == Blocked) != (m.Problem != nil) {
			t.Errorf("%s: action %s, problem %v", m.Name, m.Action, m.Problem)
		}
	}
	got := p.Total
	want := Total{Start: lines[Start], Continue: lines[Continue], UpToDate: lines[UpToDate], Blocked: lines[Blocked],
		Skipped: lines[Skipped], Todo: todo, LeftOut: leftOut, Deleted: deleted, Failed: failed,
		FlagChanges: got.FlagChanges, Folders: got.Folders, Surprises: got.Surprises}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the total is not the sum: -want +got:\n%s", diff)
	}
}

// line writes a mailbox of the plan as cli.md shows it.
func lineOf(m Mailbox) string {
	s := fmt.Sprintf("%s %s %d/%s", m.Action, strings.TrimSuffix(m.Name, "@contoso.example"), m.Todo.Messages, size(m.Todo.Bytes))
	if m.Resume != nil {
		s += " resumes " + m.Resume.Name
	}
	if m.Note != "" {
		s += ": " + m.Note
	}
	return s
}

func notes(all []Note) string {
	var s []string
	for _, n := range all {
		s = append(s, strings.TrimSpace(n.Code+" "+n.Error()))
	}
	return strings.Join(s, "\n")
}

func TestBuildActions(t *testing.T) {
	inbox := box("INBOX") // 100 messages of 1 MB in the ledger
	empty := mail.Folder{Raw: "INBOX", Path: mail.Path{"INBOX"}, Status: mail.Status{UIDValidity: 7, UIDNext: 1}}
	count := func(n int64) state.Count { return state.Count{Messages: n, Bytes: mail.Size(n) * mail.MB} }
	full := func(t *testing.T) *site { return newSite(t, "full", "anna").look("anna", inbox) }
	retry := func(t *testing.T) *site {
		return newSite(t, "retry", "anna").look("anna", inbox).memory("anna", 0, func(c *state.FolderCount) {
			c.Pending, c.Copied, c.Failed, c.Doubt = count(5), count(90), count(3), count(2)
		})
	}
	copied := func(c *state.FolderCount) { c.Pending, c.Copied = state.Count{}, count(100) }
	tests := []struct {
		name string
		site *site
		want string
	}{
		{"nothing copied yet", full(t), "+ anna 100/0.1 GB"},
		{"some copied", full(t).memory("anna", 0, func(c *state.FolderCount) { c.Pending, c.Copied = count(10), count(8190) }),
			"~ anna 10/10.0 MB: 8,190 done earlier"},
		{"all copied and the pass complete", full(t).memory("anna", 0, copied).record("anna", "full", state.Complete), "= anna 0/0.0 kB"},
		{"all copied, the pass not recorded", full(t).memory("anna", 0, copied), "~ anna 0/0.0 kB: 100 done earlier"},
		{"all copied, a listing cut short", full(t).record("anna", "full", state.Complete).memory("anna", 0,
			func(c *state.FolderCount) { copied(c); c.Folder.Complete = false }), "~ anna 0/0.0 kB: 100 done earlier"},
		{"an empty mailbox still has its folders made", newSite(t, "full", "anna").look("anna", empty), "+ anna 0/0.0 kB"},
		{"failed messages wait for a retry", full(t).record("anna", "full", state.Incomplete).memory("anna", 0,
			func(c *state.FolderCount) { copied(c); c.Failed = count(2) }), "= anna 0/0.0 kB: 2 failed earlier"},
		{"a doubt outside the bounds is work", full(t).record("anna", "full", state.Complete).memory("anna", 0,
			func(c *state.FolderCount) { copied(c); c.Doubt = count(1) }), "~ anna 1/1.0 MB: 100 done earlier"},
		{"flags changed", full(t).memory("anna", 0, copied).record("anna", "full", state.Complete).inventory("anna",
			func(i *Inventory) { i.FlagChanges = map[string]int64{"INBOX": 4} }), "~ anna 0/0.0 kB: 100 done earlier"},
		{"a new empty folder", full(t).look("anna", inbox, mail.Folder{Raw: "New", Path: mail.Path{"New"}}).memory("anna", 0, copied).
			record("anna", "full", state.Complete), "~ anna 0/0.0 kB: 100 done earlier"},
		{"an empty folder that the user deleted at the destination", newSite(t, "full", "anna").look("anna", inbox,
			mail.Folder{Raw: "New", Path: mail.Path{"New"}}).memory("anna", 0, copied).record("anna", "full", state.Complete).
			memory("anna", 1, func(c *state.FolderCount) { c.Folder.Destination, c.Folder.Target = "New", "New" }), "= anna 0/0.0 kB"},
		{"a folder not listed yet counts by STATUS", newSite(t, "full", "anna").inventory("anna",
			func(i *Inventory) { i.Source = []mail.Folder{inbox} }), "+ anna 100/0.0 kB"},
		{"a changed UIDVALIDITY is a new folder, not a new mailbox", full(t).memory("anna", 0,
			func(c *state.FolderCount) { c.Folder.Current = false; copied(c) }), "~ anna 100/0.0 kB"},
		{"a side can't be asked", full(t).inventory("anna", func(i *Inventory) {
			i.Problem = &Problem{Side: "source", Code: mail.CodeIMAPLogin, Kind: "auth", Text: "[AUTHENTICATIONFAILED]"}
		}), "! anna 0/0.0 kB: source refused the password"},
		{"skipped on request", newSite(t, "full", ".anna"), ". anna 0/0.0 kB: agreed"},
		{"verify copies nothing", newSite(t, "verify", "anna").look("anna", inbox), "+ anna 0/0.0 kB"},
		{"verify is done once", newSite(t, "verify", "anna").look("anna", inbox).record("anna", "verify", state.Complete), "= anna 0/0.0 kB"},
		{"retry takes what failed and what is in doubt", retry(t), "~ anna 5/5.0 MB: 3 failed earlier"},
		{"retry with nothing to retry", newSite(t, "retry", "anna").look("anna", inbox), "= anna 0/0.0 kB"},
		{"retry resumes the stopped pass", func() *site {
			s := retry(t)
			s.in.Resume = map[string]*config.Pass{"anna@contoso.example": find(s.in.Config.Passes, "full")}
			return s
		}(), `~ anna 8/8.0 MB resumes full: stopped in pass "full", 90 done earlier, 3 failed earlier`},
		{"retry of a verify that stopped copies nothing", func() *site {
			s := newSite(t, "retry", "anna").look("anna", inbox)
			s.in.Resume = map[string]*config.Pass{"anna@contoso.example": find(s.in.Config.Passes, "verify")}
			return s
		}(), `+ anna 0/0.0 kB resumes verify: stopped in pass "verify"`},
		{"too_large = fail is work until it is written down", func() *site {
			s := full(t).memory("anna", 0, func(c *state.FolderCount) { c.Pending, c.TooLarge = count(98), count(2) })
			s.mailbox("anna").Messages.TooLarge = config.TooLargeFail
			return s
		}(), "+ anna 100/0.1 GB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.site.t = t
			if got := lineOf(tt.site.plan().Mailboxes[0]); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestBuildNotes(t *testing.T) {
	status := func(f mail.Folder, n uint32) mail.Folder { f.Status.Messages = n; return f }
	of := func(pass string, folders ...mail.Folder) *site {
		return newSite(t, pass, "anna").look("anna", folders...)
	}
	recent := func(c *state.FolderCount) { c.Oldest = now.AddDate(0, 0, -13) }
	tests := []struct {
		name             string
		site             *site
		warnings, errors string
	}{
		{"nothing to say", of("full", box("INBOX"), box("Work")), "", ""},
		{"fetched away: an empty INBOX beside full folders", of("verify", status(box("INBOX"), 9), status(box("Sent"), 201)),
			"anna@contoso.example: may have been fetched away by POP: INBOX holds 9 messages, the other folders 201", ""},
		{"a small mailbox is nothing unusual", of("full", status(box("INBOX"), 1), status(box("Sent"), 200)), "", ""},
		{"an INBOX that was copied and emptied since", of("full", status(box("INBOX"), 0), status(box("Sent"), 900)).
			memory("anna", 0, func(c *state.FolderCount) { c.Copied.Messages = 500 }), "", ""},
		{"fetched away: only the last days", of("full", box("INBOX"), box("Sent")).memory("anna", 0, recent).memory("anna", 1, recent),
			"anna@contoso.example: may have been fetched away by POP: none of its 200 messages is older than 14 days", ""},
		{"one old message is enough", of("full", box("INBOX"), box("Sent")).memory("anna", 0, recent), "", ""},
		{"a new mailbox is small", of("full", status(box("INBOX"), 99)).memory("anna", 0, recent), "", ""},
		{"another server under the old name", of("full", box("INBOX")).inventory("anna", func(i *Inventory) { i.Estranged = true }),
			"anna@contoso.example: none of the folders that were written to is at new-anna@contoso.example any more: it is another server, " +
				"or was emptied or set up anew. What was copied counts as copied", ""},
		{"a merge is an error", func() *site {
			s := of("full", box("Archive"), box("INBOX/Archive"), box("INBOX"))
			s.mailbox("anna").Folders.Rename = []config.Rule{rename("^INBOX/", "")}
			return s
		}(), "", `CONFIG-MERGE anna@contoso.example: "Archive" and "INBOX/Archive" both go to "Archive"`},
		{"unless it is allowed", func() *site {
			s := of("full", box("Archive"), box("INBOX/Archive"), box("INBOX"))
			s.mailbox("anna").Folders.Rename = []config.Rule{rename("^INBOX/", "")}
			s.mailbox("anna").Folders.Merge = config.MergeAllow
			return s
		}(), "", ""},
		{"a folder without a place is an error", func() *site {
			s := of("full", box("Old"))
			s.mailbox("anna").Folders.Rename = []config.Rule{rename("^Old", "")}
			return s
		}(), "", `CONFIG-FOLDER-NAME anna@contoso.example: "Old" can have no place: rename "^Old" leaves nothing of the name`},
		{"a folder gone from the source with work in it", func() *site {
			s := of("full", box("INBOX"), box("Projects"))
			return s.inventory("anna", func(i *Inventory) { i.Vanished = []Vanished{{Path: "Projects", Lost: 100}} })
		}(), `IMAP-FOLDER-GONE anna@contoso.example: folder "Projects" is gone from the source: 100 messages of it never arrived`, ""},
		{"another destination than before", func() *site {
			s := of("full", box("INBOX"))
			return s.inventory("anna", func(i *Inventory) { i.FormerDestination = "other@contoso.example" })
		}(), "anna@contoso.example: went to other@contoso.example before; what was written there is not at " +
			"new-anna@contoso.example, so everything is copied anew", ""},
		{"another server than before, under the same address", func() *site {
			s := of("full", box("INBOX"))
			s.in.Known = map[string]state.Mailbox{"anna@contoso.example": {Destination: "new-anna@contoso.example", DestinationEndpoint: "endpoint.imap.former"}}
			return s.inventory("anna", func(i *Inventory) { i.FormerDestination = "new-anna@contoso.example" })
		}(), "anna@contoso.example: went to new-anna@contoso.example of endpoint.imap.former before; what was written there is not at " +
			"new-anna@contoso.example of endpoint.imap.new, so everything is copied anew", ""},
		{"the same, without looking", func() *site {
			s := of("full", box("INBOX"))
			s.in.Known = map[string]state.Mailbox{"anna@contoso.example": {Destination: "new-anna@contoso.example", DestinationEndpoint: "endpoint.imap.former"}}
			s.in.Offline, s.in.Inventories = true, nil
			return s
		}(), "anna@contoso.example: went to new-anna@contoso.example of endpoint.imap.former before: unless the folders written there are " +
			"found at new-anna@contoso.example of endpoint.imap.new, everything is copied again", ""},
		{"a mailbox that stopped in a later pass", func() *site {
			s := of("full", box("INBOX"))
			s.in.Held = []Held{{Mailbox: "eva@contoso.example", Pass: "second", Code: mail.CodeIMAPLogin}}
			return s
		}(), `IMAP-LOGIN-REFUSED eva@contoso.example: stopped in pass "second" and takes no part until that pass is run or retried`, ""},
		{"a named pass ahead of its turn", func() *site {
			s := of("full", box("INBOX"))
			s.in.Early = []string{"anna@contoso.example"}
			return s
		}(), `CONFIG-PASS pass "full" comes after "prestage", which 1 mailbox has not finished yet`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.site.t = t
			p := tt.site.plan()
			if got := notes(p.Warnings); got != tt.warnings {
				t.Errorf("warnings\ngot  %s\nwant %s", got, tt.warnings)
			}
			if got := notes(p.Errors); got != tt.errors {
				t.Errorf("errors\ngot  %s\nwant %s", got, tt.errors)
			}
		})
	}
}

// TestMergeHint holds that the lines shown are HCL that keeps the folders apart, whatever their names hold.
func TestMergeHint(t *testing.T) {
	folders := []*Folder{{Path: "Old.$1", Target: "Old.$1"}, {Path: `In"box\${x}`, Target: "Old.$1"}}
	want := "To allow it:\n  mailbox \"dan@contoso.example\" {\n    folders { merge = \"allow\" }\n  }\n" +
		"To keep them apart, in the folders block before its other rename blocks:\n" +
		`  rename "^In\"box\\\\\\$\\{x\\}$" { to = "Old.$$1 2" }`
	if got := mergeHint("dan@contoso.example", folders); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestBuildBounds holds that a frozen instant stays while older_than does, and what the ledger is asked with.
func TestBuildBounds(t *testing.T) {
	s := newSite(t, "prestage", "anna")
	first := Bounds(s.in.Pass, nil, now)
	if want := time.Date(2026, 8, 24, 19, 15, 30, 0, time.UTC); !first.Older.Equal(want) || first.Older.Location() != time.UTC {
		t.Errorf("90d before %v is %v, want %v", now, first.Older, want)
	}
	first.Approved = now
	later := Bounds(s.in.Pass, &first, now.AddDate(0, 0, 5))
	if diff := cmp.Diff(first, later); diff != "" {
		t.Errorf("a frozen bound moved: %s", diff)
	}
	s.in.Pass.Older = config.Cut{Written: "2026-06-01", Moment: time.Date(2026, 6, 1, 0, 0, 0, 5, time.UTC)}
	changed := Bounds(s.in.Pass, &first, now)
	if changed.Older.Month() != time.June || changed.Older.Nanosecond() != 0 || !changed.Approved.IsZero() {
		t.Errorf("a changed older_than gives %+v", changed)
	}
	s.in.Pass.Newer = config.Cut{Written: "2026-01-01", Moment: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	p := PassOf(s.in.Pass, Bounds(s.in.Pass, &changed, now), "")
	sel := SelectionFor(p, Settings{MaxSize: 36 * mail.MB})
	if sel.Older.Month() != time.June || sel.Newer.Month() != time.January || sel.MaxSize != 36*mail.MB {
		t.Errorf("selection %+v", sel)
	}
}

func TestSettingsOf(t *testing.T) {
	m := newSite(t, "full", "anna").mailbox("anna")
	tests := []struct {
		config, endpoint int64
		limit, want      mail.Size
	}{{150, 0, 0, 150}, {150, 36, 0, 36}, {150, 36, 25, 25}, {0, 0, 25, 25}, {0, 0, 0, 0}, {10, 36, 25, 10}}
	for _, tt := range tests {
		m.Messages.MaxSize, m.To.MaxMessage = tt.config, tt.endpoint
		if got := SettingsOf(m, mail.Limits{MaxMessage: tt.limit}).MaxSize; got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}

// TestBuildCovers holds whose lines a plan has.
func TestBuildCovers(t *testing.T) {
	names := func(in Input) string {
		var out []string
		for _, m := range Build(in).Mailboxes {
			out = append(out, strings.TrimSuffix(m.Name, "@contoso.example"))
		}
		return strings.Join(out, " ")
	}
	s := newSite(t, "full", "dan .test anna .gone bo")
	if got := names(s.in); got != "dan test anna gone bo" {
		t.Errorf("all: %s", got)
	}
	s.in.Mailboxes, s.in.Skipped = []string{"bo@contoso.example", "dan@contoso.example"}, []string{"test@contoso.example"}
	if got := names(s.in); got != "dan test bo" {
		t.Errorf("some: %s", got)
	}
	s.in.Mailboxes, s.in.Skipped = []string{}, nil
	if got := names(s.in); got != "" {
		t.Errorf("none: %s", got)
	}
}

// golden are whole plans as they are saved, to be reviewed like code.
func golden(t *testing.T) map[string]*site {
	copied := func(n int64) func(*state.FolderCount) {
		return func(c *state.FolderCount) {
			c.Folder.Destination, c.Folder.Target, c.Folder.DestinationValidity = c.Folder.Path, c.Folder.Path, 9
			c.Copied = state.Count{Messages: n, Bytes: mail.Size(n) * mail.MB}
			c.Pending = state.Count{}
		}
	}
	prestage := newSite(t, "prestage", "anna carla dan eva frank .test").
		look("anna", box("INBOX"), box("INBOX/Projects"), box("Sent"), box("Trash"), container("Lists"), box("Lists/go")).
		look("carla", box("INBOX"), box("Notes \xff")).memory("carla", 0, copied(8190)).
		memory("carla", 1, func(c *state.FolderCount) {
			c.TooLarge = state.Count{Messages: 2, Bytes: 400 * mail.MB}
			zone := time.FixedZone("", 2*3600)
			c.TooLargeList = []state.Message{{UID: 9, Size: 220 * mail.MB, InternalDate: time.Date(2020, 5, 1, 8, 0, 0, 0, zone)},
				{UID: 3, Size: 180 * mail.MB}}
			c.Skipped = state.Count{Messages: 5, Bytes: 20 * mail.MB}
		}).
		look("dan", box("Archive"), box("INBOX/Archive")).
		inventory("eva", func(i *Inventory) {
			i.Problem = &Problem{Side: "source", Code: mail.CodeIMAPLogin, Kind: "auth", Text: "[AUTHENTICATIONFAILED] no"}
		}).
		look("frank", box("INBOX")).inventory("frank", func(i *Inventory) { i.Limits.QuotaKnown = true })
	prestage.in.Why = "it is the next pass"
	for _, m := range prestage.in.Config.Mailboxes {
		m.Wave = "first"
		m.Folders.Rename = []config.Rule{rename("^INBOX/", "")}
		m.Folders.Exclude = []config.Rule{rule(`"^Trash(/|$)"`, "^Trash(/|$)", "")}
	}

	delta := newSite(t, "full", "anna bo").look("anna", box("INBOX")).look("bo", box("INBOX"), box("Sent")).
		memory("anna", 0, copied(100)).memory("bo", 0, copied(100)).
		memory("bo", 1, func(c *state.FolderCount) { copied(98)(c); c.Folder.Target = "Sent Items"; c.Pending.Messages = 2 }).
		record("anna", "full", state.Complete).record("bo", "full", state.Complete).
		inventory("bo", func(i *Inventory) { i.FlagChanges = map[string]int64{"INBOX": 4} })

	retry := newSite(t, "retry", "hugo eva").look("hugo", box("INBOX")).look("eva", box("INBOX")).
		memory("hugo", 0, func(c *state.FolderCount) { copied(88)(c); c.Failed = state.Count{Messages: 12, Bytes: 3 * mail.MB} })
	retry.in.Resume = map[string]*config.Pass{"eva@contoso.example": find(retry.in.Config.Passes, "prestage")}
	retry.in.Bounds["prestage"] = state.Pass{Name: "prestage", OlderWritten: "90d", Older: time.Date(2026, 8, 24, 18, 0, 0, 0, time.UTC)}

	offline := newSite(t, "full", "anna bo").look("anna", box("INBOX"), box("Skickat")).
		memory("anna", 1, func(c *state.FolderCount) { copied(60)(c); c.Folder.Target = "Sent Items"; c.Pending.Messages = 40 })
	offline.in.Offline, offline.in.Inventories = true, nil
	return map[string]*site{"prestage": prestage, "delta": delta, "retry": retry, "offline": offline}
}

// TestOfflineSaysWhatIsKnown: what the state file says of a mailbox whose folders it does not know stands in its line.
func TestOfflineSaysWhatIsKnown(t *testing.T) {
	failed := func(pass, side string, code mail.Code, day int) state.MailboxPass {
		return state.MailboxPass{Pass: pass, Progress: state.Failed, Side: side, Code: code, Text: "no", Ended: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC)}
	}
	verified := state.MailboxPass{Pass: "verify", Progress: state.Complete, Ended: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)}
	for want, records := range map[string][]state.MailboxPass{
		"never looked at": nil,
		`source refused the password in pass "verify"`:          {failed("verify", "source", mail.CodeIMAPLogin, 1)},
		`destination can't be reached in pass "prestage"`:       {failed("verify", "source", mail.CodeIMAPLogin, 1), failed("prestage", "destination", mail.CodeIMAPConnect, 2)},
		`looked at in pass "verify"; its folders are not known`: {failed("prestage", "destination", mail.CodeIMAPConnect, 2), verified},
	} {
		s := newSite(t, "full", "anna")
		s.in.Offline, s.in.Inventories = true, nil
		s.in.Records = map[string]map[string]state.MailboxPass{"anna@contoso.example": {}}
		for _, r := range records {
			s.in.Records["anna@contoso.example"][r.Pass] = r
		}
		if got := s.plan().Mailboxes[0].Note; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestGolden(t *testing.T) {
	for name, s := range golden(t) {
		t.Run(name, func(t *testing.T) {
			s.t = t
			path := filepath.Join("..", "testdata", "plan", name+".json")
			p := s.plan()
			if *update {
				if err := os.WriteFile(path, encode(t, p), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(encode(t, p))); diff != "" {
				t.Errorf("-want +got (go test ./plan -update writes it anew):\n%s", diff)
			}
			// What is shown, saved, loaded and applied is one and the same.
			loaded, err := decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, loaded); !bytes.Equal(got, want) {
				t.Errorf("a loaded plan differs:\n%s", cmp.Diff(string(want), string(got)))
			}
		})
	}
}

// BenchmarkBuildOffline plans 10,000 mailboxes of ten folders from the state alone; the target is under 2 s.
func BenchmarkBuildOffline(b *testing.B) {
	s := newSite(&testing.T{}, "full", "")
	s.in.Offline, s.in.Inventories = true, nil
	people := people(strings.Repeat("m ", 10_000))
	for i, m := range people {
		m.Source.Address = fmt.Sprintf("m%d@contoso.example", i)
		m.Folders = rules(func(f *config.Folders) { f.Rename = []config.Rule{rename("^INBOX/", "")} }).Folders
		for j, name := range []string{"INBOX", "INBOX/Sent", "INBOX/Drafts", "INBOX/Trash", "Archive", "a/b", "a/c", "Lists", "2019", "2020"} {
			s.in.Memory[m.Name()] = append(s.in.Memory[m.Name()], state.FolderCount{Folder: state.Folder{ID: state.FolderID(j),
				Source: name, Path: name, Current: true, Complete: true}, Pending: state.Count{Messages: 100}})
		}
	}
	s.in.Config.Mailboxes = people
	for b.Loop() {
		Build(s.in)
	}
}

// TestAppliedPlanIsEmpty carries out random plans in the mind: the next plan then has nothing to do.
func TestAppliedPlanIsEmpty(t *testing.T) {
	for seed := range uint64(200) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 3)))
		s := newSite(t, "full", "anna").look("anna", w.source...).inventory("anna", func(i *Inventory) {
			i.Destination, i.Limits.Names = w.dest, w.rules
		})
		s.mailbox("anna").Folders = w.mailbox.Folders
		p := s.plan()
		if p.Empty() {
			t.Fatalf("seed %d: nothing to do in a mailbox that was never touched", seed)
		}
		if len(p.Errors) > 0 {
			continue
		}
		s.carryOut(p.Mailboxes[0])
		if next := s.plan(); !next.Empty() || next.Total.Surprises > p.Total.Surprises {
			t.Fatalf("seed %d: after apply there is still %s, surprises %d after %d", seed, lineOf(next.Mailboxes[0]),
				next.Total.Surprises, p.Total.Surprises)
		}
	}
}

// carryOut does to inventory and memory of anna what an apply of the line does.
func (s *site) carryOut(m Mailbox) {
	for _, f := range m.Folders {
		if f.Excluded {
			continue
		}
		s.inventory("anna", func(i *Inventory) {
			if !f.Exists {
				i.Destination = append(i.Destination, mail.Folder{Raw: f.Target, Path: f.TargetPath, NoSelect: f.NoSelect})
			}
		})
		for i := range s.in.Memory[m.Name] {
			s.memory("anna", i, func(c *state.FolderCount) {
				if c.Folder.Source == string(f.Source) {
					c.Copied, c.Pending = c.Pending, state.Count{}
					c.Folder.Target, c.Folder.Destination = f.Target, f.Target
				}
			})
		}
	}
	s.record("anna", "full", state.Complete)
}

// TestPredecessors: only mailboxes that the configuration no longer has hand over what they copied, and only to one with
// the same destination.
func TestPredecessors(t *testing.T) {
	s := newSite(t, "full", "anna bo")
	anna := s.mailbox("anna").Destination.Address
	s.in.Unmanaged = []state.Mailbox{
		{Name: "maiden@contoso.example", SourceEndpoint: "endpoint.imap.old", Destination: anna, DestinationEndpoint: "endpoint.imap.new"},
		{Name: "far@contoso.example", SourceEndpoint: "endpoint.imap.old", Destination: anna, DestinationEndpoint: "endpoint.imap.far"},
		{Name: "other@contoso.example", SourceEndpoint: "endpoint.imap.old", Destination: "x", DestinationEndpoint: "endpoint.imap.new"},
	}
	p := Build(s.in)
	want := []Predecessor{{"maiden@contoso.example", "endpoint.imap.old"}}
	if got := p.Mailboxes[0].Predecessors; !slices.Equal(got, want) {
		t.Errorf("anna has the predecessors %v, want %v", got, want)
	}
	if got := p.Mailboxes[1].Predecessors; got != nil {
		t.Errorf("bo has the predecessors %v", got)
	}
}
