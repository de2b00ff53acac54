package graphserver

import (
	_ "embed"
	"encoding/json"
	"encoding/xml"
	"strings"
)

// The description is Microsoft's, as far as mail needs it; the additions are what it lacks (metadata/README.md).
var (
	//go:embed metadata/beta.csdl
	betaCSDL []byte
	//go:embed metadata/additions.json
	additionsJSON []byte
)

// metadata is what a request is held against.
type metadata struct {
	additions
	enums   map[string][]string
	types   map[string]typ
	actions map[string]action // by type and name, "message.move"
	sets    map[string]string // type of each entity set
}

// additions are what the documentation adds to Microsoft's description.
type additions struct {
	Actions []struct {
		Name    string `json:"name"`
		Of      string `json:"of"`
		Takes   string `json:"takes"`
		Returns string `json:"returns"`
	} `json:"actions"`
	Content   map[string]string   `json:"content"` // what $value of a type gives
	Updatable map[string][]string `json:"updatable"`
	Creatable map[string][]string `json:"creatable"`
	Options   map[string][]string `json:"options"` // of the query, by operation
	WellKnown []string            `json:"wellKnownFolders"`
}

// typ is a complex type or an entity type, with all that it inherits.
type typ struct {
	properties map[string]string // types by name
	navigation map[string]string
}

// action is bound to a type.
type action struct {
	takes      string      // another kind of content than JSON; or:
	parameters []parameter // the bound one aside
	returns    string
}

// The parts of a CSDL document that are looked at (OData CSDL XML 4.01).
type (
	document struct {
		Schemas []schema `xml:"DataServices>Schema"`
	}
	schema struct {
		Enums []struct {
			Name    string `xml:",attr"`
			Members []struct {
				Name string `xml:",attr"`
			} `xml:"Member"`
		} `xml:"EnumType"`
		Complex []described `xml:"ComplexType"`
		Entity  []described `xml:"EntityType"`
		Actions []struct {
			Name       string      `xml:",attr"`
			Parameters []parameter `xml:"Parameter"`
			Returns    parameter   `xml:"ReturnType"`
		} `xml:"Action"`
		Sets []struct {
			Name       string `xml:",attr"`
			EntityType string `xml:",attr"`
		} `xml:"EntityContainer>EntitySet"`
	}
	described struct {
		Name       string      `xml:",attr"`
		BaseType   string      `xml:",attr"`
		Properties []parameter `xml:"Property"`
		Navigation []parameter `xml:"NavigationProperty"`
	}
	parameter struct {
		Name     string `xml:",attr"`
		Type     string `xml:",attr"`
		Nullable string `xml:",attr"`
	}
)

// loadMetadata reads the description and the additions.
func loadMetadata() (*metadata, error) {
	m := &metadata{enums: map[string][]string{}, types: map[string]typ{}, actions: map[string]action{}, sets: map[string]string{}}
	if err := json.Unmarshal(additionsJSON, &m.additions); err != nil {
		return nil, err
	}
	var d document
	if err := xml.Unmarshal(betaCSDL, &d); err != nil {
		return nil, err
	}
	for _, s := range d.Schemas {
		m.add(s)
	}
	for _, a := range m.Actions {
		m.actions[a.Of+"."+a.Name] = action{takes: a.Takes, returns: a.Returns}
	}
	return m, nil
}

func (m *metadata) add(s schema) {
	for _, e := range s.Enums {
		for _, member := range e.Members {
			m.enums[e.Name] = append(m.enums[e.Name], member.Name)
		}
	}
	all := map[string]described{}
	for _, t := range append(s.Complex, s.Entity...) {
		all[t.Name] = t
	}
	for name, t := range all {
		whole := typ{map[string]string{}, map[string]string{}}
		for known := true; known; t, known = all[local(t.BaseType)] {
			for _, p := range t.Properties {
				whole.properties[p.Name] = local(p.Type)
			}
			for _, p := range t.Navigation {
				whole.navigation[p.Name] = local(p.Type)
			}
		}
		m.types[name] = whole
	}
	for _, a := range s.Actions {
		bound := local(a.Parameters[0].Type)
		m.actions[bound+"."+a.Name] = action{parameters: a.Parameters[1:], returns: local(a.Returns.Type)}
	}
	for _, set := range s.Sets {
		m.sets[set.Name] = local(set.EntityType)
	}
}

// local takes the namespace, or its alias, off the name of a type.
func local(name string) string {
	return strings.NewReplacer("microsoft.graph.", "", "graph.", "").Replace(name)
}

// element gives the type of a collection's elements.
func element(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "Collection("), ")")
}
