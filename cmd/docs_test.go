package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/cmd"
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
		{"help config, variables", docsServers + docsUsers + snippet(t, "config", "## Variables"), docsCSV},
		{"help config, who is told", docsServers + docsUsers + snippet(t, "config", "## Who is told"), docsCSV},
		{"help passes, when", docsServers + docsUsers + snippet(t, "passes", "## When"), docsCSV},
		{"help folders", docsServers + docsUsers + snippet(t, "folders", "# folders"), docsCSV},
		{"help passes", docsServers + docsUsers + snippet(t, "passes", "# passes"), docsCSV},
		{"help microsoft365", strings.ReplaceAll(docsUsers, "imap.new", "microsoft365.new") + `endpoint "imap" "old" { host = "mail.old.example" }` +
			strings.ReplaceAll(snippet(t, "microsoft365", "# microsoft365"), `env("M365_CLIENT_SECRET")`, `file("secrets/imap-admin")`), docsCSV},
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

// typed finds command lines in a page: in backquotes, indented, or after two blanks.
var typed = regexp.MustCompile("(?:`|    |[^ \n]  )mailhaul((?: --[a-z-]+ [A-Z.]+)*) ([a-z]+)([^`\n]*)")

// TestDocumentedCommandsExist asks the program for the help of every command that a page tells people to type: the
// command is there, and it has the flags.
func TestDocumentedCommandsExist(t *testing.T) {
	global := helpOf(t)
	lines := 0
	for _, page := range documents(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range typed.FindAllStringSubmatch(string(text), -1) {
			lines++
			rest, _, _ := strings.Cut(m[3], "#")
			help := helpOf(t, commandWords(m[2], rest)...)
			if help == "" {
				t.Errorf("%s: mailhaul has no command %q", page, commandWords(m[2], rest))
			}
			rest = m[1] + rest
			for _, flag := range found(rest, `(--[a-z][a-z-]*)`) {
				if !strings.Contains(help, " "+flag+" ") && !strings.Contains(global, " "+flag+" ") {
					t.Errorf("%s: mailhaul %s has no flag %s", page, m[2], flag)
				}
			}
		}
	}
	if lines < 50 {
		t.Errorf("only %d command lines found: the pattern misses them", lines)
	}
}

// commandWords gives the words of a command: two for those that have commands of their own.
func commandWords(command, rest string) []string {
	words := []string{command}
	if next := strings.Fields(rest); (command == "state" || command == "setup") && len(next) > 0 {
		words = append(words, next[0])
	}
	return words
}

// TestDocumentedPagesExist follows `mailhaul help TOPIC` and `mailhaul explain CODE` to their pages.
func TestDocumentedPagesExist(t *testing.T) {
	for _, page := range documents(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`mailhaul (help|explain) ([a-z0-9-]{2,}|[A-Z0-9]+-[A-Z0-9-]+)`).
			FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(m[1], m[2]+".md")); err != nil {
				t.Errorf("%s: %s: %v", page, m[0], err)
			}
		}
	}
}

// helpOf gives the help of a command, empty if there is none.
func helpOf(t *testing.T, command ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "help")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	none, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if cmd.Main(t.Context(), cmd.Process{Args: append(command, "--help"), Stdin: none, Stdout: out, Stderr: none}) != 0 {
		return ""
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func documents(t *testing.T) []string {
	t.Helper()
	pages := []string{filepath.Join("..", "README.md"), filepath.Join("..", "CONTRIBUTING.md")}
	for _, pattern := range []string{"help/*.md", "explain/*.md", "../examples/*/README.md"} {
		more, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	return pages
}
