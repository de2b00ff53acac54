package config

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"
)

// patterns compiles a list of regular expressions; nil if it is not written.
func (l *loader) patterns(n *node, name string) *[]Rule {
	items, ok := get[[]item](n, name)
	if !ok {
		return nil
	}
	rules := []Rule{}
	for _, it := range items {
		at := spot{n.at(it.rng), 0, false}
		if it.expr != nil {
			at.literal = true
		}
		if re, ok := l.compile(at, it.text); ok {
			rules = append(rules, Rule{Written: fmt.Sprintf("%q", it.text), Pattern: re, Range: rangeOf(it.rng)})
		}
	}
	return &rules
}

// rename reads `rename "PATTERN" { to = "..." }`.
func (l *loader) rename(n *node) (Rule, bool) {
	rng := n.labelRanges[0]
	re, ok := l.compile(spot{n.at(rng), 0, true}, n.labels[0])
	to, has := get[string](n, "to")
	if !has && !n.bad("to") {
		l.fail(CodeMissing, n.header(), "the rename rule has no to").
			explain("Write to = \"NAME\"; to = \"\" takes away what the pattern matches.")
	}
	if !ok || !has {
		return Rule{}, false
	}
	ok = l.checkReplacement(n.place("to"), re, to)
	return Rule{Written: "rename " + fmt.Sprintf("%q", n.labels[0]), Pattern: re, To: to, Range: rangeOf(n.def)}, ok
}

// mappings reads MigrationWiz's FolderMapping notation: "^Old Sent->Sent Items".
func (l *loader) mappings(n *node) *[]Rule {
	items, ok := get[[]item](n, "mapping")
	if !ok {
		return nil
	}
	rules := []Rule{}
	for _, it := range items {
		// The option is often pasted whole, with its own quotes.
		s, pasted := strings.CutPrefix(it.text, "FolderMapping=")
		s = strings.Trim(s, `"`)
		pattern, to, found := strings.Cut(s, "->")
		if !found {
			l.fail(CodeValue, n.at(it.rng), "the mapping has no arrow").
				explain("Write PATTERN->NAME, as in \"^Old Sent->Sent Items\".")
			continue
		}
		at := spot{n.at(it.rng), 0, it.expr != nil && !pasted}
		re, ok := l.compile(at, strings.TrimSpace(pattern))
		to = strings.TrimSpace(to)
		if ok && l.checkReplacement(n.at(it.rng), re, to) {
			rules = append(rules, Rule{Written: fmt.Sprintf("%q", it.text), Pattern: re, To: to, Range: rangeOf(it.rng)})
		}
	}
	return &rules
}

func (l *loader) checkUnder(n *node, under string) {
	for level := range strings.SplitSeq(under, "/") {
		if under != "" && strings.TrimSpace(level) == "" {
			l.fail(CodeValue, n.place("under"), "under = %q has an empty level", under).
				explain("Write the folder's name with / between levels, and none before or after.")
			return
		}
	}
}

// spot is where a pattern stands; literal says that the source between the quotes is the pattern, escapes apart.
type spot struct {
	place
	skip    int // characters before the pattern
	literal bool
}

// compile compiles a pattern without case, as folder names compare.
func (l *loader) compile(at spot, pattern string) (*regexp.Regexp, bool) {
	if pattern == "" {
		l.fail(CodeRegexp, at.place, "the pattern is empty").explain("An empty pattern matches every folder. For all folders write \".\" or leave the rule out.")
		return nil, false
	}
	re, err := regexp.Compile("(?i)" + pattern)
	if err == nil {
		return re, true
	}
	summary, advice, culprit := regexpTrouble(pattern, err)
	l.fail(CodeRegexp, l.narrow(at, pattern, culprit), "%s", summary).explain("%s", advice)
	return nil, false
}

// perl are the things that Go's regular expressions leave out, and what to write instead.
var perl = []struct{ begin, name, instead string }{
	{"(?!", "lookahead", "To leave folders out, list them in exclude. To rename all but some, put a rename block for those before the general one: the first match wins."},
	{"(?=", "lookahead", "Match the rest too, in a group, and write it back: rename \"^A(/.*)$\" { to = \"B$1\" }."},
	{"(?<!", "lookbehind", "To leave folders out, list them in exclude. To rename all but some, put a rename block for those before the general one: the first match wins."},
	{"(?<=", "lookbehind", "Match what stands before too, in a group, and write it back: rename \"^(A/)B\" { to = \"$1C\" }."},
	{"(?>", "atomic groups", "Write an ordinary group; these expressions never take long."},
}

