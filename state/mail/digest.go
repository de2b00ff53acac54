package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
)

// Digest is the first 16 octets of a cryptographic digest: which one is said where it is made. The zero Digest is "not
// computed".
type Digest [16]byte

// IsZero tells whether there is no digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// String gives lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

func cut(h hash.Hash) Digest {
	var full [sha256.Size]byte
	h.Sum(full[:0])
	return Digest(full[:len(Digest{})])
}

// Canonical is an io.Writer that digests a message's canonical form, tier h1: line ends are CRLF whatever run of CR
// stood before the LF, trailing blank lines are cut, and the header fields that delivery adds are left out. It is
// linear, keeps no line, and never fails: what has no header is all body.
type Canonical struct {
	h hash.Hash
	// crs and breaks are what was seen and not yet digested: whether it counts depends on what follows.
	crs, breaks int
	place       place
	name        []byte // the field name at the head of a header line, at most maxName octets
	dropping    bool   // inside a trace field and its folded lines
}

// place is where in a message the next octet stands.
type place uint8

const (
	lineStart place = iota // first octet of a header line
	inName                 // in the field name
	inLine                 // in the rest of a header line
	inBody
)

const maxName = 32

// traceFields are added or changed by each delivery and say nothing of the message (RFC 5321, 4.4).
var traceFields = []string{"return-path", "received", "delivered-to", "x-original-to", "envelope-to", "x-delivered-to"}

// NewCanonical starts a canonical digest.
func NewCanonical() *Canonical { return &Canonical{h: sha256.New()} }

// Sum gives the digest of what was written.
func (c *Canonical) Sum() Digest {
	c.flushName()
	return cut(c.h)
}

// Write never fails.
func (c *Canonical) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		switch {
		case p[0] == '\n':
			c.lineEnd()
			p = p[1:]
		case p[0] == '\r':
			c.crs++
			p = p[1:]
		default:
			end := bytes.IndexAny(p, "\r\n")
			if end < 0 {
				end = len(p)
			}
			c.text(p[:end])
			p = p[end:]
		}
	}
	return n, nil
}

func (c *Canonical) lineEnd() {
	blank := c.place == lineStart
	c.flushName()
	c.crs = 0
	if !c.dropping || blank {
		c.breaks++
	}
	switch {
	case blank:
		c.place, c.dropping = inBody, false
	case c.place != inBody:
		c.place = lineStart
	}
}

// text takes octets of one line, without line ends.
func (c *Canonical) text(p []byte) {
	if c.place == lineStart {
		if p[0] == ' ' || p[0] == '\t' {
			c.place = inLine // folded: belongs to the field before (RFC 5322, 2.2.3)
		} else {
			c.place, c.dropping = inName, false
		}
	}
	if c.place == inName {
		p = c.takeName(p)
	}
	c.digest(p)
}

// takeName keeps octets of a field name back until the colon tells whether the field counts; it gives the rest.
func (c *Canonical) takeName(p []byte) []byte {
	end := bytes.IndexByte(p, ':')
	take := min(len(p), maxName-len(c.name))
	if end >= 0 {
		take = min(take, end)
	}
	c.name = append(c.name, p[:take]...)
	if take == end {
		c.dropping = isTrace(c.name)
	}
	if take == end || len(c.name) == maxName {
		c.flushName()
	}
	return p[take:]
}

func isTrace(name []byte) bool {
	for _, f := range traceFields {
		if strings.EqualFold(f, string(bytes.TrimRight(name, " \t"))) {
			return true
		}
	}
	return false
}

// flushName digests a name held back and leaves inName.
func (c *Canonical) flushName() {
	if c.place != inName {
		return
	}
	c.place = inLine
	c.digest(c.name)
	c.name = c.name[:0]
}

var (
	crlf = []byte("\r\n")
	cr   = []byte("\r")
)

func (c *Canonical) digest(p []byte) {
	if c.dropping {
		c.crs = 0
		return
	}
	if len(p) == 0 {
		return
	}
	for ; c.breaks > 0; c.breaks-- {
		_, _ = c.h.Write(crlf) // hash.Hash never fails
	}
	for ; c.crs > 0; c.crs-- {
		_, _ = c.h.Write(cr)
	}
	_, _ = c.h.Write(p)
}
