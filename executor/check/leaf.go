package check

import (
	"io"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
)

// leaf digests the decoded content of one part while its lines come. Text becomes UTF-8 with CRLF at line ends and
// without blank lines at its end; what was encoded as octets is digested octet for octet.
type leaf struct {
	hash    *keyed
	some    bool // it has content
	form    canonical
	out     io.Writer      // what decoded octets go to
	charset io.WriteCloser // between out and form, where a charset is to be decoded; or nil

	encoding string
	buf      []byte // decoded, and not yet passed on
	quad     uint32 // base64: what came of four characters
	n        int    // how many of them
	blanks   []byte // quoted-printable: they vanish if the line ends (RFC 2045, 6.7)
	escape   []byte // quoted-printable: begun with "="
}

// The encodings that are decoded (RFC 2045, 6).
const (
	base64Encoding  = "base64"
	quotedPrintable = "quoted-printable"
)

func (c contentType) identity() bool {
	return c.encoding != base64Encoding && c.encoding != quotedPrintable
}

func newLeaf(key digestKey) *leaf { return &leaf{hash: key.hash()} }

// Write takes what is to be digested.
func (l *leaf) Write(p []byte) (int, error) {
	l.some = l.some || len(p) > 0
	return l.hash.Write(p)
}

func (l *leaf) discard() {
	l.hash.restart()
	*l = leaf{hash: l.hash, buf: l.buf[:0], blanks: l.blanks[:0], escape: l.escape[:0]}
}

// begin makes ready for a part.
func (l *leaf) begin(c contentType) {
	l.discard()
	l.encoding = c.encoding
	l.form = canonical{sink: l}
	text := strings.HasPrefix(c.kind, "text/")
	switch decoding := charsetOf(c); {
	case c.encoding == base64Encoding && !text:
		l.out = l
	case text && decoding != nil:
		l.charset = transform.NewWriter(&l.form, decoding)
		l.out = l.charset
	default:
		l.out = &l.form
	}
}

// charsetOf gives what turns a text into UTF-8; nil where it is that, or where the charset is not known.
func charsetOf(c contentType) transform.Transformer {
	switch c.charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return nil
	}
	e, err := htmlindex.Get(c.charset)
	if err != nil {
		return nil // then it is compared as it stands
	}
	return e.NewDecoder()
}

// take gives the digest, zero for a part without content.
func (l *leaf) take() uint64 {
	l.plain(l.escape)
	l.pass()
	if l.charset != nil {
		_ = l.charset.Close() // what can't be decoded was replaced; the digest has no other errors
	}
	some := l.some
	sum := l.hash.take()
	l.discard()
	if !some {
		return 0
	}
	return sum
}

// text takes text of a line.
func (l *leaf) text(p []byte) {
	switch l.encoding {
	case base64Encoding:
		for len(p) > 0 {
			p = l.sextet4(p)
		}
	case quotedPrintable:
		for _, c := range p {
			l.printable(c)
		}
	default:
		_, _ = l.out.Write(p) // it ends in a digest, which never fails
	}
}

// lineBreak takes the end of a line.
func (l *leaf) lineBreak() {
	switch {
	case l.encoding == base64Encoding:
	case l.encoding == quotedPrintable && len(l.escape) == 1: // a soft one
		l.escape, l.blanks = l.escape[:0], l.blanks[:0]
	case l.encoding == quotedPrintable:
		l.plain(l.escape)
		l.escape, l.blanks = l.escape[:0], l.blanks[:0]
		l.plain(lineEnd)
	default:
		_, _ = l.out.Write(lineEnd)
	}
}

// pass passes on what was decoded.
func (l *leaf) pass() {
	if len(l.buf) > 0 {
		_, _ = l.out.Write(l.buf) // it ends in a digest, which never fails
		l.buf = l.buf[:0]
	}
}

// decoded takes one octet.
func (l *leaf) decoded(c byte) {
	l.buf = append(l.buf, c)
	if len(l.buf) >= 1<<10 {
		l.pass()
	}
}

func (l *leaf) plain(p []byte) {
	for _, c := range p {
		l.decoded(c)
	}
}

// sextets gives the value of each character of base64, and 64 for others.
var sextets = func() (table [256]byte) {
	for i := range table {
		table[i] = 64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[c] = byte(i)
	}
	return table
}()

// sextet4 takes four characters of base64 at a time, one where that can't be, and gives the rest.
func (l *leaf) sextet4(p []byte) []byte {
	for ; len(p) >= 4 && l.n == 0; p = p[4:] {
		a, b, c, d := sextets[p[0]], sextets[p[1]], sextets[p[2]], sextets[p[3]]
		if (a|b|c|d)&64 != 0 {
			break
		}
		if l.buf = append(l.buf, a<<2|b>>4, b<<4|c>>2, c<<6|d); len(l.buf) >= 1<<10 {
			l.pass()
		}
	}
	if len(p) == 0 {
		return nil
	}
	l.sextet(p[0])
	return p[1:]
}

// sextet takes a character of base64. Others than those of the alphabet are skipped (RFC 2045, 6.8).
func (l *leaf) sextet(c byte) {
	if v := sextets[c]; v < 64 {
		l.quad = l.quad<<6 | uint32(v)
		l.n++
	} else if c != '=' {
		return
	}
	switch {
	case l.n == 4:
		l.decoded(byte(l.quad >> 16))
		l.decoded(byte(l.quad >> 8))
		l.decoded(byte(l.quad))
	case c != '=':
		return
	case l.n == 3:
		l.decoded(byte(l.quad >> 10))
		l.decoded(byte(l.quad >> 2))
	case l.n == 2:
		l.decoded(byte(l.quad >> 4))
	}
	l.quad, l.n = 0, 0
}

// printable takes a character of quoted-printable. What is malformed stands for itself.
func (l *leaf) printable(c byte) {
	switch {
	case len(l.escape) == 1 && (c == ' ' || c == '\t'): // blanks between "=" and the line's end
	case len(l.escape) > 0:
		l.escape = append(l.escape, c)
		if len(l.escape) < 3 && hexDigit(c) < 16 {
			return
		}
		if high, low := hexDigit(l.escape[1]), hexDigit(c); high < 16 && low < 16 {
			l.decoded(high<<4 | low)
			l.escape = l.escape[:0]
			return
		}
		l.plain(l.escape[:len(l.escape)-1])
		l.escape = l.escape[:0]
		l.printable(c) // it may begin another one
	case c == '=':
		l.unblank()
		l.escape = append(l.escape, c)
	case c == ' ' || c == '\t':
		l.blanks = append(l.blanks, c)
		if len(l.blanks) == 1<<10 { // no padding is that long
			l.unblank()
		}
	default:
		l.unblank()
		l.decoded(c)
	}
}

func (l *leaf) unblank() {
	l.plain(l.blanks)
	l.blanks = l.blanks[:0]
}

// hexDigit gives the value of a hexadecimal digit, and 16 for others.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}
