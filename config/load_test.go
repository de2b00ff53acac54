package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	oldEndpoint = "endpoint \"imap\" \"old\" {\n  host = \"old.example.com\"\n}\n"
	newEndpoint = "endpoint \"imap\" \"new\" {\n  host = \"new.example.com\"\n}\n"
	staffUsers  = "users \"staff\" {\n  from = endpoint.imap.old\n  to   = endpoint.imap.new\n  csv  = \"users.csv\"\n}\n"
	base        = oldEndpoint + newEndpoint + staffUsers
	twoUsers    = "source,password,destination\nanna@old.example,canary-anna,anna@new.example\nbo@old.example,canary-bo,bo@new.example\n"
)

// project writes files, given as name and content in turn, to a new directory.
func project(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mustLoad loads a project that has no mistake.
func mustLoad(t testing.TB, dir string) *Config {
	t.Helper()
	c, ds := Load(dir, Options{Env: testEnv, Version: "1.2.0"})
	if c == nil {
		t.Fatalf("load:\n%s", render(ds))
	}
	return c
}

// plain compares configurations: patterns by their text, secrets by their value, places not at all.
var plain = cmp.Options{
	cmp.Comparer(func(a, b *regexp.Regexp) bool { return a.String() == b.String() }),
	cmp.Transformer("Reveal", Secret.Reveal),
	cmpopts.IgnoreTypes(Range{}),
	cmpopts.EquateEmpty(),
}

func TestLoadComplete(t *testing.T) {
	dir := "testdata/good"
	c := mustLoad(t, dir)
	old := &Endpoint{Type: "imap", Name: "old", Host: "mail.contoso.example", Port: 1143, TLS: TLSStartTLS,
		CAFile: dir + "/ca.pem", PinSHA256: []string{strings.Repeat("ab", 32)}, Grace: 90 * time.Second, MaxMessage: 35_000_000,
		Connections: 20, PerMailbox: 3, Bandwidth: 50_000_000, MessagesPerSecond: 50, Compress: true,
		Admin: &Admin{User: "migrator", Password: NewSecret(" top secret"), Style: StyleDovecotMaster}}
	lab := &Endpoint{Type: "imap", Name: "lab", Host: "127.0.0.1", Port: 143, TLS: TLSNone, Plaintext: true, Grace: time.Minute,
		Connections: 40, PerMailbox: 2, MaxMessage: 36 << 20}
	top := &Folders{Special: SpecialNone, Empty: false, Merge: MergeAllow, Under: "Old server",
		Include: []Rule{{Written: `"."`, Pattern: regexp.MustCompile("(?i).")}},
		Exclude: []Rule{{Written: `"^Trash(/|$)"`, Pattern: regexp.MustCompile("(?i)^Trash(/|$)")}},
		Rename: []Rule{
			{Written: `rename "^INBOX/"`, Pattern: regexp.MustCompile("(?i)^INBOX/"), To: ""},
			{Written: `rename "^Archives/([0-9]{4})$"`, Pattern: regexp.MustCompile("(?i)^Archives/([0-9]{4})$"), To: "Archive/$1"},
			{Written: `"^Old Sent->Sent Items"`, Pattern: regexp.MustCompile("(?i)^Old Sent"), To: "Sent Items"},
		}}
	anna := *top
	anna.Special, anna.Exclude, anna.Under = SpecialAuto, nil, ""
	users := *top
	users.Special = SpecialAuto
	messages := Messages{MaxSize: 36 << 20, TooLarge: TooLargeFail, Keywords: KeywordsFail, Existing: ExistingIgnore, Receipts: ReceiptsKeep}
	small := messages
	small.MaxSize, small.TooLarge = 1_000_000, TooLargeReport
	login := func(address, user, pw string) Login {
		return Login{Address: address, Username: user, Password: NewSecret(pw), Literals: strings.HasPrefix(address, "anna")}
	}
	want := &Config{Dir: dir, Files: []string{"endpoints.hcl", "main.hcl", "users.csv"},
		Project:   Project{Version: "~> 1.0", Customer: "Contoso Ltd", State: dir + "/contoso.state", Mailboxes: 4},
		Endpoints: []*Endpoint{old, lab},
		Mailboxes: []*Mailbox{
			{Users: "staff", From: old, To: lab, Source: login("anna@contoso.example", "anna", ""), Wave: "1", Folders: &anna, Messages: messages,
				Destination: login("anna.lind@contoso.example", "anna.lind@contoso.example", "pw;a\"nna ")},
			{Users: "staff", From: old, To: lab, Source: login("bo@contoso.example", "bo@contoso.example", ""), Wave: "2", Folders: &users, Messages: small,
				Destination: login("records@contoso.example", "rec", "two"), Merge: true},
			{Users: "staff", From: old, To: lab, Source: Login{Address: "test@contoso.example"}, Folders: &users, Messages: messages,
				Destination: Login{}, Skip: "never used"},
			{Users: "staff", From: old, To: lab, Source: login("carla@contoso.example", "carla@contoso.example", ""), Folders: &users, Messages: messages,
				Destination: login("records@contoso.example", "records@contoso.example", "three")},
		},
		Passes: []*Pass{
			{Name: "verify", Kind: PassVerify, Order: OrderOldestFirst},
			{Name: "old-mail", Kind: PassPrestage, After: "verify", Order: OrderOldestFirst, Older: Cut{Written: "1y", Age: 365 * 24 * time.Hour}},
			{Name: "prestage", Kind: PassPrestage, After: "verify", Order: OrderNewestFirst,
				Older: Cut{Written: "2026-12-01 19:00 Europe/Stockholm", Moment: time.Date(2026, 12, 1, 18, 0, 0, 0, time.UTC)},
				Newer: Cut{Written: "2020-01-01", Moment: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}},
			{Name: "full", Kind: PassFull, After: "prestage", Order: OrderOldestFirst},
			{Name: "retry", Kind: PassRetry, Order: OrderOldestFirst, Attempts: 3, Wait: 15 * time.Minute, Implied: true},
		},
		Hash: c.Hash,
	}
	if d := cmp.Diff(want, c, plain); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := c.Mailboxes[1].Range; got.String() != "users.csv:4:1" {
		t.Errorf("second mailbox stands at %s", got)
	}
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, project(t, "a.hcl", base, "users.csv", twoUsers))
	m := c.Mailboxes[0]
	if d := cmp.Diff(&Folders{Special: SpecialAuto, Empty: true, Merge: MergeReport}, m.Folders, plain); d != "" {
		t.Errorf("folders -want +got:\n%s", d)
	}
	want := Messages{MaxSize: 150_000_000, TooLarge: TooLargeReport, Keywords: KeywordsDrop, Existing: ExistingAdopt, Receipts: ReceiptsAuto}
	if m.Messages != want {
		t.Errorf("messages = %+v", m.Messages)
	}
	if m.From.Port != 993 || m.From.TLS != TLSImplicit || m.From.Grace != time.Minute || c.Project.Mailboxes != 12 {
		t.Errorf("endpoint = %+v, project = %+v", m.From, c.Project)
	}
	if m.Destination.Password.Reveal() != "canary-anna" || m.Destination.Username != "anna@new.example" {
		t.Errorf("destination login = %s, %s", m.Destination.Username, m.Destination.Password.Reveal())
	}
	var names []string
	for _, p := range c.Passes {
		names = append(names, fmt.Sprint(p.Name, p.Implied))
	}
	if d := cmp.Diff([]string{"verifytrue", "retrytrue"}, names); d != "" {
		t.Errorf("passes -want +got:\n%s", d)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings:\n%s", render(c.Warnings))
	}
}

