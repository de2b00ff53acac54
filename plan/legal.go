package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"mailhaul/state/mail"
)

// legal gives the level in a form that the destination's rules allow. Two levels can come out equal; the
// fitter sees to that.
func (t *places) legal(level string) string {
	r := t.rules
	var b strings.Builder
	for _, c := range text(level) {
		if unicode.IsControl(c) || strings.ContainsRune(r.Forbidden, c) || strings.ContainsRune(r.Delimiter, c) {
			c = lookalike(c, r)
		}
		b.WriteRune(c)
	}
	out := b.String()
	if r.TrimSpaces {
		out = strings.TrimSpace(out)
	}
	if r.MaxLevel > 0 {
		out = cut(out, r.MaxLevel, mail.Path{level})
	}
	if out == "" {
		return "_"
	}
	return out
}

// keeps tells whether a level is legal as it is.
func (t *places) keeps(level string) bool { return t.free && plain(level) || t.legal(level) == level }

// plain tells of most levels that every server can hold them.
func plain(level string) bool {
	for i := range len(level) {
		if c := level[i]; c < ' ' || c >= 0x7f || c == '/' {
			return false
		}
	}
	return level != ""
}

// legalPath gives every level in its legal form.
func (t *places) legalPath(p mail.Path) mail.Path {
	out := make(mail.Path, len(p))
	for i, l := range p {
		out[i] = t.legal(l)
	}
	return out
}

// text writes octets that are no UTF-8, from a server that does not encode its names, as =E4.
func text(level string) string {
	if utf8.ValidString(level) {
		return level
	}
	var b strings.Builder
	for i := 0; i < len(level); {
		c, n := utf8.DecodeRuneInString(level[i:])
		if c == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, "=%02X", level[i])
		} else {
			b.WriteString(level[i : i+n])
		}
		i += n
	}
	return b.String()
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

// cut shortens a level to a number of characters, the last of them a digest of the whole name.
func cut(level string, length int, p mail.Path) string {
	if utf8.RuneCountInString(level) <= length {
		return level
	}
	tail := digest(p)
	if length <= len(tail) {
		return tail[:length]
	}
	head := string([]rune(level)[:length-len(tail)-1])
	return strings.TrimRight(head, " ") + "-" + tail
}

const digestLength = 8

// digest names a path in eight characters, the same in every run.
func digest(p mail.Path) string {
	sum := sha256.Sum256([]byte(spelling(p)))
	return hex.EncodeToString(sum[:digestLength/2])
}
