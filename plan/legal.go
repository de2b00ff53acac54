package plan

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"mailhaul/state/mail"
)

// legal gives the level in a form that the destination's rules allow. Two levels can come out equal; the fitter sees to
// that.
func (t *fitter) legal(level string) string {
	r := t.there.rules
	var b strings.Builder
	for i, c := range level {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(level[i:], "\uFFFD"):
			// An octet that is no UTF-8, from a server that does not encode its names.
			fmt.Fprintf(&b, "%%%02X", level[i])
		case unicode.IsControl(c), strings.ContainsRune(r.Forbidden, c), strings.ContainsRune(r.Delimiter, c):
			b.WriteRune(lookalike(c, r))
		default:
			b.WriteRune(c)
		}
	}
	out := b.String()
	if r.TrimSpaces {
		out = strings.TrimSpace(out)
	}
	if r.MaxLevel > 0 {
		out = t.cut(out, r.MaxLevel, mail.Path{level})
	}
	if out == "" {
		return "_"
	}
	return out
}

// lookalike is a character that people read as c and servers do not.
func lookalike(c rune, r mail.NameRules) rune {
	l := '_'
	switch {
	case c == '/':
		l = '\u2215' // as mail.LevelSlash
	case c == '\\':
		l = '\u2216'
	case c == '.':
		l = '\u2024'
	case c > ' ' && c < 0x7f:
		l = c + 0xfee0 // the full-width form
	case c < ' ':
		l = c + 0x2400 // the picture of the control character
	case c == 0x7f:
		l = '\u2421'
	}
	if strings.ContainsRune(r.Forbidden, l) || strings.ContainsRune(r.Delimiter, l) {
		return '_'
	}
	return l
}
