package amend

import (
	"bytes"
	"mime"
	"strings"
)

// walker follows a message's structure. A hostile message costs no more than these bounds; beyond them everything is the
// body of the entity at hand.
type walker struct {
	heard    listener
	levels   []level // the multiparts around
	entities int     // seen, beside the first
	at       int     // the entity at hand
	body     bool
	binary   bool // the body at hand may hold any octet
	sealed   int  // levels up to the one that is signed; zero: none is
	header   header
	// dropsNULs: octets zero are no part of the structure, since they will not be there any more.
	dropsNULs bool
}

const (
	deepest      = 50
	mostEntities = 10_000
	longestField = 8 << 10
)

// listener hears what a header said, when it has ended.
type listener interface{ headerEnded(entity int, h header) }

type silent struct{}

func (silent) headerEnded(int, header) {}

// level is a multipart that is open.
type level struct {
	delimiter []byte // with the dashes before it
	entity    int
}

// spot is where in the structure a piece stands.
type spot struct {
	entity   int
	header   bool
	sealed   bool // it must stay as it is
	boundary bool
	last     bool // it is the empty line that ends a header
}

func (w *walker) inHeader() bool { return !w.body }

// place says where a piece stands, and follows it.
func (w *walker) place(l line) spot {
	blank := l.blank() // a line of octets zero alone ends no header: it will be left out
	if w.dropsNULs && w.sealed == 0 && !(w.body && w.binary) {
		l = l.withoutNULs()
	}
	if l.first && w.boundary(l) {
		return spot{entity: w.at, sealed: w.sealed > 0, boundary: true}
	}
	if w.body {
		return spot{entity: w.at, sealed: w.sealed > 0}
	}
	s := spot{entity: w.at, header: true, sealed: w.sealed > 0, last: blank}
	if s.last {
		w.endHeader()
	} else {
		w.header.add(l)
	}
	return s
}

// boundary tells whether a line stands between parts.
func (w *walker) boundary(l line) bool {
	if !bytes.HasPrefix(l.octets, []byte("--")) || !l.last {
		return false
	}
	text := bytes.TrimRight(l.text(), " \t")
	for i := len(w.levels) - 1; i >= 0; i-- {
		rest, is := bytes.CutPrefix(text, w.levels[i].delimiter)
		switch {
		case !is:
		case len(rest) == 0:
			w.leave(i + 1)
			w.begin()
			return true
		case string(rest) == "--":
			w.at, w.body, w.binary = w.levels[i].entity, true, false
			w.leave(i)
			return true
		}
	}
	return false
}

// leave closes the multiparts inside of so many.
func (w *walker) leave(n int) {
	w.levels = w.levels[:n]
	if n < w.sealed {
		w.sealed = 0
	}
}

// begin begins an entity.
func (w *walker) begin() {
	if w.entities >= mostEntities {
		w.body, w.binary = true, false
		return
	}
	w.entities++
	w.at, w.body, w.header = w.entities, false, header{}
}

// endHeader goes on to the body.
func (w *walker) endHeader() {
	h := w.header
	w.heard.headerEnded(w.at, h)
	w.body, w.binary = true, h.binary()
	media, params, _ := mime.ParseMediaType(h.kind) // what can't be read is text
	switch {
	case h.coding() == frame && len(w.levels) < deepest:
		w.levels = append(w.levels, level{[]byte("--" + params["boundary"]), w.at})
		if w.sealed == 0 && (media == "multipart/signed" || media == "multipart/encrypted") {
			w.sealed = len(w.levels)
		}
	case media == "message/rfc822" && h.coding() == opaque && w.entities < mostEntities:
		w.begin()
	}
}

// header is what counts of a header.
type header struct {
	kind, encoding, version string

	field *string // that goes on
	known uint8   // fields that came already: the first counts
}

// add reads a piece of a header.
func (h *header) add(l line) {
	text := l.text()
	if l.first && len(text) > 0 && text[0] != ' ' && text[0] != '\t' {
		text = h.open(text)
	}
	if h.field != nil && len(*h.field)+len(text) < longestField {
		*h.field += string(text)
	}
}

// open begins a field and gives its value as far as it is there.
func (h *header) open(text []byte) []byte {
	h.field = nil
	name, value, _ := bytes.Cut(text, []byte(":"))
	for i, f := range []struct {
		name string
		to   *string
	}{{"content-type", &h.kind}, {"content-transfer-encoding", &h.encoding}, {"mime-version", &h.version}} {
		if strings.EqualFold(f.name, string(bytes.TrimRight(name, " \t"))) && h.known&(1<<i) == 0 {
			h.field, h.known = f.to, h.known|1<<i
		}
	}
	return value
}

func (h *header) word() string {
	word, _, _ := strings.Cut(h.encoding, "(") // a comment
	return strings.ToLower(strings.TrimSpace(word))
}

// binary tells whether the body is of octets that a reader takes as they are.
func (h *header) binary() bool { return h.word() == "binary" }

func (h *header) coding() coding {
	kind := strings.ToLower(strings.TrimSpace(h.kind))
	word := h.word()
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		if _, params, _ := mime.ParseMediaType(h.kind); params["boundary"] != "" {
			return frame
		}
		return opaque
	case word == "base64":
		return base64
	case word == "quoted-printable":
		return quoted
	case strings.HasPrefix(kind, "message/"):
		return opaque // no other encoding is allowed (RFC 2046, 5.2)
	}
	return plain
}
