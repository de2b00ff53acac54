package view

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// published is a schema as a program would use it.
type published struct{ *jsonschema.Schema }

// compile reads a schema. A strict one lets nothing pass that it does not name: the contract is that readers ignore what
// they do not know, the test is that we write nothing that is not told.
func compile(t *testing.T, name string, strict bool) published {
	t.Helper()
	text, err := Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if strict {
		closeObjects(doc)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name+".json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return published{s}
}

func closeObjects(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			closeObjects(one)
		}
	case map[string]any:
		if v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, one := range v {
			closeObjects(one)
		}
	}
}

func (p published) check(t *testing.T, document []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err == nil {
		err = p.Validate(v)
	}
	if err != nil {
		t.Errorf("%v\nin %s", err, document)
	}
}

// TestSchemas: what is no event is refused, and a later minor version's keys are not.
func TestSchemas(t *testing.T) {
	const good = `{"time":"2026-11-23T18:00:00Z","event":"interrupted","run":"7f3a","pass":"full","text":"x"`
	for line, want := range map[string]bool{
		good + `}`: true, good + `,"new":1}`: true, good + `,"run":7}`: false,
		`{"time":"18:00","event":"interrupted","run":"7f3a","pass":"full","text":"x"}`:     false,
		`{"time":"2026-11-23T18:00:00Z","event":"nonsense","run":"","pass":"","text":"x"}`: false,
		`{"time":"2026-11-23T18:00:00Z","event":"exit","run":"","pass":"","text":"x"}`:     false,
	} {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if err := compile(t, "events", false).Validate(v); (err == nil) != want {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, name := range SchemaNames() {
		compile(t, name, false)
	}
	if _, err := Schema("nonsense"); err == nil {
		t.Error("a schema that there is not")
	}
}
