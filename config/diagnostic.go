package config

import (
	"fmt"
	"strings"
)

// Severity tells an error from a warning.
type Severity uint8

// The severities.
const (
	Error Severity = iota
	Warning
)

// Pos is a place in a file: line and column from 1, the column in characters.
type Pos struct{ Line, Column int }

// Range is a stretch of a file; the zero Range is nowhere. End is the first place after it.
type Range struct {
	File       string // as shown to people: relative to the project's directory
	Start, End Pos
}

// IsZero tells whether the range is nowhere.
func (r Range) IsZero() bool { return r.File == "" }

// String gives file:line:column.
func (r Range) String() string { return fmt.Sprintf("%s:%d:%d", r.File, r.Start.Line, r.Start.Column) }

// Snippet is a source line to show with a diagnostic, secrets already cut out. The columns of Range count in Text, so
// that carets fit; where nothing was cut out of the line they are the file's too. An empty range has no carets.
type Snippet struct {
	Range   Range
	Context string // `in pass "prestage"`; may be empty
	Text    string // the whole source line, without its line end
}

// Diagnostic is one mistake or warning, whole: whoever shows it needs neither HCL nor the files.
type Diagnostic struct {
	Severity Severity
	Code     Code
	Summary  string // `there is no window "evenings"`: no capital, no full stop
	// Snippets are the places: the first is where the mistake is, others are what it collides with.
	Snippets []Snippet
	Detail   string // what is allowed, what to do; sentences, may be empty, may have line breaks
	Hint     string // "Did you mean \"nights\"?"; may be empty
}

// Range is the place of the mistake; the zero Range where there is none.
func (d Diagnostic) Range() Range {
	if len(d.Snippets) == 0 {
		return Range{}
	}
	return d.Snippets[0].Range
}

// Error gives file:line:column and the summary, so that a Diagnostic can travel as an error.
func (d Diagnostic) Error() string {
	if r := d.Range(); !r.IsZero() {
		return r.String() + ": " + d.Summary
	}
	return d.Summary
}

// Diagnostics are all mistakes and warnings of one load.
type Diagnostics []Diagnostic

// HasErrors tells whether one of them is an error.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Error joins them, one a line.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Code names a kind of mistake; `mailhaul explain CODE` has a page for each.
type Code string

// The codes of the configuration.
const (
	CodeSyntax       Code = "CONFIG-SYNTAX"        // HCL that does not parse
	CodeUnknown      Code = "CONFIG-UNKNOWN"       // an unknown block, attribute, function or word
	CodeMissing      Code = "CONFIG-MISSING"       // a block or attribute that must be there
	CodeValue        Code = "CONFIG-VALUE"         // a value out of range or of the wrong type
	CodeReference    Code = "CONFIG-REFERENCE"     // a name that refers to nothing
	CodeDuplicate    Code = "CONFIG-DUPLICATE"     // the same thing twice
	CodeConflict     Code = "CONFIG-CONFLICT"      // two settings that exclude each other
	CodeRegexp       Code = "CONFIG-REGEXP"        // a regular expression that does not compile
	CodeFile         Code = "CONFIG-FILE"          // a file or directory that can't be read
	CodeCommand      Code = "CONFIG-COMMAND"       // a command() or env() that gives nothing
	CodeCSV          Code = "CONFIG-CSV"           // a users file that can't be read as a table
	CodeCSVRow       Code = "CONFIG-CSV-ROW"       // a row of the users file
	CodeSecret       Code = "CONFIG-SECRET"        // a literal secret (warning)
	CodeDeprecated   Code = "CONFIG-DEPRECATED"    // a way that others will close one day (warning)
	CodeNotSupported Code = "CONFIG-NOT-SUPPORTED" // part of the language that this version does not carry out
	CodeVersion      Code = "CONFIG-VERSION"       // the project asks for another version of mailhaul
	CodeMerge        Code = "CONFIG-MERGE"         // two folders or mailboxes would become one
	CodeFolderName   Code = "CONFIG-FOLDER-NAME"   // the destination can't have a folder of that name
	CodePass         Code = "CONFIG-PASS"          // a pass that does not exist or is not due
	CodeArguments    Code = "CONFIG-ARGUMENTS"     // flags or words on the command line
	CodeChanged      Code = "CONFIG-CHANGED"       // the plan file was made from other settings
)

// Codes lists every code above, sorted.
func Codes() []Code {
	return []Code{CodeArguments, CodeChanged, CodeCommand, CodeConflict, CodeCSV, CodeCSVRow, CodeDeprecated,
		CodeDuplicate, CodeFile,
		CodeFolderName, CodeMerge, CodeMissing, CodeNotSupported, CodePass, CodeReference, CodeRegexp, CodeSecret,
		CodeSyntax, CodeUnknown, CodeValue, CodeVersion}
}
