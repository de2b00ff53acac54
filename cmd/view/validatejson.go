package view

import (
	"io"

	"mailhaul/config"
)

// Validity is what validate --json tells of a project.
type Validity struct {
	Valid       bool     `json:"valid"`
	Files       []string `json:"files,omitempty"`
	Endpoints   int      `json:"endpoints"`
	Mailboxes   int      `json:"mailboxes"`
	Passes      []string `json:"passes,omitempty"`
	Unsupported []string `json:"unsupported,omitempty"` // read and checked, not carried out by this version
	Errors      int      `json:"errors"`
	Warnings    int      `json:"warnings"`
}

// diagnosticRow is one mistake or warning. The columns of range count in snippet, whose secrets are cut out; where none
// are they are the file's.
type diagnosticRow struct {
	Severity string       `json:"severity"` // "error" or "warning"
	Code     string       `json:"code"`
	Summary  string       `json:"summary"`
	Detail   string       `json:"detail,omitempty"`
	Hint     string       `json:"hint,omitempty"`
	Range    *textRange   `json:"range,omitempty"`
	Context  string       `json:"context,omitempty"` // `in pass "prestage"`
	Snippet  string       `json:"snippet,omitempty"`
	Also     []otherPlace `json:"also,omitempty"` // what it collides with
}

type otherPlace struct {
	Range   textRange `json:"range"`
	Snippet string    `json:"snippet,omitempty"`
}

// ValidateJSON writes the outcome of validate as one document.
func ValidateJSON(w io.Writer, v Validity, ds config.Diagnostics) error {
	rows := []diagnosticRow{}
	for _, d := range ds {
		row := diagnosticRow{Severity: "error", Code: string(d.Code), Summary: d.Summary, Detail: d.Detail, Hint: d.Hint}
		if d.Severity == config.Warning {
			row.Severity = "warning"
			v.Warnings++
		} else {
			v.Errors++
		}
		for i, s := range d.Snippets {
			if i == 0 {
				r := rangeJSON(s.Range)
				row.Range, row.Context, row.Snippet = &r, s.Context, s.Text
				continue
			}
			row.Also = append(row.Also, otherPlace{rangeJSON(s.Range), s.Text})
		}
		rows = append(rows, row)
	}
	return document(w, struct {
		Validity
		Diagnostics []diagnosticRow `json:"diagnostics"`
	}{v, rows})
}

func rangeJSON(r config.Range) textRange {
	return textRange{r.File, r.Start.Line, r.Start.Column, r.End.Line, r.End.Column}
}
