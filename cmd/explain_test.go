package cmd_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// TestExplainPagesMatchCodes holds the pages of `mailhaul explain` against the codes that mailhaul can show.
func TestExplainPagesMatchCodes(t *testing.T) {
	var want []string
	for _, c := range mail.Codes() {
		want = append(want, string(c))
	}
	for _, c := range config.Codes() {
		want = append(want, string(c))
	}
	slices.Sort(want)
	if twice := slices.Compact(slices.Clone(want)); len(twice) != len(want) {
		t.Fatalf("a code is listed twice: %v", want)
	}
	if diff := cmp.Diff(want, pageNames(t, "explain")); diff != "" {
		t.Errorf("codes (-) and pages in cmd/explain (+) differ:\n%s", diff)
	}
}

// codeShaped is how an error code looks in the source: a family that users know, and words.
var codeShaped = regexp.MustCompile("^(CONFIG|IMAP|M365|GRAPH|EWS|OAUTH|QUOTA|MESSAGE|STATE|DNS)-[A-Z0-9]+(-[A-Z0-9]+)*$")

// TestEveryCodeInTheSourceHasAPage reads the source of the program for texts that are codes: none can be emitted that is
// not explained, whether or not it is listed.
func TestEveryCodeInTheSourceHasAPage(t *testing.T) {
	pages := pageNames(t, "explain")
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if supportsTests(s.room) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err == nil && codeShaped.MatchString(text) {
				seen[text] = true
				if !slices.Contains(pages, text) {
					t.Errorf("%s: the code %s has no page in cmd/explain", s.fset.Position(lit.Pos()), text)
				}
			}
			return true
		})
	}
	for _, code := range pages {
		if !seen[code] {
			t.Errorf("the page of %s explains a code that stands nowhere in the source", code)
		}
	}
}

// TestExplainPagesHaveTheirParts reads each page: a title, a sentence, and the four questions in their order.
func TestExplainPagesHaveTheirParts(t *testing.T) {
	headings := []string{"## What happened", "## Why", "## What to do", "## What mailhaul does meanwhile"}
	for _, code := range pageNames(t, "explain") {
		text := readPage(t, "explain", code)
		if !strings.HasPrefix(text, "# "+code+"\n\n") {
			t.Errorf("%s: does not begin with its code", code)
		}
		var got []string
		for part := range strings.SplitSeq(text, "\n\n") {
			if strings.HasPrefix(part, "## ") {
				got = append(got, part)
			} else if strings.TrimSpace(part) == "" {
				t.Errorf("%s: has an empty part", code)
			}
		}
		if diff := cmp.Diff(headings, got); diff != "" {
			t.Errorf("%s: headings differ (-want +got):\n%s", code, diff)
		}
	}
}

// TestHelpTopics holds the help topics against the list that users are promised.
func TestHelpTopics(t *testing.T) {
	want := []string{"comparison", "config", "environment", "events", "exit-codes", "folders", "imap", "microsoft365", "passes",
		"troubleshooting"}
	if diff := cmp.Diff(want, pageNames(t, "help")); diff != "" {
		t.Errorf("topics (-) and pages in cmd/help (+) differ:\n%s", diff)
	}
}

// TestPagesFitATerminal keeps pages readable as they are: no line over 80 columns, no tabs, a title first.
func TestPagesFitATerminal(t *testing.T) {
	for _, dir := range []string{"help", "explain"} {
		for _, name := range pageNames(t, dir) {
			text := readPage(t, dir, name)
			if !strings.HasPrefix(text, "# "+name) {
				t.Errorf("%s/%s.md: the title does not begin with %q", dir, name, name)
			}
			for i, line := range strings.Split(text, "\n") {
				if len([]rune(line)) > 80 || strings.ContainsAny(line, "\t\r") || strings.HasSuffix(line, " ") {
					t.Errorf("%s/%s.md:%d: over 80 columns, a tab or a blank at the end: %q", dir, name, i+1, line)
				}
			}
		}
	}
}

func pageNames(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".md"))
	}
	slices.Sort(names)
	return names
}

func readPage(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
