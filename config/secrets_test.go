package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary is part of every secret of testdata and of these tests.
const canary = "canary"

// TestSecretVerbs holds that no verb and no encoding shows a secret.
func TestSecretVerbs(t *testing.T) {
	s := NewSecret("hunter2")
	holder := struct {
		S Secret
		P *Secret
		L []Secret
	}{s, &s, []Secret{s}}
	for _, verb := range "vdsqxXcbeoUtpTw%" {
		for _, flags := range []string{"", "+", "#", "-20", "#+"} {
			for _, v := range []any{s, &s, holder, &holder} {
				format := "%" + flags + string(verb)
				if got := fmt.Sprintf(format, v); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e74657232") {
					t.Errorf("%s of %T gives %s", format, v, got)
				}
			}
		}
	}
	b, err := json.Marshal(holder)
	if err != nil || strings.Contains(string(b), "hunter2") || !strings.Contains(string(b), hidden) {
		t.Errorf("json = %s, %v", b, err)
	}
}

// TestCanaries loads every project of testdata, where each secret holds the canary, and looks for it in all that comes out.
func TestCanaries(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/*")
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, dir := range append(dirs, "testdata/good") {
		held += strings.Count(readAll(t, dir), canary)
		c, ds := Load(dir, Options{Env: testEnv, Version: "1.2.0"})
		out := render(ds) + fmt.Sprintf("%+v %#v %s %v", ds, ds, ds.Error(), ds)
		if c != nil {
			out += dump(c)
		}
		if at := strings.Index(out, canary); at >= 0 {
			t.Errorf("%s: ...%s...", dir, out[max(at-200, 0):min(at+50, len(out))])
		}
	}
	if held < 100 {
		t.Errorf("only %d canaries in testdata", held)
	}
}

// TestGoodHidesSecrets prints a whole configuration that holds every kind of secret.
func TestGoodHidesSecrets(t *testing.T) {
	c := mustLoad(t, project(t, "pw", "canary-file\n", "a.hcl",
		strings.Replace(oldEndpoint, "\n}", "\n  admin {\n    user     = \"m\"\n    password = file(\"pw\")\n  }\n}", 1)+
			strings.Replace(newEndpoint, "\n}", "\n  admin {\n    user     = \"m\"\n    password = \"canary-literal\"\n  }\n}", 1)+
			strings.Replace(newEndpoint, `"new"`, `"third"`, 1)+staffUsers+
			strings.Replace(strings.Replace(staffUsers, "staff", "more", 1), "users.csv", "more.csv", 1)+"\n",
		"users.csv", twoUsers, "more.csv", "source,destination_password,password,destination\nc@x.example,canary-d,canary-e,c@y.example\n"))
	out := dump(c) + render(c.Warnings)
	if strings.Contains(out, canary) || !strings.Contains(out, hidden) {
		t.Errorf("dump shows secrets: %s", out)
	}
	if c.Endpoints[0].Admin.Password.Reveal() != "canary-file" || c.Endpoints[1].Admin.Password.Reveal() != "canary-literal" {
		t.Errorf("the secrets were lost")
	}
}

// TestShortSecret holds that an error text of a function does not quote even a secret too short to search for.
func TestShortSecret(t *testing.T) {
	_, ds := Load(project(t, "users.csv", twoUsers, "a.hcl", strings.Replace(base, "\n}", "\n  port = parseint(env(\"TEST_SHORT\"), 10)\n}", 1)), Options{Env: testEnv})
	if out := render(ds); !ds.HasErrors() || strings.Contains(out, "x7") {
		t.Errorf("got:\n%s", out)
	}
}

// TestCutMovesCarets holds that a place behind a cut still has its carets under it.
func TestCutMovesCarets(t *testing.T) {
	_, ds := Load(project(t, "a.hcl.json", `{"endpoint": {"imap": {"old": {"admin": {"user": "ö", "password": "canäry-long-and-longer"}, "host": "a b"}}}}`), Options{})
	for _, d := range ds {
		if !strings.Contains(d.Summary, "host name") {
			continue
		}
		s := d.Snippets[0]
		if got := string([]rune(s.Text)[s.Range.Start.Column-1 : s.Range.End.Column-1]); got != `"a b"` {
			t.Errorf("carets under %s in %s", got, s.Text)
		}
		return
	}
	t.Errorf("no such error:\n%s", render(ds))
}

// dump prints a configuration with everything it points to.
func dump(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v %#v\n", c, c)
	for _, e := range c.Endpoints {
		fmt.Fprintf(&b, "%+v %#v %+v %#v\n", e, e, e.Admin, e.Admin)
	}
	for _, m := range c.Mailboxes {
		fmt.Fprintf(&b, "%+v %#v %+v\n", m, m, m.Folders)
	}
	return b.String()
}

func readAll(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range files {
		s, err := os.ReadFile(f)
		if err != nil {
			continue // a directory
		}
		b.Write(s)
	}
	return b.String()
}

func FuzzLoad(f *testing.F) {
	f.Add(base, false)
	f.Add(base+"folders {\n  rename \"^A(.*)\" { to = \"$1\" }\n  mapping = [\"a->b\"]\n}\npass \"full\" { older_than = \"90d\" }\n", false)
	f.Add(`{"endpoint": {"imap": {"old": {"host": "x", "admin": {"user": "m", "password": "p"}}}}}`, true)
	complete, err := os.ReadFile("../examples/complete/mailhaul.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(complete), false)
	f.Add(base+declared, false)
	f.Add(`{"variable": {"a": {"type": "list(string)", "default": ["x"]}}, "locals": {"b": "${var.a[0]}"}, "window": {"n": {"from": "19:00"}}}`, true)
	good, err := os.ReadFile("testdata/good/main.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good), false)
	bad, err := filepath.Glob("testdata/bad/*/*.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range bad {
		s, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(s), false)
	}
	dirs := map[bool]string{false: project(f, "users.csv", twoUsers), true: project(f, "users.csv", twoUsers)}
	f.Fuzz(func(t *testing.T, text string, inJSON bool) {
		if strings.Contains(text, "file") || strings.Contains(text, "command") || strings.Contains(text, "format") {
			return // the real file system, and widths that only cost memory
		}
		name := "a.hcl"
		if inJSON {
			name += ".json"
		}
		if err := os.WriteFile(filepath.Join(dirs[inJSON], name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, ds := Load(dirs[inJSON], Options{Env: testEnv})
		checkResult(t, c, ds)
		if strings.Contains(render(ds), "canary-") && !strings.Contains(text, "canary-") {
			t.Errorf("a secret came out:\n%s", render(ds))
		}
	})
}
