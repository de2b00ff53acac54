package config

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is one variable block with the value it got.
type variable struct {
	node      *node
	name      string
	sensitive bool
	wants     cty.Type
	defaults  *typeexpr.Defaults
	typed     bool // the type could be read, or none is written
	given     *given
}

// given is a value on its way to a variable.
type given struct {
	value cty.Value
	at    place  // of the value; where a flag or the environment gave it, nowhere
	from  string // "--var", "the environment variable MAILHAUL_VAR_x"; empty: a file
}

// variables reads the variable blocks and finds the value of each: --var wins over --var-file, that over the
// environment, and that over the default.
func (l *loader) variables() {
	l.vars = map[string]*variable{}
	for _, n := range l.blocks(variableSpec) {
		v := l.variable(n)
		l.vars[v.name] = v
	}
	for _, v := range l.vars {
		v.fromEnvironment(l)
	}
	l.varFiles()
	l.varFlags()
	values := map[string]cty.Value{}
	for _, n := range l.blocks(variableSpec) {
		if v := l.vars[n.labels[0]]; v.conclude(l) {
			values[v.name] = v.given.value
		}
	}
	l.known["var"] = values
	for _, n := range l.blocks(variableSpec) {
		if v := l.vars[n.labels[0]]; v.given != nil {
			l.validate(v)
		}
	}
}

// variable reads what the block itself says.
func (l *loader) variable(n *node) *variable {
	v := &variable{node: n, name: n.labels[0], sensitive: or(n, "sensitive", false), wants: cty.DynamicPseudoType, typed: true}
	if t, ok := n.values["type"]; ok {
		v.readType(l, t.expr)
	}
	d, ok := n.values["default"]
	if !ok {
		return v
	}
	at := n.place("default")
	if v.sensitive {
		l.hideLiterals(n, "default", d.expr)
	} else if src := l.sources[at.hcl.Filename]; src != nil {
		src.plain = append(src.plain, d.expr.Range())
	}
	got, ok := l.evalMarked(d.expr, at, v.sensitive)
	if !ok {
		l.broken["var."+v.name] = true
		return v
	}
	v.take(l, given{got, at, ""})
	return v
}

func (v *variable) readType(l *loader, expr hcl.Expression) {
	t, defaults, diags := typeexpr.TypeConstraintWithDefaults(expr)
	if !diags.HasErrors() {
		v.wants, v.defaults = t, defaults
		return
	}
	v.typed = false
	at := v.node.at(expr.Range())
	for _, d := range diags {
		if d.Subject != nil {
			at = v.node.at(*d.Subject)
		}
	}
	words := []string{"string", "number", "bool", "any", "list", "set", "map", "object", "tuple"}
	l.fail(CodeValue, at, "this is no type").
		explain("Types: string, number, bool, any, list(string), set(string), map(string), object({ name = string }).").
		near(l.sources[at.hcl.Filename].slice(at.hcl, ""), words)
}

// take converts a value to the variable's type and keeps it; a wrong one is reported where it stands.
func (v *variable) take(l *loader, g given) {
	if v.sensitive {
		g.value = g.value.Mark(sensitive{})
	}
	l.keepMarked(g.value)
	if v.defaults != nil && !g.value.IsNull() {
		bare, marks := g.value.UnmarkDeepWithPaths()
		g.value = v.defaults.Apply(bare).MarkWithPaths(marks)
	}
	got, err := convert.Convert(g.value, v.wants)
	if err != nil {
		l.broken["var."+v.name] = true
		f := l.fail(CodeValue, g.at, "the value of variable %q%s does not fit its type", v.name, g.source())
		if g.value.ContainsMarked() {
			f.explain("It takes %s. What it got is not said here: the value is a secret.", typeName(v.wants))
			return
		}
		if f.explain("It takes %s.", typeName(v.wants)); !v.wants.IsPrimitiveType() {
			f.explain("It takes %s: %s", typeName(v.wants), sentenceOf(err))
		}
		return
	}
	g.value = got
	v.given = &g
}

func (g given) source() string {
	if g.from == "" {
		return ""
	}
	return ", given by " + g.from + ","
}

func typeName(t cty.Type) string {
	if t == cty.DynamicPseudoType {
		return "any value"
	}
	return "a " + t.FriendlyNameForConstraint()
}

// VariablePrefix begins the names of environment variables that give variables their values.
const VariablePrefix = "MAILHAUL_VAR_"

// fromEnvironment takes MAILHAUL_VAR_name.
func (v *variable) fromEnvironment(l *loader) {
	name := VariablePrefix + v.name
	if text, ok := l.env(name); ok {
		v.takeText(l, text, "the environment variable "+name)
	}
}

// takeText takes a value from outside the files: as it is where text, a number or a truth value is wanted, as an
// expression where a list or more is.
func (v *variable) takeText(l *loader, text, from string) {
	if !v.typed {
		return
	}
	if v.sensitive {
		l.secrets.keep(text)
	}
	if v.wants.IsPrimitiveType() || v.wants == cty.DynamicPseudoType {
		v.take(l, given{value: cty.StringVal(text), from: from})
		return
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), from, hcl.InitialPos)
	var got cty.Value
	if !diags.HasErrors() {
		got, diags = expr.Value(nil)
	}
	if diags.HasErrors() || !got.IsWhollyKnown() {
		l.broken["var."+v.name] = true
		l.fail(CodeValue, place{}, "the value of variable %q, given by %s, can't be read", v.name, from).
			explain(`It takes %s, written as in a file: ["a", "b"] or { a = "b" }.`, typeName(v.wants))
		return
	}
	v.take(l, given{value: got, from: from})
}