// TestJSON holds that the JSON form means the same as the native one.
func TestJSON(t *testing.T) {
	native := mustLoad(t, project(t, "users.csv", twoUsers, "a.hcl", base+`
folders {
  exclude = ["^Trash(/|$)"]
  rename "^INBOX/" { to = "" }
}
pass "prestage" { older_than = "90d" }
pass "full" {}
`))
	inJSON := mustLoad(t, project(t, "users.csv", twoUsers, "a.hcl.json", `{
  "//": "a comment",
  "endpoint": {"imap": {"old": {"host": "old.example.com"}, "new": {"host": "new.example.com", "port": "993"}}},
  "users": {"staff": {"from": "${endpoint.imap.old}", "to": "endpoint.imap.new", "csv": "users.csv"}},
  "folders": {"exclude": ["^Trash(/|$)"], "rename": {"^INBOX/": {"to": ""}}},
  "pass": {"prestage": {"older_than": "90d"}, "full": {}}
}`))
	native.Dir, native.Files, native.Project.State = inJSON.Dir, inJSON.Files, inJSON.Project.State
	if d := cmp.Diff(native, inJSON, plain); d != "" {
		t.Errorf("-native +JSON:\n%s", d)
	}
}

func TestHash(t *testing.T) {
	hash := func(hcl, csv string) string {
		return mustLoad(t, project(t, "a.hcl", hcl, "users.csv", csv)).Hash
	}
	was := hash(base, twoUsers)
	same := map[string]string{
		"comment": base + "# nothing\n",
		"order":   staffUsers + newEndpoint + oldEndpoint,
		"defaults": base + `folders { special = "auto" }
messages { max_size = "150MB" }
mailhaul {
  mailboxes = 3
  customer = "x"
}
`,
	}
	for name, text := range same {
		if hash(text, twoUsers) != was {
			t.Errorf("%s: the hash changed", name)
		}
	}
	lines := strings.SplitAfter(twoUsers, "\n")
	if hash(base, lines[0]+lines[2]+lines[1]) != was {
		t.Error("order of rows: the hash changed")
	}
	if hash(base, strings.ReplaceAll(twoUsers, "canary-", "other-")) != was {
		t.Error("passwords: the hash changed")
	}
	const nights = "window \"nights\" {\n  from     = \"19:00\"\n  timezone = \"UTC\"\n}\n"
	seen := map[string]string{was: "nothing"}
	for _, more := range []string{`folders { exclude = ["^A"] }`, `folders { exclude = ["^B"] }`, `folders { include = ["^A"] }`,
		`folders { mapping = ["^A->B"] }`, `folders { mapping = ["^A->C"] }`, `folders { under = "X" }`, `folders { empty = false }`,
		`folders { merge = "allow" }`, `folders { special = "none" }`, `messages { max_size = "1MB" }`, `messages { too_large = "fail" }`,
		`messages { keywords = "fail" }`, `messages { existing = "ignore" }`, `messages { receipts = "keep" }`,
		`messages { receipts = "disarm" }`, `messages { repair = true }`,
		`mailbox "anna@old.example" { skip = "x" }`, `mailbox "anna@old.example" { merge = true }`,
		`mailbox "anna@old.example" { destination = "x@new.example" }`, `pass "full" {}`, `pass "prestage" { older_than = "90d" }`,
		`pass "prestage" { older_than = "91d" }`, `pass "full" { start = "2026-12-01 19:00 UTC" }`, `pass "full" { start = "2026-12-02 19:00 UTC" }`,
		nights + `pass "full" { windows = ["nights"] }`, strings.ReplaceAll(nights, "19", "20") + `pass "full" { windows = ["nights"] }`,
		nights + `mailbox "anna@old.example" { windows = ["nights"] }`, `mailbox "anna@old.example" { windows = [] }`,
		`pass "full" { order = "newest-first" }`, `pass "retry" { attempts = 4 }`} {
		h := hash(base+more+"\n", twoUsers)
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the hash of %s", more, other)
		}
		seen[h] = more
	}
	// A plan is approved for the servers that it names, though the state file takes a server that moved for the same one.
	for _, moved := range []string{strings.ReplaceAll(base, "old.example.com", "mail.example.com"),
		strings.ReplaceAll(base, `host = "new.example.com"`, "host = \"new.example.com\"\n port = 1993")} {
		if other, ok := seen[hash(moved, twoUsers)]; ok {
			t.Errorf("another server has the hash of %s", other)
		}
	}
	if other, ok := seen[hash(base, lines[0]+lines[1])]; ok {
		t.Errorf("a mailbox less has the hash of %s", other)
	}
	if h := mustLoad(t, project(t, "a.hcl", base, "users.csv", twoUsers)).Hash; h != "a56f98b6ff9ef6f3179035b118d9b69ec0ee6de54ae30225b589f2062e03d22b" {
		t.Errorf("the hash of a project changed between versions of mailhaul: %s", h)
	}
}

