package ewsserver

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

//go:embed schema/*.xsd
var schemaFiles embed.FS

// The namespaces.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	nsXSD      = "http://www.w3.org/2001/XMLSchema"
)

// qname is a name with its namespace.
type qname struct{ space, name string }

// schema are Microsoft's definitions by name. What is not defined in the files that are here can't be used: a document
// that needs it does not validate.
type schema struct {
	elements, types, groups, attributes map[qname]def
	// instead are the elements that may stand for an abstract one.
	instead map[qname][]qname
}

// def is a definition with the namespace that its names belong to.
type def struct {
	*node
	target string
}

// ews is the schema, read once.
var ews = sync.OnceValue(func() *schema {
	s, err := loadSchema()
	if err != nil {
		panic(err) // the files are part of the package
	}
	return s
})

func loadSchema() (*schema, error) {
	s := &schema{elements: map[qname]def{}, types: map[qname]def{}, groups: map[qname]def{}, attributes: map[qname]def{},
		instead: map[qname][]qname{}}
	names, err := fs.Glob(schemaFiles, "schema/*.xsd")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		f, err := schemaFiles.Open(name)
		if err != nil {
			return nil, err
		}
		top, err := parse(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.take(top)
	}
	return s, nil
}

func (s *schema) take(top *node) {
	target := top.attr("targetNamespace")
	for _, n := range top.kids {
		d := def{n, target}
		name := qname{target, n.attr("name")}
		switch n.name {
		case "element":
			s.elements[name] = d
			if head := n.attr("substitutionGroup"); head != "" {
				s.instead[s.resolve(head)] = append(s.instead[s.resolve(head)], name)
			}
		case "complexType", "simpleType":
			s.types[name] = d
		case "group":
			s.groups[name] = d
		case "attributeGroup":
			s.attributes[name] = d
		}
	}
}

// resolve reads a prefixed name; the files agree on their prefixes.
func (s *schema) resolve(name string) qname {
	prefix, local, _ := strings.Cut(name, ":")
	return qname{map[string]string{"t": nsTypes, "m": nsMessages, "xs": nsXSD, "xml": "http://www.w3.org/XML/1998/namespace"}[prefix], local}
}
