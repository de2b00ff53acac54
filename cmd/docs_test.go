package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
)

const (
	docsServers = `
endpoint "imap" "old" { host = "mail.old.example" }
endpoint "imap" "new" { host = "mail.new.example" }
`
	docsUsers = `
users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}
`
	docsCSV = `source,password,destination,destination_password
anna@contoso.example,a,anna@contoso.example,b
`
	docsCSVOwnHeadings = `Old address,Old password,New address,destination_password
ceo@contoso.example,a,ceo@contoso.example,b
test@contoso.example,a,test@contoso.example,b
info@contoso.example,a,office@contoso.example,b
sales@contoso.example,a,office@contoso.example,b
`
)

// TestDocumentedConfigurationLoads puts what README and help show into a project and loads it: what people copy from
// there must work, without an error and without a warning.
func TestDocumentedConfigurationLoads(t *testing.T) {
	readme := between(t, filepath.Join("..", "README.md"), "```hcl\n", "```\n")
	for _, c := range []struct{ name, hcl, csv string }{
		{"README", readme, docsCSV},
		{"help config, the least", snippet(t, "config", "## The least"), docsCSV},
		{"help config, blocks", snippet(t, "config", "## Blocks") +
			`endpoint "imap" "new" { host = "mail.new.example" }`, docsCSVOwnHeadings},
		{"help folders", docsServers + docsUsers + snippet(t, "folders", "# folders"), docsCSV},
		{"help passes", docsServers + docsUsers + snippet(t, "passes", "# passes"), docsCSV},
		{"help imap", docsUsers + snippet(t, "imap", "# imap") +
			`endpoint "imap" "new" { host = "mail.new.example" }`, docsCSV},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"mailhaul.hcl": c.hcl, "users.csv": c.csv, "imap-admin": "secret"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "imap-admin"), filepath.Join(dir, "secrets", "imap-admin")); err != nil {
			t.Fatal(err)
		}
		_, diagnostics := config.Load(dir, config.Options{Version: "0.1.0"})
		for _, d := range diagnostics {
			t.Errorf("%s: %v %s\n%s", c.name, d, d.Detail, c.hcl)
		}
	}
}

// snippet gives the first indented blocks of a help page after the heading, up to the next heading.
func snippet(t *testing.T, topic, heading string) string {
	t.Helper()
	part := "\n" + between(t, filepath.Join("help", topic+".md"), heading, "\n## ")
	var b strings.Builder
	for line := range strings.Lines(part) {
		if code, ok := strings.CutPrefix(line, "    "); ok || strings.TrimSpace(line) == "" {
			b.WriteString(code)
		}
	}
	if strings.TrimSpace(b.String()) == "" {
		t.Fatalf("help/%s.md has nothing to copy below %q", topic, heading)
	}
	return b.String() + "\n"
}

// between gives the part of a file after the first from and before the next to.
func between(t *testing.T, file, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), from)
	part, _, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("%s has nothing between %q and %q", file, from, to)
	}
	return part
}

// TestEventsHelpNamesAll holds the page about events against what cmd/view writes: every event and every key, and no
// other.
func TestEventsHelpNamesAll(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("view", "events.go"))
	if err != nil {
		t.Fatal(err)
	}
	events := found(string(source), `Event(?:: |(?:, r\.\w+)* = )"([a-z_]+)"`)
	record := between(t, filepath.Join("view", "events.go"), "type record struct {", "\n}")
	keys := found(record, "`json:\"([a-z_]+)")
	if diff := cmp.Diff(sorted(events), sorted(documented(t, "## Events"))); diff != "" {
		t.Errorf("events in cmd/view (-) and in help events (+) differ:\n%s", diff)
	}
	if diff := cmp.Diff(sorted(keys), sorted(documented(t, "## Keys"))); diff != "" {
		t.Errorf("keys in cmd/view (-) and in help events (+) differ:\n%s", diff)
	}
}

// documented gives the words that begin the indented lines below a heading of help events.
func documented(t *testing.T, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("help", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), heading)
	part, _, _ = strings.Cut(part, "\n## ")
	var words []string
	for _, line := range found(part, `\n    ([a-z_]+(?:, [a-z_]+)*)`) {
		words = append(words, strings.Split(line, ", ")...)
	}
	return words
}

// found gives the first group of every match.
func found(text, pattern string) []string {
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

func sorted(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}
