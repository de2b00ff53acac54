package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// eval computes an expression and takes the marks off; secret says that the value will be one.
func (l *loader) eval(expr hcl.Expression, at place, secret bool) (cty.Value, bool) {
	if !l.checkVariables(expr, at, secret) {
		return cty.NilVal, false
	}
	l.forSecret = secret
	v, diags := expr.Value(l.functions)
	l.forSecret = false
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			l.evalFailed(d, expr, at, secret)
		}
	}
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	v, _ = v.UnmarkDeep()
	if !v.IsWhollyKnown() {
		l.fail(CodeValue, at, "the value can't be computed")
		return cty.NilVal, false
	}
	return v, true
}

// checkVariables refuses every name in an expression: this version's language has none. (References to endpoints are
// not evaluated.)
func (l *loader) checkVariables(expr hcl.Expression, at place, secret bool) bool {
	names := expr.Variables()
	for _, t := range names {
		name := t.RootName()
		here := place{context: at.context}.at(t.SourceRange())
		switch {
		case name == "var", name == "local":
			l.notYet(here, "variables and locals")
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
	}
	return len(names) == 0
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
	if secret || seesSecret(expr) {
		f.explain("What exactly is wrong is not said here: the text could hold a secret.")
		return
	}
	f.explain("%s", d.Detail)
}

// addHCL takes over what HCL says of a file's form.
func (l *loader) addHCL(diags hcl.Diagnostics, n *node) {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := n.header()
		if d.Subject != nil {
			at = n.at(*d.Subject)
		}
		if d.Summary == "Invalid multi-line string" || d.Summary == "Unterminated template string" {
			l.fail(CodeSyntax, at, "the text in quotes is not closed on its line")
			return // what follows is read as text, and every line of it would be called wrong
		}
		f := l.fail(CodeSyntax, at, "%s", sentence(d.Summary))
		// The detail may quote what stands there.
		if src := l.sources[at.hcl.Filename]; src == nil || !src.hides(at.hcl) {
			f.explain("%s", d.Detail)
		}
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

// seesSecret tells whether an expression calls a function whose result is secret.
func seesSecret(expr hcl.Expression) bool {
	w := &literals{}
	w.walk(expr)
	return w.calls
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
func (l *loader) hideLiterals(n *node, a *hcl.Attribute) {
	w := &literals{}
	w.walk(a.Expr)
	if len(w.found) == 0 {
		return
	}
	for _, s := range w.found {
		l.secrets.keep(s)
	}
	src := l.sources[a.Range.Filename]
	src.cuts = append(src.cuts, a.Expr.Range())
	l.warn(CodeSecret, n.at(a.Expr.Range()), "%s is written into the configuration", a.Name).
		explain("Whoever reads the file can use it. Write %s instead.", fmt.Sprintf(
			`%s = env("NAME"), %s = file("PATH") or %s = command("PROGRAM", "ARGUMENT")`, a.Name, a.Name, a.Name))
}
