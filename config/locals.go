package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// local is one line of a locals block.
type local struct {
	node  *node
	name  string
	expr  hcl.Expression
	at    place
	begun bool
	ended bool
}

// locals computes the locals blocks, whatever the order in which the names are written.
func (l *loader) locals() {
	byName := map[string]*local{}
	var all []*local
	for _, n := range l.blocks(localsSpec) {
		for _, a := range n.free {
			one := &local{node: n, name: a.Name, expr: a.Expr, at: n.at(a.NameRange)}
			if first := byName[a.Name]; first != nil {
				l.fail(CodeDuplicate, one.at, "local %s is there twice", a.Name).also(first.at).
					explain("Only one of them can hold: remove one, or rename it.")
				continue
			}
			byName[a.Name] = one
			all = append(all, one)
		}
	}
	l.known["local"] = map[string]cty.Value{}
	for _, one := range all {
		l.known["local"][one.name] = cty.NilVal // so that it counts as defined until it is computed
	}
	for _, one := range all {
		l.local(one, byName, nil)
	}
}

// local computes one after those it uses; way are the names on the way to it.
func (l *loader) local(one *local, byName map[string]*local, way []string) {
	if one.ended {
		return
	}
	if one.begun {
		l.fail(CodeReference, one.at, "local %s is computed from itself", one.name).
			explain("Each needs the next: %s.", strings.Join(append(way, one.name), ", "))
		one.ended, l.broken["local."+one.name] = true, true
		return
	}
	one.begun = true
	for _, t := range one.expr.Variables() {
		if t.RootName() == "local" {
			if next := byName[stepOf(t)]; next != nil {
				l.local(next, byName, append(way, one.name))
			}
		}
	}
	if one.ended { // it was found in a circle
		return
	}
	one.ended = true
	v, ok := l.evalMarked(one.expr, one.node.at(one.expr.Range()), false)
	if !ok {
		l.broken["local."+one.name] = true
		return
	}
	l.keepMarked(v)
	l.known["local"][one.name] = v
}

// stepOf gives the name after the root of var.x, local.x or local["x"]; empty if there is none.
func stepOf(t hcl.Traversal) string {
	if len(t) < 2 {
		return ""
	}
	switch s := t[1].(type) {
	case hcl.TraverseAttr:
		return s.Name
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString()
		}
	}
	return ""
}
