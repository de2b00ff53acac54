package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

// document writes one JSON document, indented.
func document(w io.Writer, v any) error {
	text, err := encode(v, indented)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// indented is one step of indentation.
const indented = "  "

// longDocument writes a document whose list under a key of the outermost object may be very long, piece by piece: a plan
// of ten thousand mailboxes is 70 MB of text. The frame is the document with that list empty.
func longDocument(w io.Writer, frame any, key string, n int, element func(int) any) error {
	text, err := encode(frame, indented)
	if err != nil {
		return err
	}
	// Inside a string a line break and a quotation mark would be escaped, so that this is found nowhere else.
	head, tail, found := bytes.Cut(text, []byte("\n"+indented+`"`+key+`": []`))
	if n == 0 || !found {
		_, err = w.Write(text)
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n%s\"%s\": [", head, indented, key); err != nil {
		return err
	}
	if err := elements(w, n, element); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%s]%s", indented, tail)
	return err
}

// aPiece is how many elements are encoded in one go.
const aPiece = 50

// elements writes the elements of a list, encoded by as many goroutines as there are processors.
func elements(w io.Writer, n int, element func(int) any) error {
	workers := make([]*encoder, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i] = newEncoder()
	}
	for from := 0; from < n; from += aPiece * len(workers) {
		var g errgroup.Group
		for k, e := range workers {
			begin, end := from+aPiece*k, min(n, from+aPiece*(k+1))
			g.Go(func() error { return e.piece(begin, end, element) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, e := range workers {
			if _, err := w.Write(e.text); err != nil {
				return err
			}
		}
	}
	return nil
}

// encoder makes text of values and uses its room again.
type encoder struct {
	json    *json.Encoder
	compact bytes.Buffer
	text    []byte
}

func newEncoder() *encoder {
	e := &encoder{}
	e.json = json.NewEncoder(&e.compact)
	e.json.SetEscapeHTML(false)
	return e
}

// piece encodes the elements from begin up to end as they stand in a list two levels deep.
func (e *encoder) piece(begin, end int, element func(int) any) error {
	e.text = e.text[:0]
	for i := begin; i < end; i++ {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		e.text = append(e.text, "\n"+indented+indented...)
		if err := e.add(element(i), "\n"+indented+indented, indented); err != nil {
			return err
		}
	}
	return nil
}

// add appends a value to the text, over lines that begin with line if there is an indentation.
func (e *encoder) add(v any, line, indent string) error {
	e.compact.Reset()
	if err := e.json.Encode(v); err != nil {
		return fmt.Errorf("encode JSON: %w", err)
	}
	compact := bytes.TrimSuffix(e.compact.Bytes(), []byte("\n"))
	if indent == "" {
		e.text = appendSafe(e.text, compact)
		return nil
	}
	e.text = appendLaid(e.text, compact, line, indent)
	return nil
}

// encode gives v as JSON that is safe on a terminal too: what Safe would make visible is written as JSON escapes, which
// a reader decodes to what it was.
func encode(v any, indent string) ([]byte, error) {
	e := newEncoder()
	err := e.add(v, "\n", indent)
	return append(e.text, '\n'), err
}

// appendLaid lays valid compact JSON out over lines as json.Indent does, which checks every octet anew and takes several
// times as long.
func appendLaid(to, text []byte, line, indent string) []byte {
	begin := []byte(line) // of the next line
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			end := endOfString(text, i)
			to = appendSafe(to, text[i:end])
			i = end - 1
		case '{', '[':
			to = append(to, c)
			if i++; text[i] == c+2 { // in ASCII the bracket that closes is the next but one
				to = append(to, text[i])
				continue
			}
			i--
			begin = append(begin, indent...)
			to = append(to, begin...)
		case '}', ']':
			begin = begin[:len(begin)-len(indent)]
			to = append(append(to, begin...), c)
		case ',':
			to = append(append(to, c), begin...)
		case ':':
			to = append(to, c, ' ')
		default:
			to = append(to, c)
		}
	}
	return to
}

// endOfString gives the place behind a string that begins at from.
func endOfString(text []byte, from int) int {
	for i := from + 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// appendSafe appends JSON with what is dangerous as escapes.
func appendSafe(to, text []byte) []byte {
	for len(text) > 0 {
		plain := 0
		for plain < len(text) && text[plain] >= ' ' && text[plain] < 0x7f {
			plain++
		}
		to, text = append(to, text[:plain]...), text[plain:]
		if len(text) == 0 {
			break
		}
		r, n := utf8.DecodeRune(text)
		switch {
		case !dangerous(r):
			to = append(to, text[:n]...)
		case r > 0xffff:
			// RFC 8259, 7: a surrogate pair.
			to = fmt.Appendf(to, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			to = fmt.Appendf(to, `\u%04x`, r)
		}
		text = text[n:]
	}
	return to
}
