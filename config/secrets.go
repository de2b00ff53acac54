package config

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// hidden is what stands where a secret stood.
const hidden = "***"

// shortest is the length from which a secret is searched for inside other text. A shorter one would take harmless words
// apart; it is hidden where it stands alone, and errors of functions that saw a secret never quote (see evalFailed).
const shortest = 4

// secrets knows every secret text of a load. Marks of go-cty do not reach the error texts of functions, so everything
// that leaves the room goes through scrub too.
type secrets struct {
	exact  map[string]bool // values that must not stand alone: passwords of the users files as well
	inside []string        // values that must not stand inside other text, longest first
}

func newSecrets() *secrets { return &secrets{exact: map[string]bool{}} }

// keep registers a secret that could turn up inside other text: from env, command, file or a literal.
func (s *secrets) keep(value string) {
	for _, v := range append([]string{value}, strings.Split(value, "\n")...) {
		v = strings.TrimSpace(v)
		if v == "" || slices.Contains(s.inside, v) {
			continue
		}
		s.exact[v] = true
		if len(v) >= shortest {
			s.inside = append(s.inside, v)
		}
	}
	slices.SortStableFunc(s.inside, func(a, b string) int { return len(b) - len(a) })
}

// keepExact registers a password of a users file. There may be a hundred thousand, and weak ones are ordinary words.
func (s *secrets) keepExact(value string) {
	if value != "" {
		s.exact[value] = true
	}
}

// scrub hides secrets in a piece of text that came from outside.
func (s *secrets) scrub(text string) string {
	if s.exact[text] {
		return hidden
	}
	return s.scrubText(text)
}

func (s *secrets) scrubText(text string) string {
	for _, v := range s.inside {
		text = strings.ReplaceAll(text, v, hidden)
	}
	return text
}

// source is a configuration file, kept to show lines of it.
type source struct {
	lines  [][]byte
	starts []int       // offset of each line
	cuts   []hcl.Range // literal secrets
	plain  []hcl.Range // values that look like secrets by name and are not
	// values says that every line may give a sensitive variable its value: a --var-file.
	values bool
}

func newSource(src []byte) *source {
	s := &source{lines: bytes.Split(src, []byte("\n"))}
	at := 0
	for _, line := range s.lines {
		s.starts = append(s.starts, at)
		at += len(line) + 1
	}
	return s
}

// secretName finds what is a secret by its name, also in a file that does not parse and under a misspelt name.
var secretName = lazily(`(?i)["']?[a-z0-9_-]*(?:pas+w?o?r?d|passphrase|passwd|pwd|pw|secret|token)[a-z0-9_-]*["']?[ \t]*[:=][ \t]*`)

// harmless are the ways to name a secret without writing it.
var harmless = lazily(`^"?(?:\$\{)?(?:env|file|command|var\.|local\.)`)

// anyName finds the values of a --var-file, whose names are the user's own.
var anyName = lazily(`^\s*["']?[\pL_][\pL\pN_-]*["']?[ \t]*[:=][ \t]*`)

// defaultName finds the default of a variable, which may be a sensitive one.
var defaultName = lazily(`["']?\bdefault["']?[ \t]*[:=][ \t]*`)

type stretch struct{ from, to int } // bytes of a line

// line gives the line of the range with its secrets replaced, and the range with its columns moved along.
func (s *source) line(h hcl.Range) (string, Range) {
	r, i := rangeOf(h), h.Start.Line-1
	if i < 0 || i >= len(s.lines) {
		return "", r
	}
	raw := bytes.TrimSuffix(s.lines[i], []byte("\r"))
	cuts := s.stretches(i, raw)
	r.Start.Column += shift(raw, cuts, h.Start.Byte-s.starts[i], 0)
	if h.End.Line == h.Start.Line {
		r.End.Column += shift(raw, cuts, h.End.Byte-s.starts[i], len(hidden))
	}
	return string(cut(raw, cuts)), r
}

// hides tells whether something is cut out of the range's first line.
func (s *source) hides(h hcl.Range) bool {
	i := h.Start.Line - 1
	return i >= 0 && i < len(s.lines) && len(s.stretches(i, s.lines[i])) > 0
}

// slice gives the text of a range within one line, or what holds where there is none.
func (s *source) slice(h hcl.Range, otherwise string) string {
	i := h.Start.Line - 1
	if i < 0 || i >= len(s.lines) || h.End.Line != h.Start.Line {
		return otherwise
	}
	c := s.part(h, i, s.lines[i])
	if c.to <= c.from {
		return otherwise
	}
	return string(s.lines[i][c.from:c.to])
}

// cut replaces the stretches.
func cut(raw []byte, cuts []stretch) []byte {
	var out []byte
	at := 0
	for _, c := range cuts {
		out = append(append(out, raw[at:c.from]...), hidden...)
		at = c.to
	}
	return append(out, raw[at:]...)
}

// shift tells by how many columns an offset moves; one inside a cut goes to the replacement's start plus inner.
func shift(raw []byte, cuts []stretch, off, inner int) int {
	delta := 0
	for _, c := range cuts {
		switch {
		case off >= c.to:
			delta += len(hidden) - utf8.RuneCount(raw[c.from:c.to])
		case off > c.from:
			delta += inner - utf8.RuneCount(raw[c.from:off])
		}
	}
	return delta
}

// stretches finds the secrets of line i, in order and without overlaps.
func (s *source) stretches(i int, raw []byte) []stretch {
	var all []stretch
	for _, c := range s.cuts {
		all = append(all, s.part(c, i, raw))
	}
	named := append(secretName().FindAllIndex(raw, -1), defaultName().FindAllIndex(raw, -1)...)
	if s.values {
		named = append(named, anyName().FindAllIndex(raw, -1)...)
	}
	for _, m := range named {
		from := m[1]
		if from >= len(raw) || harmless().Match(raw[from:]) || s.isPlain(i, from, raw) {
			continue
		}
		all = append(all, stretch{from, endOfValue(raw, from)})
	}
	slices.SortFunc(all, func(a, b stretch) int { return a.from - b.from })
	var out []stretch
	for _, c := range all {
		n := len(out)
		switch {
		case c.to <= c.from:
		case n > 0 && c.from < out[n-1].to:
			out[n-1].to = max(out[n-1].to, c.to)
		default:
			out = append(out, c)
		}
	}
	return out
}

func (s *source) isPlain(i, at int, raw []byte) bool {
	return slices.ContainsFunc(s.plain, func(p hcl.Range) bool {
		c := s.part(p, i, raw)
		return at >= c.from && at < c.to
	})
}

// part gives what of the range stands on line i; it is empty on other lines.
func (s *source) part(r hcl.Range, i int, raw []byte) stretch {
	return stretch{max(r.Start.Byte-s.starts[i], 0), min(r.End.Byte-s.starts[i], len(raw))}
}

// endOfValue finds the end of a quoted value, or of the line.
func endOfValue(raw []byte, from int) int {
	if raw[from] != '"' {
		return len(raw)
	}
	for i := from + 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}
