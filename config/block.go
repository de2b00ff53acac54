package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// node is one block, read by its table: every value is there or was complained about.
type node struct {
	spec        *blockSpec
	labels      []string
	labelRanges []hcl.Range
	def         hcl.Range // the header
	context     string    // `endpoint "imap" "old"`
	values      map[string]value
	free        []*hcl.Attribute // of a block whose names are the user's own
	blocks      []*node
}

// at is a place inside the block.
func (n *node) at(r hcl.Range) place {
	p := place{}.at(r)
	if n.context != "" {
		p.context = "in " + n.context
	}
	return p
}

func (n *node) header() place { return n.at(n.def) }

// place is where the attribute's value stands, or the header if it is not written.
func (n *node) place(name string) place {
	if v, ok := n.values[name]; ok {
		return n.at(v.expr.Range())
	}
	return n.header()
}

// child gives the first block of the type, or nil.
func (n *node) child(name string) *node {
	for _, k := range n.blocks {
		if k.spec.name == name {
			return k
		}
	}
	return nil
}

// get gives an attribute's value, and whether it was written (and could be read).
func get[T any](n *node, name string) (T, bool) {
	got, ok := n.values[name].got.(T)
	return got, ok
}

// or gives an attribute's value or what holds where none is written.
func or[T any](n *node, name string, otherwise T) T {
	if got, ok := get[T](n, name); ok {
		return got
	}
	return otherwise
}

// bad tells whether the attribute is written but could not be read: it was complained about already.
func (n *node) bad(name string) bool {
	v, ok := n.values[name]
	return ok && v.got == nil
}

// read turns a body into the node by its table.
func (l *loader) read(n *node, body hcl.Body) {
	attrs, blocks := l.items(n, body)
	n.values = map[string]value{}
	for _, a := range attrs {
		l.readAttribute(n, a)
	}
	for _, b := range blocks {
		l.readBlock(n, b)
	}
}

// items lists what a body holds, known or not, in the order written. JSON can't tell attributes from blocks without a
// schema; there everything unknown counts as an attribute.
func (l *loader) items(n *node, body hcl.Body) ([]*hcl.Attribute, hcl.Blocks) {
	var attrs []*hcl.Attribute
	var blocks hcl.Blocks
	if native, ok := body.(*hclsyntax.Body); ok {
		for _, a := range native.Attributes {
			attrs = append(attrs, a.AsHCLAttribute())
		}
		for _, b := range native.Blocks {
			blocks = append(blocks, b.AsHCLBlock())
		}
	} else {
		content, rest, diags := body.PartialContent(n.spec.hcl())
		l.addHCL(diags, n)
		unknown, diags := rest.JustAttributes()
		l.addHCL(diags, n)
		for _, set := range []hcl.Attributes{content.Attributes, unknown} {
			for _, a := range set {
				attrs = append(attrs, a)
			}
		}
		blocks = content.Blocks
	}
	slices.SortFunc(attrs, func(a, b *hcl.Attribute) int { return a.Range.Start.Byte - b.Range.Start.Byte })
	return attrs, blocks
}

// hcl gives the table in the form that HCL's JSON reader needs.
func (b *blockSpec) hcl() *hcl.BodySchema {
	s := &hcl.BodySchema{}
	for _, a := range b.attrs {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: a.name})
	}
	for _, k := range b.blocks {
		s.Blocks = append(s.Blocks, hcl.BlockHeaderSchema{Type: k.name, LabelNames: k.labels})
	}
	return s
}

func (l *loader) readAttribute(n *node, a *hcl.Attribute) {
	if n.spec.free {
		n.free = append(n.free, a)
		return
	}
	spec, ok := n.spec.attr(a.Name)
	if !ok {
		l.unknownAttribute(n, a)
		return
	}
	if spec.heading {
		src := l.sources[a.Range.Filename]
		src.plain = append(src.plain, a.Expr.Range())
	}
	v, good := l.readValue(n, a, spec)
	if !good {
		v.got = nil
	}
	if good || !v.absent && !isNull(a.Expr) {
		n.values[a.Name] = v
	}
}

// notYet refuses what the language knows and this version does not do; ignoring it silently would be worse.
func (l *loader) notYet(at place, what string) {
	l.fail(CodeNotSupported, at, "this version does not carry out %s", what).
		explain("It belongs to the language, and a later version will do it. Remove it to go on without.")
}

func (l *loader) unknownAttribute(n *node, a *hcl.Attribute) {
	attrs, blocks := n.spec.names()
	if slices.Contains(outOfScope, a.Name) {
		l.fail(CodeNotSupported, n.at(a.NameRange), "%s is outside what mailhaul moves", a.Name).explain(scopeSentence)
		return
	}
	if near, ok := n.spec.attr(nearest(a.Name, attrs)); ok && near.kind == password {
		l.hideLiterals(n, a.Name, a.Expr)
	}
	if k, ok := n.spec.block(a.Name); ok {
		l.fail(CodeSyntax, n.at(a.NameRange), "%s is a block", a.Name).explain("Write it without the equals sign: %s", k.example())
		return
	}
	l.fail(CodeUnknown, n.at(a.NameRange), "%s is not known here", a.Name).
		explain("%s", n.spec.allowed()).near(a.Name, append(attrs, blocks...))
}

