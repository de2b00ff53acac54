package view

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailhaul/config"
	"mailhaul/state/mail"
)

func place(file string, line, from, to int) config.Range {
	return config.Range{File: file, Start: config.Pos{Line: line, Column: from}, End: config.Pos{Line: line, Column: to}}
}

// TestDiagnostics shows what cli.md shows, and warnings, places without columns and hostile text.
func TestDiagnostics(t *testing.T) {
	everyWay(t, "diagnostics", func(o Output) error {
		return Diagnostics(o, config.Diagnostics{
			{Code: config.CodeReference, Summary: `there is no window "evenings"`,
				Snippets: []config.Snippet{{Range: place("mailhaul.hcl", 115, 17, 27), Context: `in pass "prestage"`,
					Text: `  windows    = ["evenings", "weekend"]`}},
				Detail: `Windows in this file: "nights" (line 94), "weekend" (line 101).`, Hint: `Did you mean "nights"?`},
			{Code: config.CodeMerge, Summary: "two mailboxes would be copied into one",
				Snippets: []config.Snippet{
					{Range: place("users.csv", 48, 1, 1), Text: "b.lind@contoso.example;...;bo@contoso.example"},
					{Range: place("users.csv", 17, 1, 1), Text: "bo@contoso.example;...;bo@contoso.example"}},
				Detail: "Both lines have the destination bo@contoso.example. If that is intended, add to mailhaul.hcl:\n" +
					`  mailbox "b.lind@contoso.example" { merge = true }`},
			{Severity: config.Warning, Code: config.CodeSecret, Summary: "a secret stands in the file",
				Snippets: []config.Snippet{{Range: place("mailhaul.hcl", 9, 2, 10), Context: `in endpoint "imap" "old"`,
					Text: "\tpassword = \"***\""}},
				Detail: `Take it from env("NAME"), file("path") or command("program").`},
			{Code: config.CodeCSVRow, Summary: "no address: " + nasty,
				Snippets: []config.Snippet{{Range: place("users.csv", 3, 9, 17), Text: nasty}}, Detail: nasty, Hint: nasty},
			{Code: config.CodeMissing, Summary: "there is no endpoint"},
		})
	})
}

// TestCarets: the carets stand below what they mean, whatever is shown wider than one column before it.
func TestCarets(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		from, to int
		want     string // what stands above the carets
	}{
		"plain":                 {`a = "nights"`, 5, 13, `"nights"`},
		"tabs":                  {"\t\ta = \"nights\"", 7, 15, `"nights"`},
		"wide runes":            {`name = "受信箱" + x`, 16, 17, `x`},
		"wide runes themselves": {`name = "受信箱" + x`, 9, 12, `受信箱`},
		"combining marks":       {"a = \"e\u0301e\u0301\" + x", 12, 13, "x"},
		"escapes":               {"a = \"\x1b[2J\" + x", 14, 15, "x"},
		"no UTF-8":              {"a = \"\xff\" + x", 11, 12, "x"},
		"whole line":            {"pass", 1, 5, "pass"},
		"far to the right":      {strings.Repeat("x", 300) + "HERE" + strings.Repeat("y", 300), 301, 305, "HERE"},
		"to the right, wide":    {strings.Repeat("受", 100) + "HERE", 101, 105, "HERE"},
	} {
		t.Run(name, func(t *testing.T) {
			text := rendered(t, 80, nil, func(o Output) error {
				return Diagnostics(o, config.Diagnostics{{Snippets: []config.Snippet{{Range: place("a.hcl", 7, c.from, c.to), Text: c.text}}}})
			})
			fits(t, text, 80)
			lines := strings.Split(text, "\n")
			source, carets := lines[3], lines[4]
			from := strings.IndexByte(carets, '^')
			if from < 0 {
				t.Fatalf("no carets in\n%s", text)
			}
			to := from + strings.Count(carets, "^")
			if got := columnsOf(source, from, to); got != c.want {
				t.Errorf("the carets mean %q, want %q, in\n%s", got, c.want, text)
			}
		})
	}
}

