package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

// place is where something stands. Of HCL the source line is looked up at the end, when every secret in it is known;
// a users file gives its text at once, because only its reader knows which cells are passwords.
type place struct {
	rng     Range
	hcl     hcl.Range
	context string
	text    string
}

func (p place) at(r hcl.Range) place {
	p.rng, p.hcl = rangeOf(r), r
	return p
}

func rangeOf(r hcl.Range) Range {
	return Range{File: r.Filename, Start: Pos{r.Start.Line, r.Start.Column}, End: Pos{r.End.Line, r.End.Column}}
}

// phrase is a sentence before secrets are taken out: the format is ours and harmless, the arguments may come from
// anywhere.
type phrase struct {
	format string
	args   []any
}

func (p phrase) text(s *secrets) string {
	if p.format == "" {
		return ""
	}
	args := make([]any, len(p.args))
	for i, a := range p.args {
		switch a := a.(type) {
		case string:
			args[i] = s.scrub(a)
		case error:
			args[i] = s.scrub(a.Error())
		default:
			args[i] = a
		}
	}
	return fmt.Sprintf(p.format, args...)
}

// finding is a diagnostic in the making.
type finding struct {
	severity                Severity
	code                    Code
	summary, detail, hinted phrase
	places                  []place
}

func (f *finding) explain(format string, args ...any) *finding {
	f.detail = phrase{format, args}
	return f
}

func (f *finding) hint(format string, args ...any) *finding {
	f.hinted = phrase{format, args}
	return f
}

// near hints at the known name nearest to what was written, if one is near.
func (f *finding) near(written string, known []string) *finding {
	if n := nearest(written, known); n != "" {
		f.hint("Did you mean %q?", n)
	}
	return f
}

func (f *finding) also(p place) *finding {
	f.places = append(f.places, p)
	return f
}

// report gathers everything that is wrong.
type report struct {
	found   []*finding
	sources map[string]*source
	secrets *secrets
}

func newReport() *report {
	return &report{sources: map[string]*source{}, secrets: newSecrets()}
}

func (r *report) add(sev Severity, code Code, at place, summary phrase) *finding {
	f := &finding{severity: sev, code: code, summary: summary}
	if !at.rng.IsZero() {
		f.places = []place{at}
	}
	r.found = append(r.found, f)
	return f
}

func (r *report) fail(code Code, at place, format string, args ...any) *finding {
	return r.add(Error, code, at, phrase{format, args})
}

func (r *report) warn(code Code, at place, format string, args ...any) *finding {
	return r.add(Warning, code, at, phrase{format, args})
}

// failed tells whether an error was found.
func (r *report) failed() bool {
	return slices.ContainsFunc(r.found, func(f *finding) bool { return f.severity == Error })
}

// diagnostics renders the findings, sorted by place: configuration files before the files they name.
func (r *report) diagnostics() Diagnostics {
	var ds Diagnostics
	for _, f := range r.found {
		d := Diagnostic{Severity: f.severity, Code: f.code, Summary: f.summary.text(r.secrets),
			Detail: f.detail.text(r.secrets), Hint: f.hinted.text(r.secrets)}
		for _, p := range f.places {
			d.Snippets = append(d.Snippets, r.snippet(p))
		}
		ds = append(ds, d)
	}
	slices.SortStableFunc(ds, func(a, b Diagnostic) int { return r.compare(a.Range(), b.Range()) })
	return ds
}

func (r *report) compare(a, b Range) int {
	rank := func(x Range) int {
		switch {
		case x.IsZero():
			return 0
		case r.sources[x.File] != nil:
			return 1
		}
		return 2
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	if d := strings.Compare(a.File, b.File); d != 0 {
		return d
	}
	if d := a.Start.Line - b.Start.Line; d != 0 {
		return d
	}
	return a.Start.Column - b.Start.Column
}

func (r *report) snippet(p place) Snippet {
	s := Snippet{Range: p.rng, Context: p.context, Text: p.text}
	if src := r.sources[p.rng.File]; src != nil {
		s.Text, s.Range = src.line(p.hcl)
		s.Text = r.secrets.scrubText(s.Text)
	}
	return s
}

// nearest gives the known name that was probably meant, or "": the only one that goes on from what was written, as
// older_than from older and newest-first from newest, or the one with the fewest letters changed.
func nearest(written string, known []string) string {
	begun := strings.ToLower(written)
	longer := slices.DeleteFunc(slices.Clone(known), func(k string) bool {
		return !strings.HasPrefix(k, begun+"_") && !strings.HasPrefix(k, begun+"-")
	})
	if len(longer) == 1 && written != "" {
		return longer[0]
	}
	for _, k := range synonyms()[begun] {
		if slices.Contains(known, k) {
			return k
		}
	}
	best, limit := "", 2
	if n := len(written) / 4; n > limit {
		limit = n
	}
	if len(written) < 4 {
		limit = 1
	}
	for _, k := range known {
		if d := levenshtein.Distance(strings.ToLower(written), strings.ToLower(k), nil); d <= limit && k != written {
			best, limit = k, d-1
		}
		if limit < 0 {
			break
		}
	}
	return best
}

// list names things in one line: `a, b, c`; many things are cut short.
func list(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// quoted is list with quotes.
func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return list(q)
}

// synonyms are words that people know from elsewhere, with those of the language, which no letters lead to.
func synonyms() map[string][]string {
	return map[string][]string{
		"monday": {"mon"}, "tuesday": {"tue"}, "wednesday": {"wed"}, "thursday": {"thu"}, "friday": {"fri"}, "saturday": {"sat"},
		"sunday": {"sun"}, "tues": {"tue"}, "thur": {"thu"}, "thurs": {"thu"},
		"ssl": {"implicit"}, "tls": {"implicit"}, "ssl/tls": {"implicit"}, "imaps": {"implicit", TypeIMAP}, "yes": {"implicit"},
		"on": {"implicit"}, "plain": {"none"}, "off": {"none"}, "no": {"none"},
		"office365": {TypeMicrosoft365}, "office-365": {TypeMicrosoft365}, "o365": {TypeMicrosoft365}, "m365": {TypeMicrosoft365},
		"ms365": {TypeMicrosoft365}, "exchange": {TypeMicrosoft365}, "exchange-online": {TypeMicrosoft365},
		"exchangeonline": {TypeMicrosoft365}, "outlook": {TypeMicrosoft365},
	}
}
