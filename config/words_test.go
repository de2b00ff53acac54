package config

import (
	"strings"
	"testing"
)

// TestWordsFromElsewhere: what people call a thing elsewhere is answered with what it is called here.
func TestWordsFromElsewhere(t *testing.T) {
	const window = "window \"nights\" {\n  days = [%]\n  from = \"19:00\"\n}\n"
	for text, want := range map[string]string{
		base + strings.Replace(window, "%", `"wednesday"`, 1):                                 `Did you mean "wed"?`,
		base + strings.Replace(window, "%", `"Saturday"`, 1):                                  `Did you mean "sat"?`,
		strings.Replace(base, "host = \"old", "tls  = \"ssl\"\n  host = \"old", 1):            `Did you mean "implicit"?`,
		strings.Replace(base, "host = \"old", "tls  = \"TLS\"\n  host = \"old", 1):            `Did you mean "implicit"?`,
		strings.ReplaceAll(base, `endpoint "imap" "new"`, `endpoint "office365" "new"`):       `Did you mean "microsoft365"?`,
		strings.ReplaceAll(base, `endpoint "imap" "new"`, `endpoint "exchange-online" "new"`): `Did you mean "microsoft365"?`,
	} {
		c, found := Load(project(t, "a.hcl", text, "users.csv", twoUsers), Options{Env: testEnv, Version: "1.2.0"})
		if got := render(found); c != nil || !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}
