package config

import (
	"strings"
	"testing"
)

// TestHardCase_A06_SecretsAreReadAsTheyAre: what shells, templates and table readers make of $, %, quotes, braces or a blank at
// the end has locked many accounts. A password from a file, the environment or the table is the octets that stand there.
func TestHardCase_A06_SecretsAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, password := range []string{`$HOME`, `"quoted"`, `back\slash\`, `(a) * %d %s`, `${x} %{y}`, ` blank `, `a;b,c`, `/etc/passwd`, `'; rm`, `{5}`, "tab\tin", `#x`, `=1+1`} {
		endpoint := strings.Replace(oldEndpoint, "\n}", "\n  admin {\n    user     = \"m\"\n    password = file(\"pw\")\n  }\n}", 1) +
			strings.Replace(newEndpoint, "\n}", "\n  admin {\n    user     = \"m\"\n    password = env(\"PW\")\n  }\n}", 1)
		dir := project(t, "pw", password+"\n", "a.hcl", endpoint+staffUsers, "users.csv", "source,destination\nanna@old.example,anna@new.example\n")
		c, ds := Load(dir, Options{Env: func(name string) (string, bool) { return password, name == "PW" }, Version: "1.2.0"})
		if c == nil {
			t.Fatalf("%q: %s", password, render(ds))
		}
		for i, from := range []string{"a file", "the environment"} {
			if got := c.Endpoints[i].Admin.Password.Reveal(); got != password {
				t.Errorf("from %s: %q, want %q", from, got, password)
			}
		}
		table := "source,password,destination\nanna@old.example,\"" + strings.ReplaceAll(password, `"`, `""`) + "\",anna@new.example\n"
		if got := mustLoad(t, project(t, "a.hcl", base, "users.csv", table)).Mailboxes[0].Source.Password.Reveal(); got != password {
			t.Errorf("from the table: %q, want %q", got, password)
		}
	}
}

// TestHardCase_A07_MarksAndLineEnds: editors put a mark before a text and a line end behind it, which are not the password's. Just
// one of each is taken off, and what is no UTF-8 is refused in words instead of by the server.
func TestHardCase_A07_MarksAndLineEnds(t *testing.T) {
	t.Parallel()
	endpoint := strings.Replace(oldEndpoint, "\n}", "\n  admin {\n    user     = \"m\"\n    password = file(\"pw\")\n  }\n}", 1)
	for file, want := range map[string]string{"§": "§", "§\n": "§", "§\r\n": "§", "\ufeff§\r\n": "§", "§\n\n": "§\n", "§ \n": "§ ", "\u00e9\n": "\u00e9",
		"\ufeff\ufeffx": "\ufeffx", "caf\xe9\n": ""} {
		c, ds := Load(project(t, "pw", file, "a.hcl", endpoint+newEndpoint+staffUsers, "users.csv", twoUsers), Options{Version: "1.2.0"})
		switch {
		case want == "" && (c != nil || !strings.Contains(render(ds), "not UTF-8")):
			t.Errorf("%q is taken: %s", file, render(ds))
		case want != "" && (c == nil || c.Endpoints[0].Admin.Password.Reveal() != want):
			t.Errorf("%q is not read as %q: %s", file, want, render(ds))
		}
	}
}
