package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"mailhaul/plan"
)

// Version is what `mailhaul version` tells.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Built   string `json:"built,omitempty"`
	Go      string `json:"go"`
	System  string `json:"system"` // "linux/amd64"
}

// PlanJSON writes the plan as one document, the same as a plan file holds.
func PlanJSON(w io.Writer, p *plan.Plan) error { return document(w, p) }

// StatusJSON writes the status as one document.
func StatusJSON(w io.Writer, s StatusView) error { return document(w, s) }

// FailuresJSON writes what failed as one document.
func FailuresJSON(w io.Writer, f FailureList) error { return document(w, f) }

// VerifyJSON writes what verify found as one document.
func VerifyJSON(w io.Writer, rows []VerifyRow) error {
	return document(w, struct {
		Mailboxes []VerifyRow `json:"mailboxes"`
	}{rows})
}

// VersionJSON writes the version as one document.
func VersionJSON(w io.Writer, v Version) error { return document(w, v) }

// VersionText writes the version for people.
func VersionText(o Output, v Version) error {
	text := "mailhaul " + Safe(v.Version)
	for _, part := range []string{v.Commit, v.Built, v.Go, v.System} {
		if part != "" {
			text += "  " + Safe(part)
		}
	}
	return o.put(text + "\n")
}

// document writes one JSON document, indented.
func document(w io.Writer, v any) error {
	text, err := encode(v, "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// encode gives v as JSON that is safe on a terminal too: what Safe would make visible is written as JSON escapes, which
// a reader decodes to what it was.
func encode(v any, indent string) ([]byte, error) {
	var raw bytes.Buffer
	e := json.NewEncoder(&raw)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	var safe bytes.Buffer
	for rest := raw.Bytes(); len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case !dangerous(r) || r == '\n':
			safe.Write(rest[:n])
		case r > 0xffff:
			// RFC 8259, 7: a surrogate pair.
			fmt.Fprintf(&safe, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
		rest = rest[n:]
	}
	return safe.Bytes(), nil
}
