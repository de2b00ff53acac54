package ewsserver

import (
	"fmt"
	"slices"
	"strconv"
)

// checkAttributes holds an element's attributes against those of its type and of the types that it extends.
func (s *schema) checkAttributes(n *node, t def) error {
	decls, any := s.attributesOf(t)
	for _, a := range n.attrs {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		d, known := decls[a.Name.Local]
		if !known {
			if any && a.Name.Space != "" {
				continue
			}
			return fmt.Errorf("has no attribute %s", a.Name.Local)
		}
		if err := s.attribute(d, a.Value); err != nil {
			return fmt.Errorf("attribute %s: %w", a.Name.Local, err)
		}
	}
	for name, d := range decls {
		if d.attr("use") == "required" && !n.has(name) {
			return fmt.Errorf("lacks the attribute %s", name)
		}
	}
	return nil
}

func (s *schema) attribute(d def, value string) error {
	if fixed := d.attr("fixed"); fixed != "" && value != fixed {
		return fmt.Errorf("is %q, not %q", value, fixed)
	}
	if inline := d.at("simpleType"); inline != nil {
		return s.simple(def{inline, d.target}, value)
	}
	return s.simpleNamed(d.attr("type"), value)
}

// attributesOf gathers the attributes of a type by name; any: others of a foreign namespace too.
func (s *schema) attributesOf(t def) (decls map[string]def, any bool) {
	decls = map[string]def{}
	var gather func(n def)
	gather = func(n def) {
		for _, k := range n.kids {
			switch k.name {
			case "attribute":
				if k.attr("name") != "" {
					decls[k.attr("name")] = def{k, n.target}
				}
			case "anyAttribute":
				any = true
			case "attributeGroup":
				if g, known := s.attributes[s.resolve(k.attr("ref"))]; known {
					gather(g)
				}
			case "complexContent", "simpleContent":
				gather(def{k, n.target})
			case "extension":
				if base, known := s.types[s.resolve(k.attr("base"))]; known {
					gather(base)
				}
				gather(def{k, n.target})
			}
		}
	}
	gather(t)
	return decls, any
}

// particles gives the parts that a type's children stand in, those of the type that it extends first.
func (s *schema) particles(t def) []def {
	if x := t.at("complexContent", "extension"); x != nil {
		var all []def
		if base, known := s.types[s.resolve(x.attr("base"))]; known {
			all = s.particles(base)
		}
		return append(all, s.own(def{x, t.target})...)
	}
	return s.own(t)
}

func (s *schema) own(t def) []def {
	var all []def
	for _, k := range t.kids {
		switch k.name {
		case "sequence", "choice", "group", "all", "any":
			all = append(all, def{k, t.target})
		}
	}
	return all
}

// children holds the children against the particles: first their order, then each.
func (s *schema) children(n *node, particles []def) error {
	m := &matcher{schema: s, kids: n.kids, decls: map[*node]def{}}
	ends := []int{0}
	for _, p := range particles {
		ends = m.occurs(p, ends)
	}
	if !slices.Contains(ends, len(n.kids)) {
		if m.furthest < len(n.kids) {
			return fmt.Errorf("%s does not belong there", n.kids[m.furthest].name)
		}
		return fmt.Errorf("ends too early")
	}
	for _, k := range n.kids {
		d, known := m.decls[k]
		if !known {
			continue // of any kind
		}
		if err := s.element(k, d); err != nil {
			return err
		}
	}
	return nil
}

// matcher finds how far particles reach into the children.
type matcher struct {
	*schema
	kids     []*node
	decls    map[*node]def
	furthest int
}

// occurs matches a particle as often as it may occur, from each of some places, and gives the places behind.
func (m *matcher) occurs(p def, from []int) []int {
	least, most := 1, 1
	if v := p.attr("minOccurs"); v != "" {
		least, _ = strconv.Atoi(v)
	}
	switch v := p.attr("maxOccurs"); v {
	case "":
	case "unbounded":
		most = len(m.kids) + least + 1
	default:
		most, _ = strconv.Atoi(v)
	}
	var ends []int
	if least == 0 {
		ends = append(ends, from...)
	}
	for n := 1; n <= most && len(from) > 0; n++ {
		next := m.once(p, from)
		if n >= least {
			next = slices.DeleteFunc(next, func(i int) bool { return slices.Contains(ends, i) })
			ends = append(ends, next...)
		}
		from = next
	}
	return ends
}

func (m *matcher) once(p def, from []int) []int {
	switch p.name {
	case "element":
		return m.one(p, from)
	case "sequence":
		for _, k := range p.kids {
			if k.name != "annotation" {
				from = m.occurs(def{k, p.target}, from)
			}
		}
		return from
	case "choice":
		var ends []int
		for _, k := range p.kids {
			if k.name == "annotation" {
				continue
			}
			for _, i := range m.occurs(def{k, p.target}, from) {
				if !slices.Contains(ends, i) {
					ends = append(ends, i)
				}
			}
		}
		return ends
	case "group":
		g := m.groups[m.resolve(p.attr("ref"))]
		for _, k := range m.own(g) {
			from = m.occurs(k, from)
		}
		return from
	case "any":
		var ends []int
		for _, i := range from {
			if i < len(m.kids) {
				ends = append(ends, i+1)
			}
		}
		return ends
	}
	return nil
}

// one matches one element, or one that may stand for it.
func (m *matcher) one(p def, from []int) []int {
	name, target := qname{p.target, p.attr("name")}, p
	var instead []qname
	if ref := p.attr("ref"); ref != "" {
		name = m.resolve(ref)
		target, instead = m.elements[name], m.schema.instead[name]
	}
	var ends []int
	for _, i := range from {
		if i == len(m.kids) {
			continue
		}
		k := m.kids[i]
		got := qname{k.space, k.name}
		if got != name && !slices.Contains(instead, got) || got == name && target.node != nil && target.attr("abstract") == "true" {
			continue
		}
		if got == name {
			m.decls[k] = target
		} else {
			m.decls[k] = m.elements[got]
		}
		ends = append(ends, i+1)
		m.furthest = max(m.furthest, i+1)
	}
	return ends
}
