package check

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"mailhaul/state/mail"
)

// digestKey goes into all digests that are cut to 8 octets. It is made anew for each comparison, so that nobody can
// write two messages that come to the same digest; by chance it happens once in 10^19 pairs.
type digestKey [16]byte

func newDigestKey() (k digestKey) {
	_, _ = rand.Read(k[:]) // it never fails
	return k
}

// keyed is a SHA-256 under a key.
type keyed struct {
	hash.Hash
	key digestKey
	out []byte
}

func (k digestKey) hash() *keyed {
	h := &keyed{Hash: sha256.New(), key: k}
	h.restart()
	return h
}

func (h *keyed) restart() {
	h.Reset()
	_, _ = h.Write(h.key[:]) // hash.Hash never fails
}

// peek gives the first octets of the digest, never zero.
func (h *keyed) peek() uint64 {
	h.out = h.Sum(h.out[:0])
	return max(1, binary.BigEndian.Uint64(h.out))
}

// take does what peek does, and begins anew.
func (h *keyed) take() uint64 {
	defer h.restart()
	return h.peek()
}

// digester digests a message while it streams. It is an io.Writer that never fails, and serves one message after the
// other.
type digester struct {
	exact  hash.Hash
	canon  *keyed
	form   canonical
	parts  *parts
	names  *keyed
	header []byte // until the blank line
	line   int    // where in header the current line begins
	inBody bool
	head   uint64
	kin    uint64 // of the naming fields but Message-ID; zero: there is none
	out    []byte
	// whole: bodies come, not only the naming fields.
	whole bool
}

func newDigester(key digestKey, whole bool) *digester {
	d := &digester{exact: sha256.New(), canon: key.hash(), parts: newParts(key), names: key.hash(), whole: whole}
	d.form.sink = d.canon
	return d
}

// maxHeader bounds what is kept of a header, the message's or a part's; what is beyond it is taken for body.
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
		if room := maxHeader - len(d.header); take > room {
			take, ended = room, false
		}
		d.header = append(d.header, p[:take]...)
		p = p[take:]
		switch {
		case ended:
			d.lineEnded()
		case len(d.header) == maxHeader:
			d.endHeader()
		}
	}
	d.body(p)
	return n, nil
}

func (d *digester) lineEnded() {
	blank := len(bytes.TrimRight(d.header[d.line:], "\r\n")) == 0
	d.line = len(d.header)
	if blank {
		d.endHeader()
	}
}

// body passes on what stands below the header.
func (d *digester) body(p []byte) {
	if d.whole && len(p) > 0 {
		d.form.write(p)
		d.parts.write(p)
	}
}

// fill notes what was found in the message's entry, and begins anew.
func (d *digester) fill(e *entry) {
	if !d.inBody {
		d.endHeader()
	}
	e.head = d.head
	if d.whole {
		d.out = d.exact.Sum(d.out[:0])
		e.exact = mail.Digest(d.out[:len(e.exact)])
		e.canon = d.canon.take()
		e.parts, e.signed = d.parts.take(d.kin)
	} else {
		e.parts = d.kin
		d.parts.reset()
	}
	d.reset()
}

// reset begins anew, whatever came.
func (d *digester) reset() {
	d.exact.Reset()
	d.canon.restart()
	d.form = canonical{sink: d.canon}
	d.parts.reset()
	if cap(d.header) > 64<<10 { // a large one is not kept for the others
		d.header = nil
	}
	d.header, d.line, d.inBody = d.header[:0], 0, false
}

// traceFields say how a message came and nothing of the message (RFC 5321, 4.4): each delivery adds its own.
var traceFields = []string{"return-path", "received", "delivered-to", "x-original-to", "envelope-to", "x-delivered-to"}

// endHeader passes the header on: to the canonical form without the trace fields, and to what reads fields.
func (d *digester) endHeader() {
	d.inBody = true
	if d.whole {
		for octets := range fields(d.header) {
			if !isOneOf(fieldName(octets), traceFields) {
				d.form.write(octets)
			}
		}
		d.parts.begin(d.header)
	}
	d.head, d.kin = nameOf(d.header, d.names)
}

// canonical passes text on with CRLF at line ends, whatever run of CR stood before the LF, and without blank lines at
// the end.
type canonical struct {
	sink        interface{ Write(p []byte) (int, error) } // one that never fails
	crs, breaks int                                       // seen, and not passed on until more text follows
}

func (c *canonical) write(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		line := p
		if end >= 0 {
			line = p[:end]
		}
		text := bytes.TrimRight(line, "\r")
		if len(text) > 0 {
			c.text(text)
		}
		if c.crs += len(line) - len(text); end < 0 {
			return
		}
		c.crs, c.breaks = 0, c.breaks+1
		p = p[end+1:]
	}
}

// Write takes octets.
func (c *canonical) Write(p []byte) (int, error) {
	c.write(p)
	return len(p), nil
}

func (c *canonical) text(p []byte) {
	for ; c.breaks > 0; c.breaks-- {
		_, _ = c.sink.Write(lineEnd)
	}
	for ; c.crs > 0; c.crs -= min(c.crs, len(manyCRs)) {
		_, _ = c.sink.Write(manyCRs[:min(c.crs, len(manyCRs))])
	}
	_, _ = c.sink.Write(p)
}

var (
	lineEnd = []byte("\r\n")
	manyCRs = bytes.Repeat([]byte("\r"), 512)
)