// columnsOf gives the stretch of a line between two display columns.
func columnsOf(line string, from, to int) string {
	var b strings.Builder
	column := 0
	for _, r := range line {
		if column >= from && column < to {
			b.WriteRune(r)
		}
		column += width(string(r))
	}
	return b.String()
}

func TestCaretBehindTheLine(t *testing.T) {
	for _, r := range []config.Range{place("a.hcl", 7, 5, 5), place("a.hcl", 7, 99, 99), {File: "a.hcl",
		Start: config.Pos{Line: 7, Column: 3}, End: config.Pos{Line: 9, Column: 2}}} {
		text := rendered(t, 80, nil, func(o Output) error {
			return Diagnostics(o, config.Diagnostics{{Summary: "s", Snippets: []config.Snippet{{Range: r, Text: "pass"}}}})
		})
		if !strings.Contains(text, "^") {
			t.Errorf("%v: no caret in\n%s", r, text)
		}
	}
}

// TestWarningsAlone: with warnings alone nothing says that nothing was contacted.
func TestWarningsAlone(t *testing.T) {
	text := rendered(t, 80, nil, func(o Output) error {
		return Diagnostics(o, config.Diagnostics{{Severity: config.Warning, Summary: "old word"}})
	})
	if text != "Warning: old word\n\n" {
		t.Errorf("got %q", text)
	}
}

// TestRunErrors shows the two forms of cli.md, one with hostile text.
func TestRunErrors(t *testing.T) {
	now := at("2026-11-23 21:30:00")
	denied := RunError{
		Summary: "Microsoft 365 refused app-only access to 3 mailboxes", Code: "M365-MAILBOX-DENIED",
		Names: []string{"gita@contoso.example", "hugo@contoso.example", "ivan@contoso.example"},
		Snippets: []config.Snippet{{Range: config.Range{File: "mailhaul.hcl", Start: config.Pos{Line: 31}},
			Context: `in endpoint "microsoft365" "new"`, Text: `  client_id = "11111111-2222-3333-4444-555555555555"`}},
		Detail: "The application signed in, but has no permission on these mailboxes. An administrator can grant it; it " +
			"can take an hour to count:\n  Add-MailboxPermission -Identity gita@contoso.example -User <service principal id> " +
			"-AccessRights FullAccess\nThe other 205 mailboxes go on.",
	}
	many := RunError{Summary: strings.Repeat("long ", 30), Code: mail.CodeInternal}
	for i := range 14 {
		many.Names = append(many.Names, fmt.Sprintf("user%d@contoso.example", i))
	}
	everyWay(t, "errors", func(o Output) error {
		var failed []error
		for _, e := range []RunError{
			denied,
			Locked("contoso.state", Holder{ID: "7f3a", User: "anna", Host: "mig01", PID: 4121, Started: at("2026-11-23 19:00:00"),
				Known: true, Running: true}, now),
			Locked("contoso.state", Holder{ID: "7f3a", User: nasty, Host: nasty, PID: 1, Started: at("2026-11-20 19:00:00")}, now),
			many,
			{Summary: nasty, Names: []string{nasty}, Detail: "plain"},
		} {
			failed = append(failed, WriteError(o, e), o.put("\n----\n"))
		}
		return errors.Join(failed...)
	})
}

// TestHints: every code has a hint that fits one line and does not end in a full stop.
func TestHints(t *testing.T) {
	var codes []string
	for _, c := range mail.Codes() {
		codes = append(codes, string(c))
	}
	for _, c := range config.Codes() {
		codes = append(codes, string(c))
	}
	if len(runAdvice())+len(configHints()) != len(codes) {
		t.Errorf("%d codes, %d hints", len(codes), len(runAdvice())+len(configHints()))
	}
	for _, code := range codes {
		h := Hint(code)
		if h == "" || strings.HasSuffix(h, ".") || strings.Contains(h, "\n") || width(h) > 100 {
			t.Errorf("hint of %s: %q", code, h)
		}
	}
	for _, c := range mail.Codes() {
		if cause(c) == "" && !strings.HasPrefix(string(c), "STATE-") {
			t.Errorf("%s has no cause", c)
		}
	}
	if Hint("NO-SUCH-CODE") != "" {
		t.Error("a hint for no code")
	}
}
