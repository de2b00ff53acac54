package check

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"

	"mailhaul/state/mail"
)

// digests is what is kept of a message's content.
type digests struct {
	exact mail.Digest // of the octets
	canon mail.Digest // of the canonical form
	head  uint64      // of the fields that name a message
	named bool        // it has at least one of these fields
}

// digester digests a message while it streams. It is an io.Writer that never fails.
type digester struct {
	exact  hash.Hash
	body   canonical
	header []byte // until the blank line
	line   int    // where in header the current line begins
	inBody bool
	head   headDigest
}

func newDigester() *digester {
	return &digester{exact: sha256.New(), body: canonical{h: sha256.New()}}
}

// maxHeader bounds what is kept for the header; what is beyond it is taken for body.
const maxHeader = 1 << 20

// Write takes octets.
func (d *digester) Write(p []byte) (int, error) {
	n := len(p)
	_, _ = d.exact.Write(p) // hash.Hash never fails
	for len(p) > 0 && !d.inBody {
		take := bytes.IndexByte(p, '\n') + 1
		ended := take > 0
		if !ended {
			take = len(p)
		}
		d.header = append(d.header, p[:take]...)
		p = p[take:]
		if ended {
			d.lineEnded()
		}
		if len(d.header) > maxHeader {
			d.endHeader()
		}
	}
	d.body.write(p)
	return n, nil
}

func (d *digester) lineEnded() {
	blank := len(bytes.TrimRight(d.header[d.line:], "\r\n")) == 0
	d.line = len(d.header)
	if blank {
		d.endHeader()
	}
}

// sum gives what was found.
func (d *digester) sum() digests {
	if !d.inBody {
		d.endHeader()
	}
	head, named := d.head.sum()
	return digests{exact: cut(d.exact), canon: cut(d.body.h), head: head, named: named}
}

func cut(h hash.Hash) mail.Digest { return mail.Digest(h.Sum(nil)[:len(mail.Digest{})]) }

// traceFields say how a message came and nothing of the message (RFC 5321, 4.4): each delivery adds its own.
var traceFields = []string{"return-path", "received", "delivered-to", "x-original-to", "envelope-to", "x-delivered-to"}

// endHeader passes the header on: to the canonical form without the trace fields, and to the digest of the naming ones.
func (d *digester) endHeader() {
	d.inBody = true
	for f := range fields(d.header) {
		if !contains(traceFields, f.name) {
			d.body.write(f.octets)
		}
		d.head.add(f)
	}
	d.header = nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// field is one header field with its folded lines; a line without a colon is a field without a name.
type field struct {
	name   string // lower case
	octets []byte // with the name and line ends
}

// fields yields the fields of a header.
func fields(header []byte) func(func(field) bool) {
	return func(yield func(field) bool) {
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
			f := field{octets: header[:end]}
			if colon := bytes.IndexByte(f.octets, ':'); colon > 0 {
				f.name = strings.ToLower(string(bytes.TrimRight(f.octets[:colon], " \t")))
			}
			if !yield(f) {
				return
			}
			header = header[end:]
		}
	}
}

// canonical digests text with CRLF at line ends, whatever run of CR stood before the LF, and without blank lines at the
// end.
type canonical struct {
	h           hash.Hash
	crs, breaks int // seen, and not digested until more text follows
}

func (c *canonical) write(p []byte) {
	for len(p) > 0 {
		switch end := bytes.IndexAny(p, "\r\n"); {
		case end == 0 && p[0] == '\n':
			c.crs = 0
			c.breaks++
			p = p[1:]
		case end == 0:
			c.crs++
			p = p[1:]
		default:
			if end < 0 {
				end = len(p)
			}
			c.text(p[:end])
			p = p[end:]
		}
	}
}

func (c *canonical) text(p []byte) {
	for ; c.breaks > 0; c.breaks-- {
		_, _ = c.h.Write([]byte("\r\n")) // hash.Hash never fails
	}
	for ; c.crs > 0; c.crs-- {
		_, _ = c.h.Write([]byte("\r"))
	}
	_, _ = c.h.Write(p)
}

// namingFields tell one message from another. HEADER.FIELDS asks for them in --headers.
var namingFields = []string{"message-id", "date", "from", "to", "subject"}

// headDigest gathers the naming fields, unfolded: servers fold and space them anew.
type headDigest struct{ values [5]string }

func (d *headDigest) add(f field) {
	for i, name := range namingFields {
		if f.name == name {
			_, value, _ := strings.Cut(string(f.octets), ":")
			d.values[i] += "\x00" + strings.Join(strings.Fields(value), " ")
		}
	}
}

func (d *headDigest) sum() (head uint64, named bool) {
	h := sha256.New()
	for i, v := range d.values {
		_, _ = h.Write([]byte{byte(i), 1}) // hash.Hash never fails
		_, _ = h.Write([]byte(v))
		named = named || strings.Trim(v, "\x00") != ""
	}
	return binary.BigEndian.Uint64(h.Sum(nil)), named
}