// unfinished are the mistakes of those who write few regular expressions.
var unfinished = map[syntax.ErrorCode]string{
	syntax.ErrMissingRepeatArgument: `"*", "+" and "?" repeat what stands before them. ".*" matches anything; the sign itself is written "\\*".`,
	syntax.ErrMissingParen:          `A bracket "(" is not closed, or ")" not opened. One that belongs to the name is written "\\(" or "\\)".`,
	syntax.ErrUnexpectedParen:       `A bracket "(" is not closed, or ")" not opened. One that belongs to the name is written "\\(" or "\\)".`,
	syntax.ErrMissingBracket:        `A bracket "[" is not closed. One that belongs to the name is written "\\[".`,
}

// regexpTrouble explains an error of the compiler, and gives the part of the pattern it is about.
func regexpTrouble(pattern string, err error) (summary, advice, culprit string) {
	for _, p := range perl {
		if at := strings.Index(pattern, p.begin); at >= 0 {
			return "regular expressions have no " + p.name, p.instead, p.begin
		}
	}
	se, ok := err.(*syntax.Error)
	if !ok {
		return "the regular expression does not compile", "", ""
	}
	if se.Code == syntax.ErrInvalidEscape && len(se.Expr) == 2 && se.Expr[1] >= '1' && se.Expr[1] <= '9' {
		return "regular expressions have no backreferences",
			"A group can't be matched again inside the pattern. In to, write $" + se.Expr[1:] + " to insert it.", se.Expr
	}
	expr := strings.TrimPrefix(se.Expr, "(?i)")
	if advice := unfinished[se.Code]; advice != "" {
		return "the regular expression does not compile", advice, expr
	}
	return "the regular expression does not compile", sentenceOf(fmt.Errorf("%s: %s", se.Code, expr)), expr
}

// narrow points at the culprit inside the pattern where the source can be followed.
func (l *loader) narrow(at spot, pattern, culprit string) place {
	src := l.sources[at.hcl.Filename]
	i := strings.Index(pattern, culprit)
	if !at.literal || culprit == "" || i < 0 || src == nil || at.hcl.Start.Line != at.hcl.End.Line || culprit == pattern {
		return at.place
	}
	line := src.lines[at.hcl.Start.Line-1]
	from := at.hcl.Start.Byte - src.starts[at.hcl.Start.Line-1]
	to := at.hcl.End.Byte - src.starts[at.hcl.Start.Line-1]
	if from < 0 || to > len(line) || to-from < 2 || line[from] != '"' {
		return at.place
	}
	start, end, ok := inLiteral(string(line[from+1:to-1]), pattern, i, i+len(culprit))
	if !ok {
		return at.place
	}
	r := at.hcl
	text := string(line[from+1 : to-1])
	r.Start.Column += 1 + len([]rune(text[:start]))
	r.Start.Byte += 1 + start
	r.End.Column = r.Start.Column + len([]rune(text[start:end]))
	r.End.Byte = r.Start.Byte + end - start
	return at.at(r)
}

// inLiteral finds where the octets from and to of the value stand in the source of a quoted literal. Only the escapes
// of a backslash and one character are followed.
func inLiteral(source, value string, from, to int) (start, end int, ok bool) {
	if strings.Contains(source, `\u`) || strings.Contains(source, `\U`) || strings.Contains(source, "{") && strings.ContainsAny(source, "$%") {
		return 0, 0, false
	}
	v := 0
	for s := 0; s < len(source); s++ {
		if v == from {
			start = s
		}
		if v == to {
			return start, s, true
		}
		if source[s] == '\\' {
			s++
		}
		v++
	}
	return start, len(source), v == to && v <= len(value)
}

// group finds $1, ${1}, $name and ${name} in a replacement, and $$.
var group = lazily(`\$(\$|\w+|\{\w+\})`)

// checkReplacement refuses groups that the pattern does not have: Go would put nothing in their place.
func (l *loader) checkReplacement(at place, re *regexp.Regexp, to string) bool {
	for _, m := range group().FindAllStringSubmatch(to, -1) {
		name := strings.Trim(m[1], "{}")
		if m[1] == "$" {
			continue
		}
		if n, err := strconv.Atoi(name); err == nil {
			if n <= re.NumSubexp() {
				continue
			}
			l.fail(CodeRegexp, at, "the pattern has no group %s", name).
				explain("It has %d. Groups are what stands in round brackets, counted from 1.", re.NumSubexp())
			return false
		}
		if re.SubexpIndex(name) >= 0 {
			continue
		}
		f := l.fail(CodeRegexp, at, "the pattern has no group called %q", name)
		if digits := len(name) - len(strings.TrimLeft(name, "0123456789")); digits > 0 {
			f.hint("Did you mean ${%s}%s? In HCL the dollar is doubled before a bracket: $${%s}%s", name[:digits], name[digits:], name[:digits], name[digits:])
		} else {
			f.explain("A group is called so by (?P<%s>...) in the pattern; others are $1, $2 and so on. A dollar alone is $$.", name)
		}
		return false
	}
	return true
}

// lazily gives a regular expression that is compiled when it is first asked for: most runs ask few of them, and to compile
// them all would be a third of the time that the program takes to start.
func lazily(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