// varFlags takes the values of --var.
func (l *loader) varFlags() {
	for _, written := range l.varTexts {
		name, text, ok := strings.Cut(written, "=")
		if !ok || name == "" {
			l.fail(CodeArguments, place{}, "--var has no value").explain("Write --var NAME=VALUE.")
			continue
		}
		if v := l.declared(name, place{}, "--var"); v != nil {
			v.takeText(l, text, "--var")
			v.warnSeen(l)
		}
	}
}

// warnSeen warns of a secret on the command line.
func (v *variable) warnSeen(l *loader) {
	if v.sensitive {
		l.warn(CodeSecret, place{}, "the sensitive variable %q is given on the command line", v.name).
			explain("Other users of this machine can see it there, and the shell remembers it. Use %s%s or --var-file FILE.", VariablePrefix, v.name)
	}
}

// declared finds the variable that a value is for.
func (l *loader) declared(name string, at place, from string) *variable {
	if v := l.vars[name]; v != nil {
		return v
	}
	if l.broken["var."+name] {
		return nil
	}
	f := l.fail(CodeReference, at, "there is no variable %q, to which %s gives a value", name, from)
	known := l.variableNames()
	if len(known) == 0 {
		f.explain("The configuration has no variable block.")
		return nil
	}
	f.explain("Variables: %s.", quoted(known)).near(name, known)
	return nil
}

func (l *loader) variableNames() []string {
	names := make([]string, 0, len(l.vars))
	for name := range l.vars {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// varFiles takes the values of --var-file, later files winning over earlier ones.
func (l *loader) varFiles() {
	for _, name := range l.varPaths {
		src, err := readLimited(name, maxConfigFile)
		if err != nil {
			l.fail(CodeFile, place{}, "the file %s of --var-file can't be read", name).explain("%s", fileTrouble(err))
			continue
		}
		l.varFile(filepath.ToSlash(name), src)
	}
}

func (l *loader) varFile(name string, src []byte) {
	var f *hcl.File
	var diags hcl.Diagnostics
	l.sources[name] = newSource(src)
	l.sources[name].values = true
	if strings.HasSuffix(name, ".json") {
		f, diags = json.Parse(src, name)
	} else {
		f, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	l.addHCL(diags, l.root)
	if diags.HasErrors() {
		return
	}
	attrs, diags := f.Body.JustAttributes()
	l.addHCL(diags, l.root)
	for _, a := range inOrder(attrs) {
		at := place{}.at(a.Expr.Range())
		v := l.declared(a.Name, place{}.at(a.NameRange), "--var-file")
		if v == nil {
			continue
		}
		if !v.sensitive {
			l.sources[name].plain = append(l.sources[name].plain, a.Expr.Range())
		}
		got, ok := l.evalMarked(a.Expr, at, v.sensitive)
		if !ok {
			l.broken["var."+v.name] = true
			continue
		}
		v.take(l, given{got, at, ""})
	}
}

// inOrder sorts attributes as they are written.
func inOrder(attrs hcl.Attributes) []*hcl.Attribute {
	out := make([]*hcl.Attribute, 0, len(attrs))
	for _, a := range attrs {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hcl.Attribute) int { return a.Range.Start.Byte - b.Range.Start.Byte })
	return out
}

// conclude tells whether the variable has a value; one without is a mistake.
func (v *variable) conclude(l *loader) bool {
	if l.broken["var."+v.name] {
		v.given = nil
		return false
	}
	if v.given != nil {
		return true
	}
	l.broken["var."+v.name] = true
	if v.typed {
		l.fail(CodeMissing, v.node.header(), "variable %q has no value", v.name).
			explain("Give it one by --var %s=VALUE, a line of a file named by --var-file, or the environment variable MAILHAUL_VAR_%s; or write a default.", v.name, v.name)
	}
	return false
}

// validate asks the validation blocks of a variable.
func (l *loader) validate(v *variable) {
	for _, n := range v.node.blocks {
		cond, ok := n.values["condition"]
		if !ok {
			l.fail(CodeMissing, n.header(), "the validation has no condition").
				explain("Write condition = EXPRESSION and error_message = \"...\".")
			continue
		}
		at := n.place("condition")
		got, ok := l.evalMarked(cond.expr, at, v.sensitive)
		if !ok {
			continue
		}
		bare, _ := got.UnmarkDeep()
		if bare, err := convert.Convert(bare, cty.Bool); err != nil || bare.IsNull() {
			l.fail(CodeValue, at, "the condition is neither true nor false").explain("Write a comparison: strlen(var.%s) > 3.", v.name)
		} else if bare.False() {
			f := l.fail(CodeValue, v.given.at, "the value of variable %q%s is refused", v.name, v.given.source())
			f.also(n.header()).explain("%s", l.refusal(n, v))
		}
	}
}

// refusal is what the validation says, unless that holds a secret.
func (l *loader) refusal(n *node, v *variable) string {
	m, ok := n.values["error_message"]
	if !ok {
		return "The validation does not say why: write error_message = \"...\"."
	}
	got, ok := l.evalMarked(m.expr, n.place("error_message"), v.sensitive)
	if !ok || got.ContainsMarked() {
		return "Why is not said here: the message holds a secret."
	}
	text, _ := asText(got)
	return text
}