// TestFunctions holds what file and command cut off: one line end and a byte-order mark, nothing else.
func TestFunctions(t *testing.T) {
	dir := project(t, "users.csv", "source,destination\na@x.example,a@y.example\n",
		"pw", "\ufeff  pass word \r\n\n", "a.hcl", `
endpoint "imap" "old" {
  host = lower("MAIL.EXAMPLE.COM")
  admin {
    user     = command("pass", "show", "a b")
    password = file("pw")
  }
}
endpoint "imap" "new" {
  host  = "new.example.com"
  port  = 900 + length(["a", "b"])
  admin {
    user     = join("-", ["a", "b"])
    password = "${env("TEST_PASSWORD")}"
  }
}
`+staffUsers)
	var ran []string
	c, ds := Load(dir, Options{Env: testEnv, RunCommand: func(_ context.Context, prog string, args []string) ([]byte, error) {
		ran = append(ran, fmt.Sprintf("%s %q", prog, args))
		return []byte("master\n\n"), nil
	}})
	if c == nil || len(ds) > 0 {
		t.Fatalf("load:\n%s", render(ds))
	}
	old, other := c.Endpoints[0], c.Endpoints[1]
	if d := cmp.Diff([]string{`pass ["show" "a b"]`}, ran); d != "" {
		t.Errorf("programs run -want +got:\n%s", d)
	}
	if old.Admin.User != "master\n" || !old.Admin.Hidden || other.Admin.Hidden || old.Admin.Password.Reveal() != "  pass word \r\n" {
		t.Errorf("admin = %q, %q", old.Admin.User, old.Admin.Password.Reveal())
	}
	if other.Port != 902 || other.Admin.User != "a-b" || other.Admin.Password.Reveal() != "canary-of-env" || old.Host != "mail.example.com" {
		t.Errorf("endpoints = %+v, %+v, %+v", old, other, other.Admin)
	}
}

