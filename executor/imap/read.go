package imap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The limits of what a server may send. A line of SEARCH lists UIDs and may be long; nothing else needs it.
const (
	maxLine       = 1 << 20
	maxSearchLine = 64 << 20
	maxSmall      = 64 << 10  // a literal that is kept: a folder name, a flag
	maxBody       = 1<<32 - 1 // a literal that is streamed (RFC 3501: 32 bits)
	maxSegments   = 10_000    // literals in one response

	// readAhead is how much is read at a time. The octets of large literals do not pass that buffer.
	readAhead = 64 << 10
)

var (
	errLineTooLong = errors.New("the server sends a line without end")
	errLiteral     = errors.New("the server announces more octets than any message has")
)

// reader cuts the server's octets into lines and literals. It parses nothing by look-ahead beyond the line at hand.
type reader struct {
	br    *bufio.Reader
	src   io.Reader // beneath br
	trace *tracer
	long  []byte // a line longer than br's buffer
	scan  scanner
	hush  bool // sign-in is under way: text of the server stays out of the trace
}

func newReader(r io.Reader, t *tracer) *reader {
	in := &reader{br: bufio.NewReaderSize(r, readAhead), src: r, trace: t}
	in.scan.in = in
	return in
}

// reset forgets what is buffered and reads from r on.
func (in *reader) reset(r io.Reader) { in.br.Reset(r); in.src = r }

func (in *reader) buffered() int { return in.br.Buffered() }

// line reads up to a line feed and gives the octets without the line end. They hold until the next read.
func (in *reader) line() ([]byte, error) {
	part, err := in.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		part, err = in.longLine(part)
	}
	if err != nil {
		return nil, cutShort(err)
	}
	part = part[:len(part)-1]
	if n := len(part); n > 0 && part[n-1] == '\r' {
		part = part[:n-1]
	}
	in.traceLine(part)
	return part, nil
}

func (in *reader) longLine(part []byte) ([]byte, error) {
	in.long = append(in.long[:0], part...)
	limit := maxLine
	if isSearchLine(part) {
		limit = maxSearchLine
	}
	for {
		part, err := in.br.ReadSlice('\n')
		if len(in.long)+len(part) > limit {
			return nil, errLineTooLong
		}
		in.long = append(in.long, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return in.long, err
		}
	}
}

func isSearchLine(line []byte) bool {
	head := bytes.ToUpper(line[:min(len(line), 10)])
	return bytes.HasPrefix(head, []byte("* SEARCH ")) || bytes.HasPrefix(head, []byte("* ESEARCH "))
}

func (in *reader) traceLine(line []byte) {
	if in.hush {
		line = redacted(line)
	}
	in.trace.line("S:", line)
}

// redacted leaves the first two words of a line: a server may repeat what it was sent.
func redacted(line []byte) []byte {
	words := bytes.SplitN(line, []byte(" "), 3)
	if len(words) < 3 {
		return words[0]
	}
	return fmt.Appendf(nil, "%s %s ***", words[0], words[1])
}

// cutShort makes a lost connection of an end of file: within a session there is no good end.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// literalAt finds the announcement of a literal at the end of a line: {n}, {n+} or ~{n}. It gives where it begins.
func literalAt(line []byte) (start int, size int64, found bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, 0, false
	}
	start = bytes.LastIndexByte(line, '{')
	if start < 0 {
		return 0, 0, false
	}
	digits := bytes.TrimSuffix(line[start+1:len(line)-1], []byte("+"))
	size, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || size < 0 || len(digits) == 0 || digits[0] < '0' || digits[0] > '9' {
		return 0, 0, false
	}
	if start > 0 && line[start-1] == '~' {
		start-- // literal8 (RFC 3516)
	}
	// In an atom or at the end of a text it is no announcement.
	if start == 0 || !bytes.ContainsRune([]byte(" (["), rune(line[start-1])) {
		return 0, 0, false
	}
	return start, size, true
}

// body is the octets of one literal. It ends with io.EOF only after all of them.
type body struct {
	in   *reader
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.in.read(p)
	b.left -= int64(n)
	if err != nil {
		// An error with the last octets is no error of this literal; the next read meets it again.
		if b.left == 0 && n > 0 {
			return n, nil
		}
		return n, lost("receive message", cutShort(err))
	}
	return n, nil
}

// pastBuffer is from how many octets on a read passes the buffer by.
const pastBuffer = 16 << 10

// read gives octets of a literal: what is buffered, else from the connection. Through the buffer goes only what comes with
// the line behind the literal.
func (in *reader) read(p []byte) (int, error) {
	if in.br.Buffered() == 0 && len(p) >= pastBuffer {
		return in.src.Read(p)
	}
	return in.br.Read(p)
}

// skip reads what nobody wants.
func (b *body) skip() error {
	_, err := io.Copy(io.Discard, b)
	return err
}
