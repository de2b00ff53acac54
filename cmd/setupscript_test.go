package cmd

import (
	"slices"
	"strings"
	"testing"

	"mailhaul/config"
)

// wholePS reads a script as PowerShell's lexer does: every string and here-string ends, brackets match, and each mailbox comes
// out of its string or its cell as it stands in the configuration, whatever it holds. PowerShell itself is not needed.
func wholePS(t *testing.T, name, script string, mailboxes []*config.Mailbox) {
	t.Helper()
	l := &psLexer{rest: []rune(script)}
	for len(l.rest) > 0 && l.fault == "" {
		l.step()
	}
	if l.fault != "" || len(l.open) > 0 {
		t.Errorf("%s: %s; open are %q", name, l.fault, string(l.open))
	}
	for _, m := range mailboxes {
		user := m.Destination.Username
		cell := slices.ContainsFunc(l.texts, func(text string) bool { // a field of the CSV in the here-string
			return strings.Contains(text, "\n"+psCell(user)+",")
		})
		if m.Skip == "" && !cell && !slices.Contains(l.texts, user) {
			t.Errorf("%s: no string is %q", name, user)
		}
	}
}

// psLexer is as much of PowerShell's grammar as tells code from strings.
type psLexer struct {
	rest  []rune
	open  []rune   // brackets
	texts []string // what the single-quoted strings hold
	fault string
}

const singles, doubles = "'\u2018\u2019\u201a\u201b", "\"\u201c\u201d\u201e"

// step takes one token, or one sign of it.
func (l *psLexer) step() {
	c, next := l.rest[0], rune(0)
	if len(l.rest) > 1 {
		next = l.rest[1]
	}
	switch {
	case c == '#':
		l.skip(slices.Index(l.rest, '\n'))
	case c == '`':
		l.skip(2)
	case c == '@' && strings.ContainsRune(singles, next):
		l.hereString()
	case strings.ContainsRune(singles, c):
		l.quoted(singles, false)
	case strings.ContainsRune(doubles, c):
		l.quoted(doubles, true)
	case strings.ContainsRune("([{", c):
		l.open = append(l.open, c)
		l.skip(1)
	case strings.ContainsRune(")]}", c):
		pair := map[rune]rune{')': '(', ']': '[', '}': '{'}[c]
		if n := len(l.open); n == 0 || l.open[n-1] != pair {
			l.fault = "a bracket closes nothing before " + string(l.rest[:min(40, len(l.rest))])
			return
		}
		l.open = l.open[:len(l.open)-1]
		l.skip(1)
	default:
		l.skip(1)
	}
}

func (l *psLexer) skip(n int) {
	if n < 0 || n > len(l.rest) {
		n = len(l.rest)
	}
	l.rest = l.rest[n:]
}

// quoted takes a string: a quote twice stands for one of it, and in double quotes a backtick keeps the next sign. No string of
// these scripts goes over a line.
func (l *psLexer) quoted(quotes string, escapes bool) {
	var text []rune
	for i := 1; i < len(l.rest); i++ {
		c := l.rest[i]
		switch {
		case c == '\n':
			l.fault = "a string goes on over the line: " + string(text)
			return
		case escapes && c == '`':
			i++
		case escapes && c == '$' && i+1 < len(l.rest) && l.rest[i+1] == '(':
			i += l.inner(l.rest[i+1:])
		case strings.ContainsRune(quotes, c) && i+1 < len(l.rest) && strings.ContainsRune(quotes, l.rest[i+1]):
			i++
			text = append(text, l.rest[i])
		case strings.ContainsRune(quotes, c):
			if !escapes {
				l.texts = append(l.texts, string(text))
			}
			l.skip(i + 1)
			return
		default:
			text = append(text, c)
		}
	}
	l.fault = "a string does not end: " + string(text)
}

// inner takes the code of a $(...) within a string, and gives its length.
func (l *psLexer) inner(rest []rune) int {
	in := &psLexer{rest: rest}
	for in.step(); len(in.open) > 0 && len(in.rest) > 0 && in.fault == ""; {
		in.step()
	}
	l.fault = in.fault
	return len(rest) - len(in.rest)
}

// hereString takes what stands between @' and a line that begins with '@.
func (l *psLexer) hereString() {
	for i := 2; i+2 < len(l.rest); i++ {
		if l.rest[i] == '\n' && strings.ContainsRune(singles, l.rest[i+1]) {
			if l.rest[i+2] != '@' {
				l.fault = "a line of a here-string begins with a quote"
			}
			l.texts = append(l.texts, string(l.rest[2:i+1]))
			l.skip(i + 3)
			return
		}
	}
	l.fault = "a here-string does not end"
}
