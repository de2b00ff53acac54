package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// evalMarked computes an expression; parts that are or come from a secret keep their mark.
func (l *loader) evalMarked(expr hcl.Expression, at place, secret bool) (cty.Value, bool) {
	if !l.checkVariables(expr, at, secret) {
		return cty.NilVal, false
	}
	l.forSecret = secret
	v, diags := expr.Value(l.withNames(expr))
	l.forSecret = false
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			l.evalFailed(d, expr, at, secret)
		}
	}
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	if !v.IsWhollyKnown() {
		l.fail(CodeValue, at, "the value can't be computed").explain("It depends on something that is not known before the work begins. Write it out.")
		return cty.NilVal, false
	}
	return v, true
}

// withNames gives the functions, and of the names those that the expression uses.
func (l *loader) withNames(expr hcl.Expression) *hcl.EvalContext {
	used := map[string]map[string]cty.Value{}
	for _, t := range expr.Variables() {
		root, name := t.RootName(), stepOf(t)
		v, ok := l.known[root][name]
		if !ok || v == cty.NilVal {
			continue
		}
		if used[root] == nil {
			used[root] = map[string]cty.Value{}
		}
		used[root][name] = v
	}
	if len(used) == 0 {
		return l.functions
	}
	c := l.functions.NewChild()
	c.Variables = map[string]cty.Value{}
	for root, values := range used {
		c.Variables[root] = cty.ObjectVal(values)
	}
	return c
}

// keepMarked registers every text in a value that is marked: what functions made of a secret is one too.
func (l *loader) keepMarked(v cty.Value) {
	if !v.ContainsMarked() {
		return
	}
	_ = cty.Walk(v, func(_ cty.Path, part cty.Value) (bool, error) { // the function gives no error
		if bare, marks := part.Unmark(); len(marks) > 0 {
			l.keepTexts(bare)
		}
		return true, nil
	})
}

// keepTexts registers every text in a secret value.
func (l *loader) keepTexts(v cty.Value) {
	_ = cty.Walk(v, func(_ cty.Path, part cty.Value) (bool, error) { // the function gives no error
		bare, _ := part.Unmark()
		if s, ok := asText(bare); ok {
			l.secrets.keep(s)
		}
		return true, nil
	})
}

// checkVariables refuses names in an expression that are not there. (References to endpoints are not evaluated.)
func (l *loader) checkVariables(expr hcl.Expression, at place, secret bool) bool {
	good := true
	for _, t := range expr.Variables() {
		name := t.RootName()
		here := place{context: at.context}.at(t.SourceRange())
		switch {
		case name == "var", name == "local":
			good = l.checkName(t, here) && good
			continue
		case secret:
			// The name may be the password itself, written without quotes.
			l.secrets.keep(name)
			l.fail(CodeReference, at, "this is neither text in quotes nor a function").
				explain(`Write env("NAME"), file("PATH") or command("PROGRAM", "ARGUMENT").`)
		case name == "endpoint":
			l.fail(CodeReference, here, "an endpoint can't stand here").explain("Only from and to of a users block take an endpoint.")
		default:
			l.fail(CodeReference, here, "there is nothing called %s", name).hint("Is it text? Then put it in quotes: %q", l.sources[here.hcl.Filename].slice(here.hcl, name))
		}
		good = false
	}
	return good
}

// checkName looks up var.x or local.x. One that is there but wrong was reported already.
func (l *loader) checkName(t hcl.Traversal, here place) bool {
	root, name := t.RootName(), stepOf(t)
	what := map[string]string{"var": "variable", "local": "local"}[root]
	known, ready := l.known[root]
	switch {
	case !ready:
		l.fail(CodeReference, here, "%s can't stand here", root).
			explain("The default of a variable and the lines of a --var-file are computed first: they use functions only.")
		return false
	case name == "":
		l.fail(CodeReference, here, "%s does not say which %s", root, what).explain("Write %s.NAME.", root)
		return false
	case l.broken[root+"."+name]:
		return false
	}
	if _, ok := known[name]; ok {
		return true
	}
	names := slices.Sorted(maps.Keys(known))
	if root == "var" {
		names = l.variableNames() // those without a value too
	}
	f := l.fail(CodeReference, here, "there is no %s %q", what, name)
	if len(names) == 0 {
		f.explain("None is defined: write a %s block.", map[string]string{"var": "variable", "local": "locals"}[root])
		return false
	}
	f.explain("Defined: %s.", quoted(names)).near(name, names)
	return false
}

// evalFailed reports why an expression has no value. Texts of HCL and of go-cty's functions may quote values; where a
// secret could be among them they are left out.
func (l *loader) evalFailed(d *hcl.Diagnostic, expr hcl.Expression, at place, secret bool) {
	if d.Subject != nil {
		at = place{context: at.context}.at(*d.Subject)
	}
	if unknown, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d); ok {
		l.fail(CodeUnknown, at, "there is no function %s", unknown.CalledFunctionName()).
			explain("Functions: %s.", strings.Join(functionNames(l.functions), ", ")).
			near(unknown.CalledFunctionName(), functionNames(l.functions))
		return
	}
	if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
		var own *callError
		if errors.As(call.FunctionCallError(), &own) {
			l.fail(own.code, at, "%s", own.summary).explain("%s", own.detail)
			return
		}
	}
	f := l.fail(CodeValue, at, "%s", sentence(d.Summary))
	if secret || l.seesSecret(expr) {
		f.explain("What exactly is wrong is not said here: the text could hold a secret.")
		return
	}
	f.explain("%s", d.Detail)
}

