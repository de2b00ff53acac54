package ews

import (
	"encoding/base64"
	"errors"
	"io"
	"sync"

	"mailhaul/state/mail"
)

// stream is the body of a CreateItem: XML with messages in base64 between, made while it is sent. Only one piece of one
// message is in memory. Its length is known beforehand, so that a request that was not sent whole is not taken for whole.
type stream struct {
	size int64

	mu      sync.Mutex
	parts   []part
	raw     []byte
	encoded []byte
	ready   []byte // not yet read: of encoded, or a piece of XML
	passed  int64  // octets given to the connection
	over    bool
}

// part is a piece of XML, followed by the message that belongs behind it.
type part struct {
	xml  []byte
	body io.Reader // nil: none
	left int64     // of the body
}

// rawPiece is how much of a message is encoded at a time: a multiple of three, so that pieces join.
const rawPiece = 24 << 10

func newStream() *stream { return &stream{raw: make([]byte, rawPiece)} }

// add puts a piece of XML behind what is there.
func (s *stream) add(xml []byte) {
	s.parts = append(s.parts, part{xml: xml})
	s.size += int64(len(xml))
}

// addBody puts a message behind what is there.
func (s *stream) addBody(r io.Reader, size mail.Size) {
	s.parts = append(s.parts, part{body: r, left: int64(size)})
	s.size += int64(base64.StdEncoding.EncodedLen(int(size)))
}

var errReleased = errors.New("the request is over")

// Read gives the next octets. A message that ends early ends the request, which then lacks octets and can't be taken.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, errReleased
	}
	for len(s.ready) == 0 {
		if len(s.parts) == 0 {
			return 0, io.EOF
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	s.passed += int64(n)
	return n, nil
}

func (s *stream) fill() error {
	next := &s.parts[0]
	if next.body == nil {
		s.ready, s.parts = next.xml, s.parts[1:]
		return nil
	}
	n := min(next.left, rawPiece)
	if _, err := io.ReadFull(next.body, s.raw[:n]); err != nil {
		return &shortBody{err}
	}
	s.encoded = base64.StdEncoding.AppendEncode(s.encoded[:0], s.raw[:n])
	s.ready = s.encoded
	if next.left -= n; next.left == 0 {
		s.parts = s.parts[1:]
	}
	return nil
}

// shortBody says that a message did not hold what was announced.
type shortBody struct{ err error }

func (e *shortBody) Error() string {
	return "the message does not hold the octets that were announced: " + e.err.Error()
}
func (e *shortBody) Unwrap() error { return e.err }

// release ends reading: the messages are not touched afterwards.
func (s *stream) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// whole tells whether the last octet was given to the connection. Then nobody knows what the server made of it.
func (s *stream) whole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed == s.size
}
