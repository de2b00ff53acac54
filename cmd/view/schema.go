package view

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"mailhaul/plan"
)

// eventKeys are the keys that each event must and may have, beside those of every event.
var eventKeys = map[string]struct{ must, may []string }{
	"version":          {must: []string{"v"}},
	"diagnostic":       {must: []string{"code", "kind", "hint"}, may: []string{"range"}},
	"plan":             {must: []string{"planned", "copied", "failed", "left_out"}},
	"pass_started":     {must: []string{"planned"}},
	"mailbox_started":  {must: []string{"mailbox", "destination", "transport", "planned"}},
	"waiting":          {must: []string{"kind", "seconds"}, may: []string{"mailbox", "code", "hint"}},
	"progress":         {must: []string{"planned", "copied", "failed", "left_out"}},
	"message_left_out": {must: []string{"mailbox", "destination", "transport", "folder", "destination_folder", "uid", "bytes", "code", "hint"}, may: []string{"message_id"}},
	"message_changed": {must: []string{"mailbox", "destination", "transport", "folder", "destination_folder", "uid", "bytes", "changes"},
		may: []string{"message_id"}},
	"message_failed": {must: []string{"mailbox", "destination", "transport", "folder", "destination_folder", "uid", "bytes", "code", "kind",
		"retry"}, may: []string{"hint", "message_id"}},
	"mailbox_done":   {must: []string{"mailbox", "destination", "transport", "planned", "copied", "failed", "left_out", "seconds"}},
	"mailbox_failed": {must: []string{"mailbox", "destination", "code", "kind", "retry", "copied"}, may: []string{"transport", "hint"}},
	"window_closed":  {}, "window_opened": {}, "interrupted": {},
	"pass_done": {must: []string{"planned", "copied", "failed", "left_out", "seconds"}, may: []string{"gone"}},
	"exit":      {must: []string{"exit_code"}},
}

// documents are the documents that --json gives, by the command.
func documents() map[string]reflect.Type {
	return map[string]reflect.Type{
		"plan": reflect.TypeFor[plan.Plan](), "status": reflect.TypeFor[statusDocument](),
		"failures": reflect.TypeFor[failuresDocument](), "verify": reflect.TypeFor[verifyDocument](),
		"version": reflect.TypeFor[Version](),
	}
}

// SchemaNames are the names that Schema knows, in alphabetical order.
func SchemaNames() []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
		yield("events", true)
		for name := range documents() {
			if !yield(name, true) {
				return
			}
		}
	})))
}

// Schema gives the JSON Schema (draft 2020-12) of what a command answers with --json; of "events", that of one line of
// apply. It is made of the types that are written, so that it can't be another.
func Schema(name string) ([]byte, error) {
	schema := eventSchema()
	if name != "events" {
		t, known := documents()[name]
		if !known {
			return nil, fmt.Errorf("there is no schema %q", name)
		}
		schema = schemaOf(t)
		schema["title"] = "mailhaul " + name + " --json"
	}
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

// eventSchema is the schema of one event: one of those that there are, or one of a later minor version.
func eventSchema() map[string]any {
	all := schemaOf(reflect.TypeFor[record]())
	keys, _ := all["properties"].(map[string]any)
	keys["time"] = schemaOf(reflect.TypeFor[time.Time]())
	var kinds []any
	for _, event := range slices.Sorted(maps.Keys(eventKeys)) {
		k := eventKeys[event]
		must := append([]string{"time", "event", "text"}, k.must...)
		if event != "version" {
			must = append(must, "run", "pass")
		}
		properties := map[string]any{}
		for _, key := range append(slices.Clone(must), k.may...) {
			properties[key] = keys[key]
		}
		properties["event"] = map[string]any{"const": event}
		kinds = append(kinds, map[string]any{"type": "object", "properties": properties, "required": must})
	}
	return map[string]any{"title": "one line of mailhaul apply --json, version " + EventsVersion, "anyOf": kinds}
}

// schemaOf makes a schema of a type as encoding/json writes it.
func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[plan.Action]():
		return map[string]any{"enum": []any{plan.Start, plan.Continue, plan.UpToDate, plan.Blocked, plan.Skipped}}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return map[string]any{"type": []any{"string", "null"}, "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": []any{"array", "null"}, "items": schemaOf(t.Elem())}
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		fields(t, properties, &required)
		return map[string]any{"type": "object", "properties": properties, "required": required}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	default:
		return map[string]any{"type": "integer"}
	}
}

// fields adds the fields of a struct; those that may be left out are not required.
func fields(t reflect.Type, properties map[string]any, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields(f.Type, properties, required)
			continue
		case name == "" || name == "-":
			continue
		}
		properties[name] = schemaOf(f.Type)
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}
