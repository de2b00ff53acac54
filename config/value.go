package config

import (
	"fmt"
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// value is what an attribute holds, read as its kind.
type value struct {
	got    any // string, int, bool, []item, int64, time.Duration, Cut, Secret, endpointRef or, kept, the expression
	expr   hcl.Expression
	absent bool // it is null, which means not written
	secret bool // it comes from a secret; of those that only a server sees
}

// item is one element of a list, with its place.
type item struct {
	text string
	rng  hcl.Range
	expr hcl.Expression // nil where the list was computed
}

// readValue reads the attribute; what is wrong with it is reported.
func (l *loader) readValue(n *node, a *hcl.Attribute, spec attrSpec) (value, bool) {
	v := value{expr: a.Expr}
	switch spec.kind {
	case reference:
		return l.readReference(n, a)
	case texts:
		return l.readTexts(n, a, spec)
	case kept:
		v.got = a.Expr
		return v, true
	}
	if spec.kind == password {
		l.hideLiterals(n, a.Name, a.Expr)
	}
	at := n.at(a.Expr.Range())
	raw, ok := l.evalFor(a.Expr, at, spec)
	if !ok || raw.IsNull() {
		v.absent = ok
		return v, false
	}
	raw, marks := raw.UnmarkDeep()
	v.secret = len(marks) > 0
	switch spec.kind {
	case number:
		v.got, ok = l.readNumber(at, raw, spec)
	case yesNo:
		v.got, ok = l.readFlag(at, raw, spec)
	default:
		v.got, ok = l.readText(at, raw, spec)
	}
	return v, ok
}

// evalFor computes the value of an attribute, and refuses a secret where people would see it: in plans, reports, errors
// and traces. Only a password and a name to sign in with may be one.
func (l *loader) evalFor(expr hcl.Expression, at place, spec attrSpec) (cty.Value, bool) {
	v, ok := l.evalMarked(expr, at, spec.kind == password)
	if !ok {
		return cty.NilVal, false
	}
	l.keepMarked(v)
	if v.ContainsMarked() && spec.kind != password && !spec.login {
		l.fail(CodeSecret, at, "%s can't hold a secret", spec.name).
			explain("It is shown to people, and what comes from env, command or a sensitive variable\n"+
				"never is. If it is no secret, write variable \"x\" {} and %s = var.x,\n"+
				"and set %sx in the environment.", spec.name, VariablePrefix)
		return cty.NilVal, false
	}
	return v, true
}

func (l *loader) readNumber(at place, raw cty.Value, spec attrSpec) (any, bool) {
	num, err := convert.Convert(raw, cty.Number)
	if err == nil && !num.IsNull() {
		f := num.AsBigFloat()
		if i, acc := f.Int64(); acc == big.Exact && i >= int64(spec.min) && i <= int64(spec.max) {
			return int(i), true
		}
	}
	l.fail(CodeValue, at, "%s does not take this value", spec.name).
		explain("It takes a whole number from %d to %d.", spec.min, spec.max)
	return nil, false
}

func (l *loader) readFlag(at place, raw cty.Value, spec attrSpec) (any, bool) {
	b, err := convert.Convert(raw, cty.Bool)
	if err != nil || b.IsNull() {
		l.fail(CodeValue, at, "%s does not take this value", spec.name).explain("It takes true or false.")
		return nil, false
	}
	return b.True(), true
}

// readText reads everything that is written as a string.
func (l *loader) readText(at place, raw cty.Value, spec attrSpec) (any, bool) {
	s, ok := asText(raw)
	if !ok {
		f := l.fail(CodeValue, at, "%s does not take this value", spec.name).explain("It takes text in quotes.")
		if spec.kind == word {
			f.explain("It takes one of: %s.", quoted(spec.words))
		}
		return nil, false
	}
	switch spec.kind {
	case password:
		l.secrets.keep(s)
		return NewSecret(s), true
	case word:
		return l.readWord(at, s, spec)
	case size, rate, span, bound, clock, zone, moment:
		got, err := readUnit(spec.kind, s)
		if err != nil {
			l.fail(CodeValue, at, "%s = %q can't be read", spec.name, s).explain("%s", err)
			return nil, false
		}
		return got, true
	}
	return s, true
}

func (l *loader) readWord(at place, s string, spec attrSpec) (any, bool) {
	for _, w := range spec.words {
		if s == w {
			return s, true
		}
	}
	l.fail(CodeUnknown, at, "%s can't be %q", spec.name, s).
		explain("It takes one of: %s.", quoted(spec.words)).near(s, spec.words)
	return nil, false
}

// asText takes strings and numbers; a boolean where text belongs is a mistake (skip = true has no reason).
func asText(v cty.Value) (string, bool) {
	if v.IsNull() || (v.Type() != cty.String && v.Type() != cty.Number) {
		return "", false
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", false
	}
	return s.AsString(), true
}

// readTexts reads a list. Written as a list, each element keeps its place; computed, all share the whole one's.
func (l *loader) readTexts(n *node, a *hcl.Attribute, spec attrSpec) (value, bool) {
	v := value{expr: a.Expr}
	exprs, diags := hcl.ExprList(a.Expr)
	if !diags.HasErrors() {
		return l.readElements(n, spec, a.Expr, exprs)
	}
	raw, ok := l.evalFor(a.Expr, n.at(a.Expr.Range()), spec)
	if !ok || raw.IsNull() {
		v.absent = ok
		return v, false
	}
	wrong := func() (value, bool) {
		l.fail(CodeValue, n.at(a.Expr.Range()), "%s does not take this value", a.Name).explain("%s", spec.listOf())
		return v, false
	}
	if t := raw.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return wrong()
	}
	items := []item{}
	for it := raw.ElementIterator(); it.Next(); {
		_, e := it.Element()
		s, ok := asText(e)
		if !ok {
			return wrong()
		}
		items = append(items, item{text: s, rng: a.Expr.Range()})
	}
	v.got = items
	return v, true
}

