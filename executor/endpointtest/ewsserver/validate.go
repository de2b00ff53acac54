package ewsserver

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validateEnvelope holds a SOAP document against Microsoft's schema and names the first thing that is wrong with it: which
// elements in which order, how often, which attributes, and what text they hold. nil: it is valid.
func validateEnvelope(top *node) error {
	if top.space != nsSOAP || top.name != "Envelope" {
		return fmt.Errorf("the document is a %s, not an envelope", top.name)
	}
	kids := top.kids
	if len(kids) > 0 && kids[0].name == "Header" {
		for _, h := range kids[0].kids {
			if err := ews().global(h, nsTypes); err != nil {
				return err
			}
		}
		kids = kids[1:]
	}
	if len(kids) != 1 || kids[0].space != nsSOAP || kids[0].name != "Body" || len(kids[0].kids) != 1 {
		return fmt.Errorf("the envelope has not one body with one element")
	}
	return ews().global(kids[0].kids[0], nsMessages)
}

// global validates an element that is defined at the top of a schema.
func (s *schema) global(n *node, space string) error {
	d, known := s.elements[qname{n.space, n.name}]
	if !known || n.space != space {
		return fmt.Errorf("%s is not an element of %s", n.name, space)
	}
	return s.element(n, d)
}

// element validates an element against its declaration.
func (s *schema) element(n *node, d def) error {
	if d.attr("ref") != "" {
		return s.global(n, n.space)
	}
	err := s.typed(n, d)
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	return nil
}

func (s *schema) typed(n *node, d def) error {
	if inline := d.at("complexType"); inline != nil {
		return s.complex(n, def{inline, d.target})
	}
	if inline := d.at("simpleType"); inline != nil {
		return s.text(n, def{inline, d.target})
	}
	name := s.resolve(d.attr("type"))
	if name.space == nsXSD {
		return onlyText(n, builtin(name.name, n.text))
	}
	t, known := s.types[name]
	switch {
	case !known:
		return fmt.Errorf("type %s is not here", d.attr("type"))
	case t.name == "simpleType":
		return s.text(n, t)
	}
	return s.complex(n, t)
}

// onlyText refuses children and attributes.
func onlyText(n *node, err error) error {
	if len(n.kids) > 0 {
		return fmt.Errorf("holds elements where there is text only")
	}
	for _, a := range n.attrs {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			return fmt.Errorf("has the attribute %s", a.Name.Local)
		}
	}
	return err
}

func (s *schema) text(n *node, t def) error { return onlyText(n, s.simple(t, n.text)) }

// complex validates attributes, then text or children.
func (s *schema) complex(n *node, t def) error {
	if t.attr("abstract") == "true" {
		return fmt.Errorf("type %s is abstract", t.attr("name"))
	}
	if err := s.checkAttributes(n, t); err != nil {
		return err
	}
	if base, simple := s.simpleContent(t); simple {
		if len(n.kids) > 0 {
			return fmt.Errorf("holds elements where there is text only")
		}
		return base(n.text)
	}
	if strings.TrimSpace(n.text) != "" {
		return fmt.Errorf("holds text %.40q where there are elements only", n.text)
	}
	return s.children(n, s.particles(t))
}

// simpleContent gives the check of the text of a type that holds text and attributes.
func (s *schema) simpleContent(t def) (check func(string) error, is bool) {
	x := t.at("simpleContent", "extension")
	if x == nil {
		return nil, false
	}
	return func(text string) error { return s.simpleNamed(x.attr("base"), text) }, true
}

func (s *schema) simpleNamed(name, text string) error {
	q := s.resolve(name)
	if q.space == nsXSD {
		return builtin(q.name, text)
	}
	t, known := s.types[q]
	if !known {
		return fmt.Errorf("type %s is not here", name)
	}
	if check, is := s.simpleContent(t); is {
		return check(text)
	}
	return s.simple(t, text)
}

// simple validates text.
func (s *schema) simple(t def, text string) error {
	if u := t.at("union"); u != nil {
		for name := range strings.FieldsSeq(u.attr("memberTypes")) {
			if s.simpleNamed(name, text) == nil {
				return nil
			}
		}
		for _, k := range u.kids {
			if k.name == "simpleType" && s.simple(def{k, t.target}, text) == nil {
				return nil
			}
		}
		return fmt.Errorf("%q fits no member of %s", text, t.attr("name"))
	}
	if l := t.at("list"); l != nil {
		return nil // lists are not used in what mailhaul sends
	}
	r := t.at("restriction")
	if r == nil {
		return fmt.Errorf("type %s is not understood", t.attr("name"))
	}
	if err := s.simpleNamed(r.attr("base"), text); err != nil {
		return err
	}
	return facets(r, text)
}

// facets checks the limits of a restriction.
func facets(r *node, text string) error {
	var values []string
	for _, f := range r.kids {
		v := f.attr("value")
		switch f.name {
		case "enumeration":
			values = append(values, v)
		case "pattern":
			if !regexp.MustCompile("^(?:" + v + ")$").MatchString(text) {
				return fmt.Errorf("%q does not have the form %s", text, v)
			}
		case "minLength":
			if n, _ := strconv.Atoi(v); len(text) < n {
				return fmt.Errorf("%q is too short", text)
			}
		}
	}
	if len(values) > 0 && !slices.Contains(values, text) {
		return fmt.Errorf("%q is not one of the values", text)
	}
	return nil
}

// builtin checks the types of XML Schema itself that the files use.
func builtin(name, text string) error {
	var err error
	t := strings.TrimSpace(text)
	switch name {
	case "int":
		_, err = strconv.ParseInt(t, 10, 32)
	case "long":
		_, err = strconv.ParseInt(t, 10, 64)
	case "unsignedShort":
		_, err = strconv.ParseUint(t, 10, 16)
	case "boolean":
		if !slices.Contains([]string{"true", "false", "0", "1"}, t) {
			err = fmt.Errorf("%q is no boolean", t)
		}
	case "dateTime":
		_, err = time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(t, "Z"))
		if err != nil {
			_, err = time.Parse(time.RFC3339Nano, t)
		}
	case "base64Binary":
		_, err = base64.StdEncoding.DecodeString(t)
	case "string", "language", "date":
	default:
		err = fmt.Errorf("the type xs:%s is not known here", name)
	}
	return err
}
