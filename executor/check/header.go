package check

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
)

// fields yields the fields of a header with their folded lines; a line without a colon is one, too.
func fields(header []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(header) > 0 {
			end := 0
			for end < len(header) { // lines that begin with a blank belong to the one before (RFC 5322, 2.2.3)
				next := bytes.IndexByte(header[end:], '\n') + 1
				if next == 0 {
					end = len(header)
					break
				}
				end += next
				if end < len(header) && header[end] != ' ' && header[end] != '\t' {
					break
				}
			}
			if !yield(header[:end]) {
				return
			}
			header = header[end:]
		}
	}
}

// fieldName gives a field's name as it stands; nil where there is no colon.
func fieldName(field []byte) []byte {
	return bytes.TrimRight(field[:max(0, bytes.IndexByte(field, ':'))], " \t")
}

// isOneOf tells whether a field's name is one of names, which are in lower case.
func isOneOf(name []byte, names []string) bool { return place(name, names) >= 0 }

func place(name []byte, names []string) int {
	for i, n := range names {
		if len(n) == len(name) && strings.EqualFold(n, string(name)) {
			return i
		}
	}
	return -1
}

// namingFields tell one message from another. HEADER.FIELDS asks for them in --headers.
var namingFields = []string{"message-id", "date", "from", "to", "subject"}

// nameOf digests the naming fields, unfolded and with encoded words decoded, as servers fold and encode them anew: all
// of them, and all but Message-ID. Zero stands for none.
func nameOf(header []byte, h *keyed) (head, kin uint64) {
	var values [5]bytes.Buffer
	var found [5]bool
	for field := range fields(header) {
		if i := place(fieldName(field), namingFields); i >= 0 {
			value := unfolded(field[bytes.IndexByte(field, ':')+1:])
			found[i] = found[i] || value != ""
			values[i].WriteByte(0)
			values[i].WriteString(value)
		}
	}
	for i := len(values) - 1; i >= 0; i-- {
		_, _ = fmt.Fprintf(h, "%d %d ", i, values[i].Len()) // hash.Hash never fails
		_, _ = h.Write(values[i].Bytes())
		if i == 1 && (found[1] || found[2] || found[3] || found[4]) {
			kin = h.peek()
		}
	}
	if head = h.take(); kin == 0 && !found[0] {
		head = 0
	}
	return head, kin
}

// unfolded gives a field's value in one line, blanks as one, encoded words decoded (RFC 2047).
func unfolded(value []byte) string {
	text := strings.Join(strings.Fields(string(value)), " ")
	if !strings.Contains(text, "=?") || len(text) > 64<<10 { // beyond that nobody reads it
		return text
	}
	decoder := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return transform.NewReader(r, e.NewDecoder()), nil
	}}
	if decoded, err := decoder.DecodeHeader(text); err == nil {
		return strings.Join(strings.Fields(decoded), " ")
	}
	return text
}

// contentType is what MIME needs to know of a part.
type contentType struct {
	kind     string // "text/plain"
	boundary string
	charset  string
	encoding string // of the transfer
}

// contentOf reads a part's header; of repeated fields the first counts, as in most programs that show mail.
func contentOf(header []byte, usual string) contentType {
	c := contentType{kind: usual}
	var typed, encoded bool
	for field := range fields(header) {
		switch name := fieldName(field); {
		case !typed && place(name, []string{"content-type"}) == 0:
			typed = true
			c.read(mediaValue(field))
		case !encoded && place(name, []string{"content-transfer-encoding"}) == 0:
			encoded = true
			c.encoding = word(mediaValue(field))
		}
	}
	return c
}

// mediaValue gives a field's value as far as it is looked at.
func mediaValue(field []byte) string {
	value := field[bytes.IndexByte(field, ':')+1:]
	return string(value[:min(len(value), 8<<10)])
}

// word gives the first word of a value in lower case.
func word(value string) string {
	value = strings.TrimLeft(value, " \t\r\n")
	if end := strings.IndexAny(value, " \t\r\n;("); end >= 0 {
		value = value[:end]
	}
	return strings.ToLower(value)
}

// read takes a Content-Type. What is malformed costs the parameter and not the rest.
func (c *contentType) read(value string) {
	if kind := word(value); strings.Contains(kind, "/") {
		c.kind = kind
	}
	_, rest, _ := strings.Cut(value, ";")
	for rest != "" {
		var name, val string
		name, val, rest = parameter(rest)
		switch {
		case name == "boundary" && c.boundary == "":
			c.boundary = val
		case name == "charset" && c.charset == "":
			c.charset = strings.ToLower(val)
		}
	}
}

// parameter reads one parameter and gives what follows its semicolon.
func parameter(text string) (name, value, rest string) {
	end := strings.IndexAny(text, "=;")
	if end < 0 {
		return "", "", ""
	}
	if text[end] == ';' {
		return "", "", text[end+1:]
	}
	name = strings.ToLower(strings.TrimSpace(text[:end]))
	text = strings.TrimLeft(text[end+1:], " \t\r\n")
	if !strings.HasPrefix(text, `"`) {
		value, rest, _ = strings.Cut(text, ";")
		return name, strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			_, rest, _ = strings.Cut(text[i+1:], ";")
			return name, b.String(), rest
		case c != '\r' && c != '\n':
			b.WriteByte(c)
		}
	}
	return name, b.String(), ""
}
