package plan

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailhaul/config"
)

func TestSaveLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "next.plan")
	want := golden(t)["prestage"].plan()
	want.Basis = &config.Basis{Endpoints: []string{"endpoint.imap.old"}}
	if err := os.WriteFile(path, []byte("an older plan"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, got), encode(t, want)) {
		t.Error("what is loaded is not what was saved")
	}
	if got.Basis == nil || !slices.Equal(got.Basis.Endpoints, want.Basis.Endpoints) {
		t.Errorf("the basis is %v", got.Basis)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("beside the plan there is %v, %v", left, err)
	}
}

func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	if err := Save(filepath.Join(dir, "no", "such", "plan"), &Plan{}); err == nil {
		t.Error("saved into a directory that is not there")
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(dir, "taken"), &Plan{}); err == nil {
		t.Error("replaced a directory")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("a failed save leaves %v, %v", left, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	whole := string(encode(t, golden(t)["prestage"].plan()))
	tests := []struct{ name, text, want string }{
		{"empty", "", "this is no plan"},
		{"another file", "mailhaul {\n}", "this is no plan"},
		{"JSON that is no plan", `{"name": 1}`, "this is no plan"},
		{"a newer format", `{"format": 2, "version": "9.1.0", "pass": 7}`, "mailhaul 9.1.0 wrote it in format 2, this one reads format 1"},
		{"cut off", whole[:len(whole)/2], "this is no plan"},
		{"an action nobody knows", strings.Replace(whole, `"action": "+"`, `"action": "-"`, 1), `action "-" of anna@contoso.example`},
		{"a mailbox more", strings.Replace(whole, `"start": 2`, `"start": 3`, 1), "its numbers do not add up"},
		{"without its lineage", strings.Replace(whole, `"lineage": "7f3a"`, `"lineage": ""`, 1), "pass, config or lineage is missing"},
		{"a word for a number", strings.Replace(whole, `"serial": 42`, `"serial": "x"`, 1), "it is damaged"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "x.plan")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path)):
			t.Errorf("%s: %v, want %q and the path", tt.name, err, tt.want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("loaded a file that is not there")
	}
}

func TestStale(t *testing.T) {
	p := &Plan{Config: "c0ffee", Lineage: "7f3a", Serial: 42, State: "contoso.state"}
	tests := []struct {
		config, lineage string
		serial          int64
		want            string
	}{
		{"c0ffee", "7f3a", 42, ""},
		{"other", "7f3a", 42, "CONFIG-CHANGED the configuration has changed since the plan was made"},
		{"c0ffee", "7f3a", 43, "STATE-CHANGED contoso.state has changed since the plan was made"},
		{"c0ffee", "beef", 42, "STATE-CHANGED the plan was made from another state file than contoso.state is now"},
		{"other", "beef", 9, "CONFIG-CHANGED the configuration has changed since the plan was made\n" +
			"STATE-CHANGED the plan was made from another state file than contoso.state is now"},
	}
	for _, tt := range tests {
		if got := notes(Stale(p, &config.Config{Hash: tt.config}, tt.lineage, tt.serial)); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}
