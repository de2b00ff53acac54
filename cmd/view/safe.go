package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe makes foreign text harmless on a terminal and in a log: control characters (C0, DEL, C1), bidirectional and other
// invisible format characters, line and paragraph separators and octets that are no UTF-8 become visible escapes, so the
// result is always one line. Everything else stays as it is, backslashes too.
func Safe(s string) string {
	if isSafe(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		b.WriteString(escape(r, s[:n]))
		s = s[n:]
	}
	return b.String()
}

// SafeLines is Safe for texts of our own that may hold several lines: line ends stay, the rest is made safe.
func SafeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Safe(strings.TrimSuffix(line, "\r"))
	}
	return strings.Join(lines, "\n")
}

func isSafe(s string) bool {
	for i, r := range s {
		if dangerous(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// dangerous tells runes that steer a terminal or change the order in which a line is read. The joiners U+200C and U+200D
// are letters of a kind in Persian and in Indian scripts and harmless on their own.
func dangerous(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f, r == '\u2028', r == '\u2029':
		return true
	case r == '\u200c', r == '\u200d':
		return false
	}
	return unicode.Is(unicode.Cf, r)
}

func escape(r rune, octets string) string {
	switch {
	case r == utf8.RuneError && len(octets) == 1:
		return fmt.Sprintf(`\x%02x`, octets[0])
	case !dangerous(r):
		return octets
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// cell makes a spreadsheet cell of a foreign text: text that a spreadsheet would take for a formula gets an apostrophe in
// front (OWASP, "CSV Injection"). Full-width signs count: some programs fold them.
func cell(s string) string {
	if s == "" {
		return s
	}
	if r, _ := utf8.DecodeRuneInString(s); strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", r) {
		s = "'" + s
	}
	return Safe(s)
}