// plainer says in our words what HCL says in its own.
var plainer = map[string]string{
	"Invalid escape sequence": `Inside quotes a backslash is doubled: "\\." is a dot in a pattern.`,
	"Invalid single-argument block definition": "Only one attribute fits into a block of one line. Write each on a line of its own, and the closing\n" +
		"brace on one too.",
	"Missing newline after argument": "An attribute ends with its line: no comma, no semicolon, and the next one stands on the next line.",
}

// addHCL takes over what HCL says of a file's form.
func (l *loader) addHCL(diags hcl.Diagnostics, n *node) {
	said := map[hcl.Pos]bool{}
	for _, d := range diags {
		if d.Severity != hcl.DiagError || d.Subject != nil && said[d.Subject.Start] {
			continue // a second mistake at one place follows from the first
		}
		at := n.header()
		if d.Subject != nil {
			at, said[d.Subject.Start] = n.at(*d.Subject), true
		}
		if d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string" {
			l.fail(CodeSyntax, at, "the text in quotes is not closed on its line").
				explain(`Write the quote at its end. A quote or backslash inside has a backslash before it: "say \"hello\"".`)
			return // what follows is read as text, and every line of it would be called wrong
		}
		f := l.fail(CodeSyntax, at, "%s", sentence(d.Summary))
		if advice := plainer[d.Summary]; advice != "" {
			f.explain("%s", advice)
			continue
		}
		// The detail may quote what stands there.
		if src := l.sources[at.hcl.Filename]; src == nil || !src.hides(at.hcl) {
			f.explain("%s", d.Detail)
			continue
		}
		f.explain("What exactly is wrong is not said here: the text could hold a secret.")
	}
}

// sentence makes HCL's title a summary of our form: no capital, no full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsUpper(r) && !unicode.IsUpper(next) {
		s = string(unicode.ToLower(r)) + s[n:]
	}
	return strings.TrimSuffix(s, ".")
}

// isNull tells whether the attribute is written as null, which means not written.
func isNull(expr hcl.Expression) bool {
	if len(expr.Variables()) > 0 {
		return false
	}
	lit, ok := syntaxOf(expr).(*hclsyntax.LiteralValueExpr)
	return ok && lit.Val.IsNull()
}

// syntaxOf gives the native syntax of an expression; JSON holds it inside strings.
func syntaxOf(expr hcl.Expression) hclsyntax.Node {
	if native, ok := expr.(hclsyntax.Expression); ok {
		return native
	}
	v, diags := expr.Value(nil)
	if diags.HasErrors() {
		return nil
	}
	if v.Type() != cty.String || v.IsNull() {
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: expr.Range()}
	}
	t, diags := hclsyntax.ParseTemplate([]byte(v.AsString()), expr.Range().Filename, expr.Range().Start)
	if diags.HasErrors() {
		return nil
	}
	return t
}

// secretFunctions are the functions whose results are secret.
var secretFunctions = map[string]bool{"env": true, "file": true, "command": true}

// seesSecret tells whether an expression calls a function whose result is secret, or uses a name that holds a secret.
func (l *loader) seesSecret(expr hcl.Expression) bool {
	w := &literals{}
	w.walk(expr)
	return w.calls || slices.ContainsFunc(expr.Variables(), func(t hcl.Traversal) bool {
		v, ok := l.known[t.RootName()][stepOf(t)]
		return ok && v != cty.NilVal && v.ContainsMarked()
	})
}

// literals walks an expression and gathers what is written out in it, arguments of env, file and command apart.
type literals struct {
	found  []string
	calls  bool
	inside int
	whole  hclsyntax.Node
}

func (w *literals) walk(expr hcl.Expression) {
	if n := syntaxOf(expr); n != nil {
		w.whole = n
		_ = hclsyntax.Walk(n, w) // it gives only what Enter and Exit give: nothing
	}
}

// Enter is called by hclsyntax.Walk.
func (w *literals) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.FunctionCallExpr:
		if secretFunctions[n.Name] {
			w.calls = true
			w.inside++
		}
	case *hclsyntax.LiteralValueExpr:
		// A number inside an expression is an argument, as the 10 of parseint.
		if s, ok := asText(n.Val); ok && s != "" && w.inside == 0 && (n.Val.Type() == cty.String || n == w.whole) {
			w.found = append(w.found, s)
		}
	}
	return nil
}

// Exit is called by hclsyntax.Walk.
func (w *literals) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if c, ok := n.(*hclsyntax.FunctionCallExpr); ok && secretFunctions[c.Name] {
		w.inside--
	}
	return nil
}

// hideLiterals looks for a secret written into the configuration: it is cut out of every line shown, and warned about.
func (l *loader) hideLiterals(n *node, name string, expr hcl.Expression) {
	w := &literals{}
	w.walk(expr)
	if len(w.found) == 0 {
		return
	}
	for _, s := range w.found {
		l.secrets.keep(s)
	}
	src := l.sources[expr.Range().Filename]
	src.cuts = append(src.cuts, expr.Range())
	l.warn(CodeSecret, n.at(expr.Range()), "%s is written into the configuration", name).
		explain("Whoever reads the file can use it. Write %s instead.", fmt.Sprintf(
			`%s = env("NAME"), %s = file("PATH") or %s = command("PROGRAM", "ARGUMENT")`, name, name, name))
}