// listOf says what a list takes.
func (s attrSpec) listOf() string {
	if len(s.words) > 0 {
		return fmt.Sprintf("It takes a list of some of these, in brackets: %s = [%s].", s.name, quoted(s.words))
	}
	return fmt.Sprintf("It takes a list of texts, in brackets: %s = [\"...\"].", s.name)
}

func (l *loader) readElements(n *node, spec attrSpec, whole hcl.Expression, exprs []hcl.Expression) (value, bool) {
	items, good := []item{}, true
	for _, e := range exprs {
		raw, ok := l.evalFor(e, n.at(e.Range()), spec)
		if !ok {
			good = false
			continue
		}
		s, ok := asText(raw)
		if !ok {
			l.fail(CodeValue, n.at(e.Range()), "%s takes texts only", spec.name).explain("%s", spec.listOf())
			good = false
			continue
		}
		items = append(items, item{text: s, rng: e.Range(), expr: e})
	}
	return value{got: items, expr: whole}, good
}

// endpointRef is what from and to hold.
type endpointRef struct{ kind, name string }

func (r endpointRef) String() string { return "endpoint." + r.kind + "." + r.name }

func (l *loader) readReference(n *node, a *hcl.Attribute) (value, bool) {
	v := value{expr: a.Expr}
	t, diags := hcl.AbsTraversalForExpr(a.Expr)
	if wrapped, ok := syntaxOf(a.Expr).(*hclsyntax.TemplateWrapExpr); diags.HasErrors() && ok {
		t, diags = hcl.AbsTraversalForExpr(wrapped.Wrapped) // "${endpoint.imap.old}", as many write expressions in JSON
	}
	var steps []string
	if !diags.HasErrors() {
		for _, s := range t {
			switch s := s.(type) {
			case hcl.TraverseRoot:
				steps = append(steps, s.Name)
			case hcl.TraverseAttr:
				steps = append(steps, s.Name)
			}
		}
	}
	if len(steps) != 3 || len(t) != 3 || steps[0] != "endpoint" {
		l.fail(CodeReference, n.at(a.Expr.Range()), "%s does not name an endpoint", a.Name).
			explain("Write %s = endpoint.imap.NAME, without quotes, for the block endpoint \"imap\" \"NAME\".", a.Name)
		return v, false
	}
	v.got = endpointRef{steps[1], steps[2]}
	return v, true
}
