package amend

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// amender reads a message and gives it with the changes.
type amender struct {
	plan   Plan
	in     *lines
	walker walker

	out     bytes.Buffer
	err     error
	column  int  // octets of the line that is written
	escape  int  // octets that "=" still takes with it
	dropped bool // the header field at hand is left out
	bare    bool // only the header was to be changed, and it has ended
	ended   bool // the line before has its end
}

// Read gives what is left of the line at hand.
func (a *amender) Read(p []byte) (int, error) {
	for a.out.Len() == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.bare {
			return a.in.in.Read(p)
		}
		a.step()
	}
	return a.out.Read(p)
}

// step changes one piece.
func (a *amender) step() {
	l, err := a.in.next()
	if a.err = err; err != nil {
		a.endHeader()
		return
	}
	a.ended = l.ending() > 0
	at := a.walker.place(l)
	a.bare = at.last && at.entity == 0 && a.plan.Changes == Receipts
	e := entity{}
	if at.entity < len(a.plan.entities) {
		e = a.plan.entities[at.entity]
	}
	if l.first {
		a.column = 0
	}
	if l.bare() && a.plan.Changes&Ends != 0 && !at.sealed && (at.header || at.boundary || !e.binary) {
		l.octets = append(slices.Clone(l.text()), "\r\n"...)
	}
	if at.boundary && !at.sealed && a.plan.Changes&NULs != 0 {
		l = l.withoutNULs()
	}
	if at.sealed || at.boundary {
		a.out.Write(l.octets)
		return
	}
	if at.header {
		a.header(at, e, l)
	} else {
		a.body(e, l)
	}
}

// endHeader adds the empty line that a message of headers alone lacks.
func (a *amender) endHeader() {
	if !errors.Is(a.err, io.EOF) || !a.plan.unended {
		return
	}
	if !a.ended {
		a.out.WriteString("\r\n")
	}
	a.out.WriteString("\r\n")
}

// header changes a piece of a header.
func (a *amender) header(at spot, e entity, l line) {
	if e.nul {
		l = l.withoutNULs()
	}
	if l.first && !bytes.HasPrefix(l.octets, []byte(" ")) && !bytes.HasPrefix(l.octets, []byte("\t")) {
		a.dropped = e.recoded() && isField(l.octets, "content-transfer-encoding:")
	}
	switch {
	case at.last:
		a.encodingField(at, e, l)
		a.out.Write(l.octets)
	case a.dropped, l.blank(): // an empty line that was none would end the header
	case l.first && at.entity == 0 && a.plan.Changes&Receipts != 0 && asksForReceipt(l.octets):
		a.out.WriteString(disarmed)
		a.fold(e, l)
	default:
		a.fold(e, l)
	}
}

// disarmed stands before the name of a field that nobody shall answer.
const disarmed = "X-Disarmed-"

func isField(octets []byte, name string) bool {
	return len(octets) >= len(name) && bytes.EqualFold(octets[:len(name)], []byte(name))
}

// recoded tells whether the body is written in another encoding.
func (e entity) recoded() bool { return e.coding == plain && (e.longBody || e.nul && e.binary) }

// encodingField ends the header of a body that is written another way.
func (a *amender) encodingField(at spot, e entity, l line) {
	if !e.recoded() {
		return
	}
	end := l.octets
	if at.entity == 0 && !e.versioned {
		a.out.WriteString("MIME-Version: 1.0")
		a.out.Write(end)
	}
	a.out.WriteString("Content-Transfer-Encoding: quoted-printable")
	a.out.Write(end)
}

// soft is where a header line is folded if a blank comes there; a line that has none is broken at longest.
const soft = 900

// fold passes a piece of a header on, and breaks it where its line is too long (RFC 5322, 2.2.3).
func (a *amender) fold(e entity, l line) {
	if !e.longHeader || l.first && l.last && len(l.text()) <= longest {
		a.out.Write(l.octets)
		return
	}
	for _, c := range l.text() {
		blank := c == ' ' || c == '\t'
		switch {
		case blank && a.column >= soft:
			a.out.WriteString("\r\n")
			a.column = 0
		case a.column >= longest:
			a.out.WriteString("\r\n ")
			a.column = 1
		}
		a.out.WriteByte(c)
		a.column++
	}
	a.out.Write(l.octets[len(l.text()):])
}

// body changes a piece of a body.
func (a *amender) body(e entity, l line) {
	if e.nul && (!e.binary || !e.recoded()) {
		l = l.withoutNULs()
	}
	switch {
	case e.recoded():
		a.quote(e, l)
	case !e.longBody:
		a.out.Write(l.octets)
	case e.coding == quoted:
		a.breakQuoted(l)
	default:
		a.cut(l)
	}
}

// widest is how long the lines of an encoded body are (RFC 2045, 6.7 and 6.8).
const widest = 76

const hexDigits = "0123456789ABCDEF"

// quote writes a piece as quoted-printable. The line ends stay where they are; in a binary body LF alone is none.
func (a *amender) quote(e entity, l line) {
	text := l.text()
	for i, c := range text {
		ends := i == len(text)-1 // the piece's last octet: a blank there might be the line's last
		literal := c >= '!' && c <= '~' && c != '=' || (c == ' ' || c == '\t') && !ends
		if c == '.' && a.column == 0 || c == 'F' && a.column == 0 || c == '-' && a.column == 0 {
			literal = false // a line of one dot, "From ", and what looks like a boundary
		}
		a.quoteOctet(c, literal)
	}
	if e.binary && l.bare() {
		a.quoteOctet('\n', false)
		a.out.WriteString("=\r\n")
		a.column = 0
		return
	}
	a.out.Write(l.octets[len(text):])
}

func (a *amender) quoteOctet(c byte, literal bool) {
	width := 3
	if literal {
		width = 1
	}
	if a.column+width > widest-1 {
		a.out.WriteString("=\r\n")
		a.column = 0
	}
	if literal {
		a.out.WriteByte(c)
	} else {
		a.out.Write([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
	}
	a.column += width
}

// breakQuoted breaks lines of a body that is quoted-printable already, and never inside of "=3D".
func (a *amender) breakQuoted(l line) {
	if l.first && l.last && len(l.text()) <= longest {
		a.out.Write(l.octets)
		return
	}
	for _, c := range l.text() {
		if a.column >= longest-4 && a.escape == 0 {
			a.out.WriteString("=\r\n")
			a.column = 0
		}
		a.out.WriteByte(c)
		a.column++
		if a.escape = max(0, a.escape-1); c == '=' {
			a.escape = 2
		}
	}
	if l.last {
		a.escape = 0
	}
	a.out.Write(l.octets[len(l.text()):])
}

// cut breaks a line anywhere: in base64, and between parts, that changes nothing.
func (a *amender) cut(l line) {
	if l.first && l.last && len(l.text()) <= longest {
		a.out.Write(l.octets)
		return
	}
	for piece := l.text(); len(piece) > 0; {
		if a.column >= widest {
			a.out.WriteString("\r\n")
			a.column = 0
		}
		n := min(len(piece), widest-a.column)
		a.out.Write(piece[:n])
		a.column += n
		piece = piece[n:]
	}
	a.out.Write(l.octets[len(l.text()):])
}
