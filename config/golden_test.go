package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testEnv is the environment of all tests here.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{"TEST_PASSWORD": "canary-of-env", "TEST_SHORT": "x7", "TEST_HOST": "mail.example.com",
		"TEST_SECRET_ID": "22222222-2222-3333-4444-555555555555"}[name]
	return v, ok
}

// render is the least that shows everything of a diagnostic.
func render(ds Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		word := "Error"
		if d.Severity == Warning {
			word = "Warning"
		}
		fmt.Fprintf(&b, "%s: %s  [%s]\n", word, d.Summary, d.Code)
		for _, s := range d.Snippets {
			fmt.Fprintf(&b, "  %s", s.Range)
			if s.Context != "" {
				fmt.Fprintf(&b, ", %s", s.Context)
			}
			b.WriteString("\n")
			if s.Text != "" {
				fmt.Fprintf(&b, "  | %s\n", s.Text)
			}
			if carets := caretsOf(s); carets != "" {
				fmt.Fprintf(&b, "  | %s\n", carets)
			}
		}
		for _, t := range []string{d.Detail, d.Hint} {
			if t != "" {
				fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(t, "\n", "\n  "))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func caretsOf(s Snippet) string {
	end := s.Range.End.Column
	if s.Range.End.Line > s.Range.Start.Line {
		end = len([]rune(s.Text)) + 1
	}
	if end <= s.Range.Start.Column {
		return ""
	}
	return strings.Repeat(" ", s.Range.Start.Column-1) + strings.Repeat("^", end-s.Range.Start.Column)
}

// TestBad loads every broken project and compares all that is said about it.
func TestBad(t *testing.T) {
	dirs, err := filepath.Glob("testdata/bad/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("testdata/bad is empty: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c, ds := Load(dir, Options{Env: testEnv, Version: "0.1.0"})
			if !ds.HasErrors() && !strings.HasPrefix(filepath.Base(dir), "warn-") {
				t.Errorf("no error")
			}
			if (c == nil) != ds.HasErrors() {
				t.Errorf("config is nil: %v, errors: %v", c == nil, ds.HasErrors())
			}
			for _, d := range ds {
				if d.Detail == "" && d.Hint == "" {
					t.Errorf("%v does not say what to do", d)
				}
			}
			golden(t, filepath.Join(dir, "want.txt"), strings.ReplaceAll(render(ds), dir, "DIR"))
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
