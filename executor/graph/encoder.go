package graph

import (
	"encoding/base64"
	"errors"
	"io"
	"sync"

	"mailhaul/state/mail"
)

// encoder is a message in base64, made while it is sent: only one piece is in memory. Its length is known beforehand, so
// that a request that was not sent whole is not taken for whole.
type encoder struct {
	size int64

	mu      sync.Mutex
	body    io.Reader
	left    int64 // of the message
	raw     []byte
	encoded []byte
	ready   []byte // of encoded, not yet read
	over    bool
}

// rawPiece is how much of a message is encoded at a time: a multiple of three, so that pieces join.
const rawPiece = 24 << 10

func newEncoder(m mail.Outgoing) *encoder {
	return &encoder{body: m.Body, left: int64(m.Size), raw: make([]byte, min(int64(rawPiece), int64(m.Size))),
		size: int64(base64.StdEncoding.EncodedLen(int(m.Size)))}
}

var errReleased = errors.New("the request is over")

// Read gives the next octets. A message that ends early ends the request, which then lacks octets and can't be taken.
func (e *encoder) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.over:
		return 0, errReleased
	case len(e.ready) == 0 && e.left == 0:
		return 0, io.EOF
	case len(e.ready) == 0:
		piece := e.raw[:min(e.left, rawPiece)]
		if _, err := io.ReadFull(e.body, piece); err != nil {
			return 0, &shortBody{err}
		}
		e.left -= int64(len(piece))
		e.encoded = base64.StdEncoding.AppendEncode(e.encoded[:0], piece)
		e.ready = e.encoded
	}
	n := copy(p, e.ready)
	e.ready = e.ready[n:]
	return n, nil
}

// release ends reading: the message is not touched afterwards. A nil encoder has none.
func (e *encoder) release() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
}

// shortBody says that a message did not hold what was announced.
type shortBody struct{ err error }

func (e *shortBody) Error() string {
	return "the message does not hold the octets that were announced: " + e.err.Error()
}
func (e *shortBody) Unwrap() error { return e.err }
