package graphserver

import (
	"fmt"
	"net/url"
	"strings"
)

// resource is what a path leads to, as OData reads it (OData URL Conventions 4.01, section 4).
type resource struct {
	kind string // "one", "many", "content" or "action"
	typ  string // of one, or of each; the type and the name of an action
	keys map[string]string
}

// operation is what a request asks for.
type operation struct {
	name    string // of the handler
	method  string
	takes   string // kind of content, or type of the JSON; empty: none
	params  []parameter
	returns string
}

// played are the requests that this server can answer. Microsoft's description knows many more.
var played = map[string]string{
	"GET one mailFolder": "get folder", "GET many mailFolder": "list folders", "POST many mailFolder": "create folder",
	"GET many message": "list messages", "GET one message": "get message", "PATCH one message": "update message",
	"GET content message": "get MIME", "POST action message.move": "move", "POST action mailFolder.importMime": "importMime",
}

// find gives the operation of a request, and the keys that stand in its path by the type that they are of.
func (m *metadata) find(method, path string) (*operation, map[string]string, error) {
	at, err := m.resolve(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	name, known := played[fmt.Sprint(method, " ", at.kind, " ", at.typ)]
	if !known || at.kind == "many" && at.keys["mailFolder"] == "" {
		return nil, nil, fmt.Errorf("%s of %s is not played here", method, path)
	}
	op := &operation{name: name, method: method, returns: at.typ}
	switch {
	case at.kind == "action":
		a := m.actions[at.typ]
		op.takes, op.params, op.returns = a.takes, a.parameters, a.returns
	case at.kind == "content":
		op.returns = m.Content[at.typ]
	case method != "GET":
		op.takes = at.typ
	}
	return op, at.keys, nil
}

// resolve walks along a path: an entity set, keys, navigation properties, and at the end perhaps a bound action or $value.
func (m *metadata) resolve(path string) (resource, error) {
	rest, version := strings.CutPrefix(path, "/beta/")
	segments := strings.Split(rest, "/")
	at := resource{"many", m.sets[segments[0]], map[string]string{}}
	if !version || at.typ == "" {
		return at, fmt.Errorf("there is no such set in version beta")
	}
	for _, raw := range segments[1:] {
		s, err := url.PathUnescape(raw)
		if err == nil {
			at, err = m.step(at, s)
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

func (m *metadata) step(at resource, s string) (resource, error) {
	below := m.types[at.typ].navigation[s]
	_, acts := m.actions[at.typ+"."+s]
	switch {
	case s == "" || at.kind != "one" && at.kind != "many":
		return at, fmt.Errorf("nothing is below %s", at.typ)
	case at.kind == "many":
		at.kind, at.keys[at.typ] = "one", s
	case s == "$value" && m.Content[at.typ] != "":
		at.kind = "content"
	case acts:
		at.kind, at.typ = "action", at.typ+"."+s
	case below != element(below):
		at.kind, at.typ = "many", element(below)
	case below != "":
		at.typ = below
	default:
		return at, fmt.Errorf("%s has neither a property nor an action %q", at.typ, s)
	}
	return at, nil
}
