// Package amend gives a message other octets where the configuration asks for it: a request for a read receipt is disarmed
// by another name for its header field, NUL octets are dropped, lines that are too long are written another way, and lines
// that end as only Unix ends them get their whole line end. What the message says stays; each change is the least one that has the effect, and the same octets with the same changes always
// give the same result, so that a copy can be recognised later.
//
// It is not the decision when to do so, and no judge of messages: executor asks for changes, after a refusal or because
// of a setting, and records them with the message.
//
// What is signed or encrypted (multipart/signed, multipart/encrypted) is passed on as it is, whatever stands in it: a
// repair would break what the signature proves. A DKIM signature in the header does not count: it has done its work
// when the message was delivered.
//
// Begin with Find, which tells what there is to change, and read the result through Plan.Reader. Both read a message line
// by line and hold a few kilobytes of it, however large it or its lines are.
package amend

import (
	"bytes"
	"errors"
	"io"
)

// Changes is a set of changes to a message's octets.
type Changes uint8

// The changes.
const (
	// Receipts gives header fields that ask for a receipt another name, so that nobody answers them.
	Receipts Changes = 1 << iota
	// NULs drops octets zero, which no server has to take (RFC 3501, 4.3).
	NULs
	// Lines breaks lines of more than 998 octets (RFC 5322, 2.1.1): header fields are folded; text is written as
	// quoted-printable, so that the reader sees the same lines.
	Lines
	// Ends writes CR LF where LF stands alone, and the empty line that is missing behind a header without a body (RFC 5322,
	// 2.1 and 3.5). A body that says it is binary keeps its octets.
	Ends
)

// longest is how many octets a line may have without its end.
const longest = 998

// Plan says what is to be changed in one message.
type Plan struct {
	// Changes are those of the wanted ones that the message needs; none: it stays as it is.
	Changes  Changes
	entities []entity
	unended  bool // the empty line behind the header is missing, and is to be added
}

// entity is a header with its body: the message, a part of it, or a message within it.
type entity struct {
	longHeader bool
	longBody   bool
	nul        bool
	binary     bool // the body may hold any octet, and says so
	coding     coding
	versioned  bool // the header has MIME-Version
}

// coding is how a body is written (RFC 2045, 6).
type coding uint8

const (
	plain coding = iota
	quoted
	base64
	// frame is what stands around the parts of a multipart; nobody reads it.
	frame
	// opaque is a structure that can't be followed, or that must not be encoded.
	opaque
)

// Find reads a message to its end, or only the header where nothing else is wanted, and tells which of the wanted changes
// it needs. The error is the reader's.
func Find(r io.Reader, wanted Changes) (Plan, error) {
	f := &finder{wanted: wanted}
	in := newLines(r)
	w := walker{heard: f, dropsNULs: wanted&NULs != 0}
	for {
		l, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Plan{}, err
		}
		if wanted == Receipts && !w.inHeader() {
			break
		}
		f.look(w.place(l), l)
	}
	f.end()
	p := Plan{Changes: f.found, entities: f.entities}
	if wanted&Ends != 0 && w.inHeader() && w.at == 0 && f.any {
		p.Changes, p.unended = p.Changes|Ends, true
	}
	return p, nil
}

// finder notes what each entity needs.
type finder struct {
	wanted, found Changes
	entities      []entity
	length        int  // of the line at hand
	any           bool // there was a line
}

// look judges one piece of a line.
func (f *finder) look(at spot, l line) {
	f.any = true
	if f.length += len(l.octets); l.first {
		f.length = len(l.octets)
	}
	if at.header && l.first && at.entity == 0 && asksForReceipt(l.octets) {
		f.found |= Receipts & f.wanted
	}
	if at.sealed {
		return
	}
	e := f.entity(at.entity)
	if l.bare() && (at.header || at.boundary || !e.binary) {
		f.found |= Ends & f.wanted
	}
	nul := bytes.IndexByte(l.octets, 0) >= 0 && f.wanted&NULs != 0
	if at.boundary {
		if nul {
			f.found |= NULs
		}
		return
	}
	e.nul = e.nul || nul
	if over := f.length > longest+l.ending(); over && f.wanted&Lines != 0 {
		e.longHeader, e.longBody = e.longHeader || at.header, e.longBody || !at.header && e.coding != opaque
	}
}

func (f *finder) entity(n int) *entity {
	for len(f.entities) <= n {
		f.entities = append(f.entities, entity{})
	}
	return &f.entities[n]
}

// headerEnded notes what a header said.
func (f *finder) headerEnded(entity int, h header) {
	e := f.entity(entity)
	e.coding, e.versioned = h.coding(), h.version != ""
	e.binary = h.binary()
}

// end sums up.
func (f *finder) end() {
	for i := range f.entities {
		e := &f.entities[i]
		if e.nul {
			f.found |= NULs
		}
		if e.longHeader || e.longBody {
			f.found |= Lines
		}
	}
}

// Reader gives the message as it is after the changes; r gives the octets that Find has read, from the start.
func (p Plan) Reader(r io.Reader) io.Reader {
	if p.Changes == 0 {
		return r
	}
	a := &amender{plan: p, in: newLines(r)}
	a.walker.heard, a.walker.dropsNULs = silent{}, p.Changes&NULs != 0
	return a
}

// receiptFields ask whoever opens a message for an answer: RFC 8098, 2.1, and what came before it.
var receiptFields = [][]byte{[]byte("disposition-notification-to:"), []byte("return-receipt-to:"), []byte("x-confirm-reading-to:")}

func asksForReceipt(octets []byte) bool {
	for _, name := range receiptFields {
		if len(octets) >= len(name) && bytes.EqualFold(octets[:len(name)], name) {
			return true
		}
	}
	return false
}