// TestCommandReal runs real programs: standard output is taken, standard error explains, a hanging one ends with the context.
func TestCommandReal(t *testing.T) {
	run := runIn(t.TempDir())
	out, err := run(t.Context(), "sh", []string{"-c", "echo noise >&2; printf 'a b\\n'"})
	if string(out) != "a b\n" || err != nil {
		t.Errorf("out = %q, %v", out, err)
	}
	if _, err = run(t.Context(), "sh", []string{"-c", "echo locked >&2; echo more >&2; exit 3"}); err == nil || err.Error() != "it ended with exit status 3 and wrote: locked" {
		t.Errorf("err = %v", err)
	}
	if _, err = run(t.Context(), "sh", []string{"-c", "head -c 100000 /dev/zero"}); err == nil {
		t.Error("too much output is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = run(ctx, "sleep", []string{"60"}); err == nil {
		t.Error("an ended context is no error")
	}
}

// TestUnreadable names what can't be read, and does not go on without it.
func TestUnreadable(t *testing.T) {
	dir := project(t, "a.hcl", base, "users.csv", twoUsers)
	if err := os.Symlink("nowhere", filepath.Join(dir, "b.hcl")); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{dir: "the file b.hcl can't be read", dir + "/none": "the directory " + dir + "/none can't be read",
		dir + "/a.hcl": "the directory " + dir + "/a.hcl can't be read"} {
		c, ds := Load(at, Options{})
		if c != nil || len(ds) != 1 || ds[0].Summary != want || ds[0].Code != CodeFile {
			t.Errorf("%s:\n%s", at, render(ds))
		}
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		own, constraint string
		fits            bool
	}{
		{"1.2.0", "~> 1.0", true}, {"2.0.0", "~> 1.0", false}, {"1.2.3", "~> 1.2.3", true}, {"1.3.0", "~> 1.2.3", false},
		{"1.2.9", "~> 1.2.3", true}, {"0.9.9", "~> 1.0", false}, {"3.0.0", "~> 1", true}, {"12.0.0", "~> 1.0", false},
		{"1.0.0", ">= 0.2, < 2", true}, {"2.0.0", ">= 0.2, < 2", false}, {"1.0.0", "1.0", true}, {"1.0.1", "1.0", false},
		{"1.0.0", "!= 1.0.0", false}, {"v1.5.0-rc1", ">1.4", true}, {"1.10.0", "> 1.9", true}, {"1.4.0", "<= 1.4", true},
		{"devel", "~> 9.0", true}, {"", "= 9", true},
	} {
		_, ds := Load(project(t, "users.csv", twoUsers, "a.hcl", fmt.Sprintf("mailhaul {\n  version = %q\n}\n", c.constraint)+base), Options{Version: c.own})
		if ds.HasErrors() == c.fits {
			t.Errorf("%s for %q: fits = %v, want %v\n%s", c.constraint, c.own, !ds.HasErrors(), c.fits, render(ds))
		}
	}
}
