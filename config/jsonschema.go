package config

import "encoding/json"

// JSONSchema gives the language as a JSON Schema (draft 2020-12) of *.hcl.json files: editors complete and check with it.
// It is made from the tables that Load reads by. What needs more than one attribute to judge, Load alone knows.
func JSONSchema() []byte {
	doc := bodySchema(projectSpec)
	doc["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	doc["title"] = "mailhaul configuration"
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic("config: encode schema: " + err.Error()) // maps, texts and numbers always encode
	}
	return append(out, '\n')
}

type object = map[string]any

// bodySchema describes what stands inside a block.
func bodySchema(b *blockSpec) object {
	properties := object{"//": object{"description": "a comment"}}
	for _, a := range b.attrs {
		properties[a.name] = attrSchema(a)
	}
	for _, k := range b.blocks {
		properties[k.name] = labelled(k, k.labels)
	}
	doc := object{"type": "object", "properties": properties}
	doc["additionalProperties"] = b.free
	return doc
}

// labelled nests a block in one object for each label. A block may also be a list of such objects.
func labelled(b *blockSpec, labels []string) object {
	if len(labels) == 0 {
		one := bodySchema(b)
		return object{"anyOf": []any{one, object{"type": "array", "items": one}}}
	}
	one := object{"type": "object", "additionalProperties": labelled(b, labels[1:])}
	if labels[0] == "type" {
		one = object{"type": "object", "additionalProperties": false, "properties": object{
			TypeIMAP: labelled(endpointSpec, labels[1:]), TypeMicrosoft365: labelled(microsoft365Spec, labels[1:])}}
	}
	return object{"anyOf": []any{one, object{"type": "array", "items": one}}}
}

// kindTexts say what an attribute of a kind takes.
var kindTexts = map[kind]string{
	size: `a size: "36MB", "36MiB"`, rate: `a rate per second: "400Mbit"`, span: `a duration: "60s", "15m"`,
	bound:  `an age ("90d") or a date ("2026-06-01", "2026-06-01 19:00 Europe/Stockholm")`,
	moment: `a moment: "2026-12-01 19:00 Europe/Stockholm"`, clock: `a time of day: "19:00"`, zone: `a time zone: "Europe/Stockholm"`,
	reference: `an endpoint: "endpoint.imap.old"`, password: `a secret: "${env(\"NAME\")}"`,
}

// attrSchema describes a value: as it is, or as an expression in a text.
func attrSchema(a attrSpec) object {
	expression := object{"type": "string", "pattern": `\$\{`}
	var plain object
	switch a.kind {
	case number:
		plain = object{"type": "integer", "minimum": a.min, "maximum": a.max}
	case yesNo:
		plain = object{"type": "boolean"}
	case texts:
		item := object{"type": "string"}
		if len(a.words) > 0 {
			item = object{"enum": a.words}
		}
		plain = object{"type": "array", "items": item}
	case word:
		plain = object{"enum": a.words}
	case kept:
		return object{"description": "an expression"}
	default:
		plain = object{"type": "string"}
	}
	doc := object{"anyOf": []any{plain, expression, object{"type": "null"}}}
	if plain["type"] == "string" {
		doc = object{"type": []string{"string", "null"}}
	}
	if t := kindTexts[a.kind]; t != "" {
		doc["description"] = t
	}
	return doc
}
