package amend

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// line is a line, or a piece of one that is longer than the buffer.
type line struct {
	octets      []byte // with the line's end, if the piece has it
	first, last bool
}

// ending is how many octets the line's end has.
func (l line) ending() int {
	switch {
	case bytes.HasSuffix(l.octets, []byte("\r\n")):
		return 2
	case bytes.HasSuffix(l.octets, []byte("\n")):
		return 1
	}
	return 0
}

// bare tells whether the line ends with LF alone.
func (l line) bare() bool { return l.ending() == 1 }

// text is the piece without the line's end.
func (l line) text() []byte { return l.octets[:len(l.octets)-l.ending()] }

// blank tells whether it is an empty line.
func (l line) blank() bool { return l.first && l.last && len(l.text()) == 0 && l.ending() > 0 }

// withoutNULs gives the line as it will be.
func (l line) withoutNULs() line {
	if bytes.IndexByte(l.octets, 0) >= 0 {
		l.octets = bytes.ReplaceAll(l.octets, []byte{0}, nil)
	}
	return l
}

// lines cuts a message into lines.
type lines struct {
	in     *bufio.Reader
	inside bool // the next piece goes on with a line
}

const longestPiece = 16 << 10

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, longestPiece)} }

// next gives the next piece; it is good until the next call. CR and LF are never in two pieces.
func (s *lines) next() (line, error) {
	octets, err := s.in.ReadSlice('\n')
	full := errors.Is(err, bufio.ErrBufferFull)
	if err != nil && !full && (!errors.Is(err, io.EOF) || len(octets) == 0) {
		return line{}, err
	}
	if full && octets[len(octets)-1] == '\r' {
		_ = s.in.UnreadByte() // one was just read
		octets = octets[:len(octets)-1]
	}
	l := line{octets: octets, first: !s.inside, last: !full}
	s.inside = full
	return l, nil
}