// allowed says what may stand in the block.
func (b *blockSpec) allowed() string {
	attrs, blocks := b.names()
	var parts []string
	if len(attrs) > 0 {
		parts = append(parts, "Attributes: "+strings.Join(attrs, ", ")+".")
	}
	if len(blocks) > 0 {
		parts = append(parts, "Blocks: "+strings.Join(blocks, ", ")+".")
	}
	return strings.Join(parts, "\n")
}

// example shows the block's header.
func (b *blockSpec) example() string {
	s := b.name
	for _, label := range b.labels {
		if label == "type" {
			s += ` "imap"`
			continue
		}
		s += fmt.Sprintf(" %q", strings.ToUpper(label))
	}
	return s + " { ... }"
}

func (l *loader) readBlock(parent *node, b *hcl.Block) {
	spec, ok := parent.spec.block(b.Type)
	switch {
	case !ok:
		l.unknownBlock(parent, b)
		return
	case len(b.Labels) != len(spec.labels):
		l.fail(CodeSyntax, parent.at(b.DefRange), "%s %s", b.Type, countLabels(len(spec.labels))).explain("Write %s", spec.example())
		l.broken[spec.name] = true
		return
	}
	n := &node{spec: spec, labels: b.Labels, labelRanges: b.LabelRanges, def: b.DefRange, context: contextOf(parent, b)}
	switch {
	case spec != endpointSpec || b.Labels[0] == TypeIMAP:
	case b.Labels[0] == TypeMicrosoft365:
		n.spec = microsoft365Spec
	default:
		l.otherEndpoint(n)
		return
	}
	unique := l.checkLabels(parent, n)
	l.read(n, b.Body)
	if unique {
		parent.blocks = append(parent.blocks, n)
	}
}

// otherEndpoint refuses an endpoint of an unknown type, and remembers its name, so that references to it are not called
// wrong too.
func (l *loader) otherEndpoint(n *node) {
	l.broken[endpointRef{n.labels[0], n.labels[1]}.String()] = true
	at := l.root.at(n.labelRanges[0])
	types := []string{TypeIMAP, TypeMicrosoft365}
	l.fail(CodeUnknown, at, "there is no endpoint type %q", n.labels[0]).explain("Types: %s.", quoted(types)).near(n.labels[0], types)
}

func countLabels(n int) string {
	switch n {
	case 0:
		return "takes no label"
	case 1:
		return "takes one label"
	}
	return "takes two labels"
}

func contextOf(parent *node, b *hcl.Block) string {
	s := b.Type
	for _, label := range b.Labels {
		s += fmt.Sprintf(" %q", label)
	}
	if parent.context != "" {
		s += " of " + parent.context
	}
	return s
}

func (l *loader) unknownBlock(n *node, b *hcl.Block) {
	attrs, blocks := n.spec.names()
	if slices.Contains(outOfScope, b.Type) {
		l.fail(CodeNotSupported, n.at(b.TypeRange), "%s is outside what mailhaul moves", b.Type).explain(scopeSentence)
		return
	}
	if _, ok := n.spec.attr(b.Type); ok {
		l.fail(CodeSyntax, n.at(b.TypeRange), "%s is an attribute", b.Type).explain("Write it with an equals sign: %s = ...", b.Type)
		return
	}
	l.fail(CodeUnknown, n.at(b.TypeRange), "%s is not known here", b.Type).
		explain("%s", n.spec.allowed()).near(b.Type, append(blocks, attrs...))
}

// identifier is what names are made of, so that they can stand in references, flags and file names.
var identifier = lazily(`^[\pL_][\pL\pN_-]*$`)

// checkLabels looks at the labels' form, and refuses the same block twice.
func (l *loader) checkLabels(parent, n *node) bool {
	for i, label := range n.spec.labels {
		if label == "name" && !identifier().MatchString(n.labels[i]) {
			l.fail(CodeValue, parent.at(n.labelRanges[i]), "%q is no name", n.labels[i]).
				explain("A name begins with a letter and is made of letters, digits, - and _.")
			return false
		}
	}
	if len(n.spec.labels) == 0 && n.spec.many {
		return true
	}
	for _, k := range parent.blocks {
		if k.spec != n.spec || !n.same(k) {
			continue
		}
		l.fail(CodeDuplicate, parent.at(n.def), "there are two %s", n.plural()).also(parent.at(k.def)).
			explain("Only one of them can hold. Put what both say into one block.")
		return false
	}
	return true
}

// same tells whether two blocks of one type name the same thing. Addresses and patterns compare without case.
func (n *node) same(k *node) bool {
	return slices.EqualFunc(n.labels, k.labels, func(a, b string) bool {
		if n.spec == mailboxSpec || n.spec == renameSpec {
			return strings.EqualFold(a, b)
		}
		return a == b
	})
}

func (n *node) plural() string {
	if len(n.labels) == 0 {
		return n.spec.name + " blocks"
	}
	q := make([]string, len(n.labels))
	for i, label := range n.labels {
		q[i] = fmt.Sprintf("%q", label)
	}
	return n.spec.name + " blocks " + strings.Join(q, " ")
}
