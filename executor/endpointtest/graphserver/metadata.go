package graphserver

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed metadata.json
var metadataJSON []byte

// metadata is the part of Microsoft's description of Graph that is played here. The file names its sources.
type metadata struct {
	Version    string              `json:"version"`
	Enums      map[string][]string `json:"enums"`
	Types      map[string]typ      `json:"types"`
	Operations []operation         `json:"operations"`
	WellKnown  []string            `json:"wellKnownFolders"`
}

type typ struct {
	Properties map[string]property `json:"properties"`
	Navigation map[string]string   `json:"navigation"`
}

type property struct {
	Type           string `json:"type"`
	Computed       bool   `json:"computed"`
	OnlyAtCreation bool   `json:"onlyAtCreation"`
	OnlyOfDrafts   bool   `json:"onlyOfDrafts"`
	Required       bool   `json:"required"`
}

type operation struct {
	Name    string   `json:"name"`
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	Takes   string   `json:"takes"`
	Returns string   `json:"returns"`
	Query   []string `json:"query"`
}

// loadMetadata reads the description.
func loadMetadata() (*metadata, error) {
	var m metadata
	return &m, json.Unmarshal(metadataJSON, &m)
}

// find gives the operation of a request and what stands in its path in place of the names in braces.
func (m *metadata) find(method, path string) (*operation, map[string]string, error) {
	got := strings.Split(strings.TrimPrefix(path, "/"+m.Version), "/")
	elsewhere := false
	for i := range m.Operations {
		want := strings.Split(m.Operations[i].Path, "/")
		names, fits := map[string]string{}, len(got) == len(want)
		for j := 0; fits && j < len(want); j++ {
			part, err := url.PathUnescape(got[j])
			if name, variable := strings.CutPrefix(want[j], "{"); variable {
				names[strings.TrimSuffix(name, "}")] = part
				fits = part != "" && err == nil
			} else {
				fits = part == want[j]
			}
		}
		if fits && m.Operations[i].Method == method {
			return &m.Operations[i], names, nil
		}
		elsewhere = elsewhere || fits
	}
	if elsewhere {
		return nil, nil, fmt.Errorf("the path %s takes no %s", path, method)
	}
	return nil, nil, fmt.Errorf("no operation has the path %s", path)
}

// check holds a request against its operation: query, kind of content, content.
func (m *metadata) check(op *operation, r *http.Request, body []byte) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for name, values := range query {
		if !slices.Contains(op.Query, name) || len(values) != 1 {
			return fmt.Errorf("%s takes no %s", op.Name, name)
		}
		if err := m.checkOption(element(op.Returns), name, values[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case op.Takes == "" && len(body) > 0:
		return fmt.Errorf("%s takes no content", op.Name)
	case op.Takes == "":
		return nil
	case op.Takes == "text/plain":
		if kind != "text/plain" {
			return fmt.Errorf("%s takes text/plain, not %q", op.Name, kind)
		}
		return nil
	case kind != "application/json":
		return fmt.Errorf("%s takes application/json, not %q", op.Name, kind)
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	return m.checkValue(op.Takes, v, op.Method == http.MethodPost)
}

// element gives the type of a collection's elements.
func element(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "Collection("), ")")
}

// checkOption holds one option of the query against the type that it is about.
func (m *metadata) checkOption(of, name, value string) error {
	t := m.Types[of]
	switch name {
	case "$select":
		for p := range strings.SplitSeq(value, ",") {
			if _, known := t.Properties[p]; !known {
				return fmt.Errorf("%s has no property %q", of, p)
			}
		}
	case "$expand":
		if _, err := m.parseExpand(t, value); err != nil {
			return err
		}
	case "$filter":
		if _, err := parseFilter(value); err != nil {
			return err
		}
	case "$top", "$skip":
		if n, err := strconv.Atoi(value); err != nil || n < 0 || name == "$top" && (n == 0 || n > 1000) {
			return fmt.Errorf("%q is no number that it takes", value)
		}
	case "$count", "includeHiddenFolders":
		if value != "true" && value != "false" {
			return fmt.Errorf("%q is neither true nor false", value)
		}
	default:
		return fmt.Errorf("it is not played here")
	}
	return nil
}

// checkValue holds a JSON value against a type.
func (m *metadata) checkValue(name string, v any, creates bool) error {
	if inner := element(name); inner != name {
		list, is := v.([]any)
		if !is {
			return fmt.Errorf("%v is no list", v)
		}
		for _, e := range list {
			if err := m.checkValue(inner, e, creates); err != nil {
				return err
			}
		}
		return nil
	}
	if words, is := m.Enums[name]; is {
		if word, is := v.(string); !is || !slices.Contains(words, word) {
			return fmt.Errorf("%v is no %s", v, name)
		}
		return nil
	}
	if t, is := m.Types[name]; is {
		return m.checkObject(name, t, v, creates)
	}
	return checkPrimitive(name, v)
}

func (m *metadata) checkObject(name string, t typ, v any, creates bool) error {
	object, is := v.(map[string]any)
	if !is {
		return fmt.Errorf("%v is no %s", v, name)
	}
	for key, value := range object {
		p, known := t.Properties[key]
		switch {
		case !known && t.Navigation[key] != "":
			p = property{Type: t.Navigation[key]}
		case !known:
			return fmt.Errorf("%s has no property %q", name, key)
		case p.Computed || p.OnlyAtCreation && !creates || p.OnlyOfDrafts:
			return fmt.Errorf("the property %q of %s can't be set", key, name)
		}
		if err := m.checkValue(p.Type, value, creates); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	for key, p := range t.Properties {
		if _, set := object[key]; p.Required && !set {
			return fmt.Errorf("%s lacks %q", name, key)
		}
	}
	if name == "singleValueLegacyExtendedProperty" {
		return checkExtended(object)
	}
	return nil
}

func checkPrimitive(name string, v any) error {
	fits := false
	switch name {
	case "Edm.String":
		_, fits = v.(string)
	case "Edm.Boolean":
		_, fits = v.(bool)
	case "Edm.Int32":
		n, is := v.(float64)
		fits = is && n == float64(int32(n))
	case "Edm.DateTimeOffset":
		text, is := v.(string)
		_, err := time.Parse(time.RFC3339, text)
		fits = is && err == nil
	}
	if !fits {
		return fmt.Errorf("%v is no %s", v, name)
	}
	return nil
}

// extendedID are the forms of an extended property's id (the page "Outlook extended properties overview").
var extendedID = regexp.MustCompile(`^(String|Integer|SystemTime|Boolean) (0x[0-9A-Fa-f]{1,4}|\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\} (Name \S+|Id 0x[0-9A-Fa-f]+))$`)

func checkExtended(object map[string]any) error {
	id, _ := object["id"].(string)
	value, _ := object["value"].(string)
	form := extendedID.FindStringSubmatch(id)
	if form == nil {
		return fmt.Errorf("%q is no id of an extended property", id)
	}
	var err error
	switch form[1] {
	case "Integer":
		_, err = strconv.ParseInt(value, 10, 32)
	case "SystemTime":
		_, err = time.Parse(time.RFC3339, value)
	case "Boolean":
		_, err = strconv.ParseBool(value)
	}
	return err
}
