package config

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"testing"
)

// fits is as much of a validator as the schema needs.
func fits(schema map[string]any, v any) bool {
	if choices, ok := schema["anyOf"].([]any); ok {
		return slices.ContainsFunc(choices, func(s any) bool { return fits(s.(map[string]any), v) })
	}
	if words, ok := schema["enum"].([]any); ok {
		return slices.Contains(words, v)
	}
	switch t := schema["type"].(type) {
	case []any:
		return slices.ContainsFunc(t, func(one any) bool { return fits(map[string]any{"type": one}, v) })
	case string:
		return fitsType(schema, t, v)
	}
	return true
}

func fitsType(schema map[string]any, kind string, v any) bool {
	switch kind {
	case "object":
		o, ok := v.(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		for name, part := range o {
			inner, known := properties[name].(map[string]any)
			if more, ok := schema["additionalProperties"].(map[string]any); !known && ok {
				inner, known = more, true
			}
			if free, _ := schema["additionalProperties"].(bool); !known && free {
				continue
			}
			if !known || !fits(inner, part) {
				return false
			}
		}
		return ok
	case "array":
		list, ok := v.([]any)
		for _, part := range list {
			ok = ok && fits(schema["items"].(map[string]any), part)
		}
		return ok
	case "string":
		s, ok := v.(string)
		pattern, _ := schema["pattern"].(string)
		return ok && regexp.MustCompile(pattern).MatchString(s)
	case "integer":
		n, ok := v.(float64)
		return ok && n == math.Trunc(n) && n >= schema["minimum"].(float64) && n <= schema["maximum"].(float64)
	case "boolean":
		_, ok := v.(bool)
		return ok
	}
	return kind == "null" && v == nil
}

// TestJSONSchema holds the schema against projects: what loads fits, and what is misspelt or of another type does not.
func TestJSONSchema(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(JSONSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	const head = `{"endpoint": {"imap": {"old": {"host": "old.example.com"}, "new": {"host": "new.example.com", "port": 993}}},
  "users": {"staff": {"from": "endpoint.imap.old", "to": "endpoint.imap.new", "csv": "users.csv"}}`
	for _, c := range []struct {
		more string
		fits bool
	}{
		{`, "//": "a comment", "variable": {"pw": {"type": "string", "default": "", "sensitive": true, "validation": {"condition": "${true}"}}}, "locals": {"any": [1, {"x": 2}]}`, true},
		{`, "folders": {"exclude": ["^A"], "special": "none", "rename": {"^INBOX/": {"to": ""}}}, "messages": {"max_size": "1MB"}`, true},
		{`, "window": {"nights": {"from": "19:00", "to": "06:00", "days": ["mon"]}}, "pass": {"full": {"windows": ["nights"], "start": "2026-12-01"}}`, true},
		{`, "pass": [{"verify": {}}, {"full": {"order": "newest-first"}}], "mailhaul": {"mailboxes": "${6 + 6}", "customer": null}`, true},
		{`, "folder": {}`, false}, {`, "folders": {"special": "off"}`, false}, {`, "messages": {"max_size": 5}`, false},
		{`, "mailhaul": {"mailboxes": 0}`, false}, {`, "pass": {"full": {"windows": "nights"}}`, false}, {`, "mailhaul": {"version": true}`, false},
	} {
		text := head + c.more + "}"
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got := fits(schema, v); got != c.fits {
			t.Errorf("fits = %v: %s", got, c.more)
		}
		loaded, ds := Load(project(t, "a.hcl.json", text, "users.csv", twoUsers), Options{Env: testEnv})
		if c.fits && loaded == nil {
			t.Errorf("does not load: %s\n%s", c.more, render(ds))
		}
	}
}
