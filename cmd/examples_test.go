package cmd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/cmd"
	"mailhaul/config"
)

// exampleEnv are the secrets that the examples take from the environment.
var exampleEnv = map[string]string{"OLD_ADMIN_PASSWORD": "canary-old", "NEW_ADMIN_PASSWORD": "canary-new",
	"M365_CLIENT_SECRET": "canary-cloud", "SMTP_PASSWORD": "canary-smtp", "MAILHAUL_VAR_tenant": "contoso.onmicrosoft.com"}

func loadExample(t *testing.T, name string) *config.Config {
	t.Helper()
	c, diagnostics := config.Load(filepath.Join("..", "examples", name), config.Options{
		Version: cmd.Version, Env: func(key string) (string, bool) { v, ok := exampleEnv[key]; return v, ok },
	})
	for _, d := range diagnostics {
		t.Errorf("%s: %v", name, d)
	}
	if c == nil {
		t.FailNow()
	}
	return c
}

// TestExamplesLoad loads every example: no error, no warning, the usual form, a README, and somebody to move.
func TestExamplesLoad(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		t.Run(e.Name(), func(t *testing.T) {
			inUsualForm(t, filepath.Join("..", "examples", e.Name(), "mailhaul.hcl"))
			if _, err := os.Stat(filepath.Join("..", "examples", e.Name(), "README.md")); err != nil {
				t.Error(err)
			}
			c := loadExample(t, e.Name())
			if len(c.Endpoints) != 2 || len(c.Mailboxes) < 2 {
				t.Errorf("%d endpoints, %d mailboxes", len(c.Endpoints), len(c.Mailboxes))
			}
		})
	}
	if diff := cmp.Diff([]string{"complete", "imap-to-imap", "imap-to-microsoft365", "minimal"}, names); diff != "" {
		t.Errorf("examples differ (-want +got):\n%s", diff)
	}
}

func inUsualForm(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	usual, diagnostics := config.Format(text, file)
	if diagnostics.HasErrors() || string(usual) != string(text) {
		t.Errorf("%s is not as mailhaul fmt writes it: %v", file, diagnostics)
	}
}

// TestExampleIMAPToIMAP holds what its README says against what is loaded.
func TestExampleIMAPToIMAP(t *testing.T) {
	c := loadExample(t, "imap-to-imap")
	waves, skipped, under := map[string]int{}, 0, ""
	for _, m := range c.Mailboxes {
		waves[m.Wave]++
		if m.Skip != "" {
			skipped++
		}
		if m.Name() == "archive@fabrikam.example" {
			under = m.Folders.Under
		}
	}
	if diff := cmp.Diff(map[string]int{"office": 2, "sales": 3}, waves); diff != "" {
		t.Errorf("waves differ (-want +got):\n%s", diff)
	}
	if skipped != 1 || under != "Old server" {
		t.Errorf("%d mailboxes skipped, the archive goes under %q", skipped, under)
	}
	for _, e := range c.Endpoints {
		if e.Admin == nil || e.Admin.Password.IsZero() {
			t.Errorf("%s has no admin with a password", e.Ref())
		}
	}
	var passes []string
	for _, p := range c.Passes {
		passes = append(passes, p.Name)
	}
	if diff := cmp.Diff([]string{"verify", "prestage", "full", "retry"}, passes); diff != "" {
		t.Errorf("passes differ (-want +got):\n%s", diff)
	}
}
