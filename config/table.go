package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// The bounds of a users file.
const (
	maxUsersFile = 256 << 20
	maxCell      = 64 << 10
	maxRows      = 1_000_000
)

// table is a users file as rows of cells, each with its place.
type table struct {
	name     string
	comma    rune
	headings []string
	header   record
	records  []record
}

// record is one row.
type record struct {
	cells []string
	lines []int // on which each cell begins
}

// noHeadings is what an empty file is told.
const noHeadings = "The first line must hold the headings: source, password, destination."

// tableError is why a file is no table; line 0 means the whole file.
type tableError struct {
	line, column    int
	summary, detail string
}

func (e *tableError) Error() string { return e.summary }

// readTable reads what spreadsheets write: see decode and sniff. It gives every error it can go on after.
func readTable(name string, src []byte, known func(string) bool) (*table, []*tableError) {
	text, problem := decode(src)
	if problem != nil {
		return nil, []*tableError{problem}
	}
	text, comma, skipped := separatorLine(text)
	if strings.TrimSpace(text) == "" {
		return nil, []*tableError{{summary: "the file is empty", detail: noHeadings}}
	}
	if comma == 0 {
		comma = sniff(text, known)
	}
	t := &table{name: name, comma: comma}
	errs := t.parse(text, skipped)
	if t.headings == nil && len(errs) == 0 {
		errs = append(errs, &tableError{summary: "the file is empty", detail: noHeadings})
	}
	return t, errs
}

func (t *table) parse(text string, skipped int) []*tableError {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = t.comma, -1
	t.records = make([]record, 0, min(strings.Count(text, "\n"), maxRows))
	var errs []*tableError
	for {
		cells, err := r.Read()
		var pe *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return errs
		case errors.As(err, &pe):
			errs = append(errs, quoteError(pe, skipped))
			if t.headings == nil {
				return errs // without headings no row means anything
			}
			continue
		case err != nil:
			return append(errs, &tableError{summary: "the file can't be read as a table", detail: sentenceOf(err)})
		}
		if len(t.records) == maxRows {
			return append(errs, &tableError{summary: fmt.Sprintf("the file has more than %d lines", maxRows),
				detail: "Split it into several files, each with a users block of its own."})
		}
		t.add(r, cells, skipped)
	}
}

func quoteError(pe *csv.ParseError, skipped int) *tableError {
	e := &tableError{line: pe.Line + skipped, column: pe.Column, summary: "a quote stands inside a cell",
		detail: `A cell that holds a quote must itself stand in quotes, with the inner one doubled: "pass""word".`}
	if pe.StartLine != pe.Line || errors.Is(pe.Err, csv.ErrQuote) {
		e.line, e.column = pe.StartLine+skipped, 1
		e.summary = "a quoted cell is not closed properly"
	}
	return e
}

func (t *table) add(r *csv.Reader, cells []string, skipped int) {
	rec := record{cells: cells, lines: make([]int, len(cells))}
	for i := range cells {
		line, _ := r.FieldPos(i)
		rec.lines[i] = line + skipped
	}
	if t.headings == nil {
		t.header = rec
		for _, h := range cells {
			t.headings = append(t.headings, tidy(h))
		}
		return
	}
	if !blank(cells) {
		t.records = append(t.records, rec)
	}
}

// blank tells whether a row holds nothing: spreadsheets leave such rows at the end.
func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// tidy takes blanks off a heading: none around, single ones inside.
func tidy(s string) string { return strings.Join(strings.Fields(s), " ") }

// decode makes UTF-8 of what spreadsheets write: UTF-8 with or without a byte-order mark, UTF-16, Windows-1252.
func decode(src []byte) (string, *tableError) {
	switch {
	case bytes.HasPrefix(src, []byte("PK\x03\x04")), bytes.HasPrefix(src, []byte("\xd0\xcf\x11\xe0")):
		return "", &tableError{summary: "this is a spreadsheet, not a CSV file", detail: "Open it and save it as CSV (UTF-8)."}
	case bytes.HasPrefix(src, []byte("\xff\xfe")), bytes.HasPrefix(src, []byte("\xfe\xff")):
		return decodeUTF16(src, unicode.LittleEndian)
	case looksUTF16(src, 1):
		return decodeUTF16(src, unicode.LittleEndian)
	case looksUTF16(src, 0):
		return decodeUTF16(src, unicode.BigEndian)
	case bytes.IndexByte(src, 0) >= 0:
		return "", &tableError{line: 1 + bytes.Count(src[:bytes.IndexByte(src, 0)], []byte("\n")), column: 1,
			summary: "the file holds NUL bytes", detail: "It is not text, or is damaged. Save it again as CSV (UTF-8)."}
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if utf8.Valid(src) {
		return string(src), nil
	}
	s, err := charmap.Windows1252.NewDecoder().Bytes(src)
	if err != nil {
		return "", &tableError{summary: "the file is not text", detail: "Save it again as CSV (UTF-8)."}
	}
	return string(s), nil
}

// looksUTF16 tells whether every character of the file's beginning has a zero octet at the offset: headings are ASCII.
func looksUTF16(src []byte, zero int) bool {
	n := min(len(src), 16) &^ 1
	if n < 4 {
		return false
	}
	for i := zero; i < n; i += 2 {
		if src[i] != 0 {
			return false
		}
	}
	return true
}

func decodeUTF16(src []byte, e unicode.Endianness) (string, *tableError) {
	s, err := unicode.UTF16(e, unicode.UseBOM).NewDecoder().Bytes(src)
	if err != nil || len(src)%2 != 0 || bytes.IndexByte(s, 0) >= 0 {
		return "", &tableError{summary: "the file is damaged UTF-16", detail: "Save it again as CSV (UTF-8)."}
	}
	return string(s), nil
}

// separators are what may stand between cells.
var separators = []rune{',', ';', '\t'}

// separatorLine takes off Excel's first line "sep=;" and gives how many lines that were.
func separatorLine(text string) (rest string, comma rune, lines int) {
	first, rest, _ := strings.Cut(text, "\n")
	first = strings.TrimSuffix(first, "\r")
	s := strings.Trim(first, `"`)
	if len(s) < 5 || !strings.EqualFold(s[:4], "sep=") {
		return text, 0, 0
	}
	for _, c := range separators {
		if s[4:] == string(c) {
			return rest, c, 1
		}
	}
	return rest, 0, 1
}

// sniff finds the separator by the headings: the one that makes most headings known, else most cells.
func sniff(text string, known func(string) bool) rune {
	best, bestKnown, bestCells := separators[0], -1, -1
	for _, c := range separators {
		r := csv.NewReader(strings.NewReader(text))
		r.Comma, r.FieldsPerRecord, r.LazyQuotes = c, -1, true
		cells, err := r.Read()
		if err != nil {
			continue
		}
		n := 0
		for _, h := range cells {
			if known(h) {
				n++
			}
		}
		if n > bestKnown || n == bestKnown && len(cells) > bestCells {
			best, bestKnown, bestCells = c, n, len(cells)
		}
	}
	return best
}

// commaName is how the separator is called in messages.
func commaName(c rune) string {
	if c == '\t' {
		return "tabs"
	}
	return fmt.Sprintf("%q", string(c))
}
