package check

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"strconv"
)

// mimeApart passes an answer of EWS on to who reads XML, all but the messages in it: each goes to take, decoded, while it
// streams. So no message is ever in memory as a whole. Characters that XML 1.0 does not know, and Exchange sends back where
// a category holds them, become question marks.
type mimeApart struct {
	in   *bufio.Reader
	take func(io.Reader) error // nil: there are no messages
	pass []byte
}

// longestTag bounds a tag and the text before it; messages aside, nothing that is asked for is longer.
const longestTag = 256 << 10

func newMIMEApart(r io.Reader, take func(io.Reader) error) *mimeApart {
	return &mimeApart{in: bufio.NewReaderSize(r, longestTag), take: take}
}

var errLongTag = errors.New("the answer holds a text that is longer than any that makes sense")

func (m *mimeApart) Read(p []byte) (int, error) {
	for len(m.pass) == 0 {
		text, err := m.in.ReadSlice('>')
		m.pass = legible(text)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return 0, errLongTag
		case err != nil && len(text) == 0:
			return 0, err
		case m.take != nil && opensMIME(text):
			m.pass = bytes.Clone(m.pass) // what comes now takes its place
			if err := m.message(bytes.HasSuffix(m.pass, []byte("/>"))); err != nil {
				return 0, err
			}
		}
	}
	n := copy(p, m.pass)
	m.pass = m.pass[n:]
	return n, nil
}

// opensMIME tells whether a text ends in the start tag of a message, with whatever prefix.
func opensMIME(text []byte) bool {
	open := bytes.LastIndexByte(text, '<')
	if open < 0 || open+1 < len(text) && text[open+1] == '/' {
		return false
	}
	name, _, _ := bytes.Cut(text[open+1:], []byte(" "))
	name = bytes.TrimRight(name, "/>")
	if _, local, prefixed := bytes.Cut(name, []byte(":")); prefixed {
		name = local
	}
	return string(name) == "MimeContent"
}

// message passes one message on. What take leaves of it is passed over.
func (m *mimeApart) message(empty bool) error {
	if empty {
		return m.take(bytes.NewReader(nil))
	}
	rest := &untilTag{m.in}
	if err := m.take(base64.NewDecoder(base64.StdEncoding, rest)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, rest)
	return err
}

// untilTag ends where the next tag begins. An answer that ends before was cut short.
type untilTag struct{ in *bufio.Reader }

func (u *untilTag) Read(p []byte) (int, error) {
	if _, err := u.in.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	ahead, _ := u.in.Peek(min(len(p), u.in.Buffered())) // that much is there
	if at := bytes.IndexByte(ahead, '<'); at >= 0 {
		ahead = ahead[:at]
	}
	if len(ahead) == 0 {
		return 0, io.EOF
	}
	n := copy(p, ahead)
	_, err := u.in.Discard(n)
	return n, err
}

var reference = regexp.MustCompile(`&#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,10}));`)

// legible puts a question mark in place of characters that XML 1.0 does not know (section 2.2), written as they are or as
// references. It changes text where it stands.
func legible(text []byte) []byte {
	for i, c := range text {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			text[i] = '?'
		}
	}
	if !bytes.Contains(text, []byte("&#")) {
		return text
	}
	return reference.ReplaceAllFunc(text, func(r []byte) []byte {
		parts := reference.FindSubmatch(r)
		n, err := strconv.ParseUint(string(parts[1]), 16, 32)
		if len(parts[1]) == 0 {
			n, err = strconv.ParseUint(string(parts[2]), 10, 32)
		}
		known := n == '\t' || n == '\n' || n == '\r' || n >= ' ' && n < 0xD800 || n >= 0xE000 && n <= 0xFFFD || n >= 0x10000 && n <= 0x10FFFF
		if err == nil && known {
			return r
		}
		return []byte("?")
	})
}
