package view

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"INBOX/Projekte – Übersicht": "INBOX/Projekte – Übersicht",
		`C:\mail`:                    `C:\mail`,
		"受信箱 👩‍💻":                    "受信箱 👩‍💻",
		"a\x1b[2Jb":                  `a\x1b[2Jb`,
		"a\x1b]52;c;aGk=\a":          `a\x1b]52;c;aGk=\x07`,
		"line\nforged\r\n":           `line\nforged\r\n`,
		"tab\there":                  `tab\there`,
		"nul\x00del\x7f":             `nul\x00del\x7f`,
		"c1 \u009b31m \u0085":        `c1 \u009b31m \u0085`,
		"c1 octet \x9b31m":           `c1 octet \x9b31m`,
		"rtl \u202egnp.exe\u2069":    `rtl \u202egnp.exe\u2069`,
		"mark \u200f\u061c":          `mark \u200f\u061c`,
		"hidden \ufeff\u200b\u2060":  `hidden \ufeff\u200b\u2060`,
		"separators \u2028\u2029":    `separators \u2028\u2029`,
		"tag \U000e0041":             `tag \U000e0041`,
		"half \xc3":                  `half \xc3`,
		"replaced \ufffd":            "replaced \ufffd",
	} {
		if got := Safe(in); got != want {
			t.Errorf("Safe(%q) = %q, want %q", in, got, want)
		}
	}
	if got := SafeLines("one\r\ntwo \x1b\n"); got != "one\ntwo \\x1b\n" {
		t.Errorf("SafeLines = %q", got)
	}
}

func FuzzSafe(f *testing.F) {
	f.Add(nasty)
	f.Fuzz(func(t *testing.T, s string) {
		got := Safe(s)
		if !utf8.ValidString(got) || strings.IndexFunc(got, dangerous) >= 0 {
			t.Errorf("Safe(%q) = %q", s, got)
		}
		if again := Safe(got); again != got {
			t.Errorf("Safe is not stable: %q, then %q", got, again)
		}
	})
}

// TestCell: no cell of a spreadsheet is a formula (OWASP, "CSV Injection").
func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"Sent Items":            "Sent Items",
		"a=b":                   "a=b",
		"=HYPERLINK(\"x\")":     `'=HYPERLINK("x")`,
		"+1":                    "'+1",
		"-1":                    "'-1",
		"@SUM(A1)":              "'@SUM(A1)",
		"\t=1":                  `'\t=1`,
		"\r=1":                  `'\r=1`,
		"\x00=1":                `'\x00=1`,
		"\uff1dHYPERLINK(\"\")": "'\uff1dHYPERLINK(\"\")",
	} {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, want %q", in, got, want)
		}
	}
}
