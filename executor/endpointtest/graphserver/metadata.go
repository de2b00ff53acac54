package graphserver

import (
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

// check holds a request against its operation: query, kind of content, content.
func (m *metadata) check(op *operation, r *http.Request, body []byte) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for name, values := range query {
		if !slices.Contains(m.Options[op.name], name) || len(values) != 1 {
			return fmt.Errorf("%s takes no %s", op.name, name)
		}
		if err := m.checkOption(op.returns, name, values[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case op.takes == "" && op.params == nil && len(body) > 0:
		return fmt.Errorf("%s takes no content", op.name)
	case op.takes == "" && op.params == nil:
		return nil
	case op.takes == "text/plain":
		if kind != "text/plain" {
			return fmt.Errorf("%s takes text/plain, not %q", op.name, kind)
		}
		return nil
	case kind != "application/json":
		return fmt.Errorf("%s takes application/json, not %q", op.name, kind)
	}
	return m.checkBody(op, body)
}

// checkBody holds JSON against the parameters of an action, or against the type that is made or changed.
func (m *metadata) checkBody(op *operation, body []byte) error {
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	allowed := m.Updatable[op.takes]
	if op.method == http.MethodPost {
		allowed = m.Creatable[op.takes]
	}
	whole := typ{properties: map[string]string{}}
	for _, p := range op.params {
		whole.properties[p.Name] = local(p.Type)
		allowed = append(allowed, p.Name)
		if _, set := v[p.Name]; !set && p.Nullable == "false" {
			return fmt.Errorf("%s lacks %q", op.name, p.Name)
		}
	}
	if op.params == nil {
		whole = m.types[op.takes]
	}
	for name := range v {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("%q can't be set by %s", name, op.name)
		}
	}
	return m.checkObject(op.name, whole, v)
}

// checkOption holds one option of the query against the type that it is about.
func (m *metadata) checkOption(of, name, value string) error {
	t := m.types[of]
	switch name {
	case "$select":
		for p := range strings.SplitSeq(value, ",") {
			if _, known := t.properties[p]; !known {
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
func (m *metadata) checkValue(name string, v any) error {
	if inner := element(name); inner != name {
		list, is := v.([]any)
		if !is {
			return fmt.Errorf("%v is no list", v)
		}
		for _, e := range list {
			if err := m.checkValue(inner, e); err != nil {
				return err
			}
		}
		return nil
	}
	if words, is := m.enums[name]; is {
		if word, is := v.(string); !is || !slices.Contains(words, word) {
			return fmt.Errorf("%v is no %s", v, name)
		}
		return nil
	}
	if t, is := m.types[name]; is {
		object, is := v.(map[string]any)
		if !is {
			return fmt.Errorf("%v is no %s", v, name)
		}
		return m.checkObject(name, t, object)
	}
	return checkPrimitive(name, v)
}

// checkObject holds the properties of an object against a type. What begins with "@" is a matter of OData, not of the type.
func (m *metadata) checkObject(name string, t typ, object map[string]any) error {
	for key, value := range object {
		if strings.HasPrefix(key, "@odata.") {
			continue
		}
		of := t.properties[key]
		if of == "" {
			of = t.navigation[key]
		}
		if of == "" {
			return fmt.Errorf("%s has no property %q", name, key)
		}
		if err := m.checkValue(of, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if name == "singleValueLegacyExtendedProperty" {
		return checkExtended(object)
	}
	return nil
}

// checkAnswer holds what this server is about to say against the type that it announces.
func (m *metadata) checkAnswer(op *operation, v any) error {
	octets, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var object map[string]any
	if err := json.Unmarshal(octets, &object); err != nil {
		return err
	}
	if list, is := object["value"]; is {
		return m.checkValue("Collection("+op.returns+")", list)
	}
	return m.checkValue(op.returns, object)
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
