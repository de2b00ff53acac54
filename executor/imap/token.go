package imap

import (
	"bytes"
	"errors"
	"io"
)

// tokenKind is what a token looks like on the wire; what it means is the caller's business.
type tokenKind uint8

const (
	tokEnd    tokenKind = iota // the response is over
	tokOpen                    // (
	tokClose                   // )
	tokAtom                    // anything unquoted; NIL too
	tokQuoted                  // a quoted string, unescaped
	tokBody                    // a literal, not read yet: see scanner.literal and scanner.body
)

// token is one piece of a response. Its octets hold until the next token is asked for.
type token struct {
	kind tokenKind
	text []byte
	size int64 // of tokBody
}

// is compares an atom without case.
func (t token) is(word string) bool { return t.kind == tokAtom && equalFold(t.text, word) }

// isNil tells whether the token is the atom NIL.
func (t token) isNil() bool { return t.is("NIL") }

// scanner gives the tokens of one response, across its literals. It accepts more than the grammar: any octet may stand
// in an atom, a quoted string may end with the line.
type scanner struct {
	in       *reader
	rest     []byte // of the current line
	announce int64  // size of the literal that the current line ends with
	literals bool   // announce is valid
	open     body   // the literal handed out last
	segments int
	unquoted []byte
	err      error // the connection's
}

// start begins a response with its first line. Status responses carry text and no literals.
func (s *scanner) start(line []byte, literals bool) {
	s.segments, s.open, s.err = 0, body{}, nil
	s.segment(line, literals)
}

func (s *scanner) segment(line []byte, literals bool) {
	s.rest, s.literals = line, false
	if !literals {
		return
	}
	if at, size, found := literalAt(line); found {
		s.rest, s.announce, s.literals = line[:at], size, true
	}
}

// next gives the next token. After an error of the connection it gives tokEnd, and s.err is set.
func (s *scanner) next() token {
	if !s.closeLiteral() {
		return token{}
	}
	s.rest = bytes.TrimLeft(s.rest, " \t")
	if len(s.rest) == 0 {
		return s.lineEnd()
	}
	switch s.rest[0] {
	case '(':
		s.rest = s.rest[1:]
		return token{kind: tokOpen}
	case ')':
		s.rest = s.rest[1:]
		return token{kind: tokClose}
	case '"':
		return s.quoted()
	}
	end := bytes.IndexAny(s.rest, " \t()")
	if end < 0 {
		end = len(s.rest)
	}
	return s.take(end)
}

func (s *scanner) take(end int) token {
	t := token{kind: tokAtom, text: s.rest[:end]}
	s.rest = s.rest[end:]
	return t
}

// item gives the next token where the name of a FETCH item is due: BODY[HEADER.FIELDS (DATE)]<0> is one name.
func (s *scanner) item() token {
	if !s.closeLiteral() {
		return token{}
	}
	s.rest = bytes.TrimLeft(s.rest, " \t")
	depth := 0
	for i, b := range s.rest {
		switch {
		case b == '[':
			depth++
		case b == ']' && depth > 0:
			depth--
		case depth == 0 && (b == ' ' || b == '(' || b == ')'):
			if i == 0 {
				return s.next()
			}
			return s.take(i)
		}
	}
	return s.next()
}

// lineEnd gives the literal that the line announces, or the end.
func (s *scanner) lineEnd() token {
	if !s.literals {
		return token{}
	}
	s.literals = false
	if s.segments++; s.segments > maxSegments {
		s.err = errLineTooLong
		return token{}
	}
	if s.announce > maxBody {
		s.err = errLiteral
		return token{}
	}
	s.in.trace.octets("S:", s.announce)
	s.open = body{in: s.in, left: s.announce}
	return token{kind: tokBody, size: s.announce}
}

// closeLiteral reads to the end of a literal handed out before, and the line that follows it.
func (s *scanner) closeLiteral() bool {
	if s.err != nil {
		return false
	}
	if s.open.in == nil {
		return true
	}
	if s.err = s.open.skip(); s.err != nil {
		return false
	}
	s.open = body{}
	line, err := s.in.line()
	if err != nil {
		s.err = err
		return false
	}
	s.segment(line, true)
	return true
}

// quoted reads a quoted string. Where the closing quote is missing, the line's end is the string's.
func (s *scanner) quoted() token {
	s.unquoted = s.unquoted[:0]
	for i := 1; i < len(s.rest); i++ {
		switch b := s.rest[i]; {
		case b == '"':
			s.rest = s.rest[i+1:]
			return token{kind: tokQuoted, text: s.unquoted}
		case b == '\\' && i+1 < len(s.rest):
			i++
			s.unquoted = append(s.unquoted, s.rest[i])
		default:
			s.unquoted = append(s.unquoted, b)
		}
	}
	s.rest = nil
	return token{kind: tokQuoted, text: s.unquoted}
}

var errTooMuch = errors.New("the literal is too big to be kept")

// literal reads the literal of a tokBody into memory. One that is too big is skipped: the response is spoiled.
func (s *scanner) literal() ([]byte, error) {
	if s.open.left > maxSmall {
		return nil, errTooMuch
	}
	data := make([]byte, s.open.left)
	if _, err := io.ReadFull(&s.open, data); err != nil {
		s.err = cutShort(err)
		return nil, s.err
	}
	return data, nil
}

// text gives a token's octets whatever its form; nil literals and lists give none.
func (s *scanner) text(t token) []byte {
	if t.kind != tokBody {
		return t.text
	}
	data, err := s.literal()
	if err != nil {
		return nil
	}
	return data
}

// skip passes over one value, a whole list included.
func (s *scanner) skip(t token) {
	depth := 0
	for {
		switch t.kind {
		case tokOpen:
			depth++
		case tokClose:
			depth--
		case tokEnd:
			return
		}
		if depth <= 0 {
			return
		}
		t = s.next()
	}
}

// finish reads the response to its end, so that the next one can begin. It gives the connection's error.
func (s *scanner) finish() error {
	for s.err == nil && (s.open.in != nil || s.literals) {
		s.rest = nil
		s.next()
	}
	return s.err
}

// line gives what is left of the current line as it stands.
func (s *scanner) line() []byte { return s.rest }

func equalFold(b []byte, word string) bool {
	return len(b) == len(word) && bytes.EqualFold(b, []byte(word))
}
