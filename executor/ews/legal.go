package ews

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// legal passes XML through and puts "?" in place of characters that XML 1.0 does not know, written as they are or as
// references. Exchange sends them back where a folder or a category holds them, and the decoder would refuse the whole
// answer.
type legal struct {
	r    *bufio.Reader
	rest []byte // of a reference that was read ahead
}

func newLegal(r io.Reader) *legal { return &legal{r: bufio.NewReaderSize(r, 32<<10)} }

// longestReference is that of "&#x10FFFF;" with some leading zeros.
const longestReference = 16

func (l *legal) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(l.rest) > 0 {
			k := copy(p[n:], l.rest)
			l.rest, n = l.rest[k:], n+k
			continue
		}
		if n > 0 && l.r.Buffered() == 0 {
			return n, nil
		}
		if k := l.plain(p[n:]); k > 0 {
			n += k
			continue
		}
		c, err := l.r.ReadByte()
		if err != nil {
			return n, err
		}
		switch {
		case c == '&':
			l.rest = l.reference()
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			p[n], n = '?', n+1
		default:
			p[n], n = c, n+1
		}
	}
	return n, nil
}

// plain copies what is read already up to the next octet that needs a look.
func (l *legal) plain(p []byte) int {
	ahead, _ := l.r.Peek(min(len(p), l.r.Buffered())) // that much is there
	k := 0
	for k < len(ahead) && ahead[k] >= ' ' && ahead[k] != '&' {
		k++
	}
	copy(p, ahead[:k])
	_, _ = l.r.Discard(k) // it was seen a moment ago
	return k
}

// reference reads what follows an ampersand, as far as it is a character reference, and gives what stands for it.
func (l *legal) reference() []byte {
	ahead, _ := l.r.Peek(longestReference) // what there is
	end := strings.IndexByte(string(ahead), ';')
	if len(ahead) == 0 || ahead[0] != '#' {
		return []byte("&")
	}
	if end < 0 {
		return []byte("?") // longer than any that means something
	}
	digits, base := string(ahead[1:end]), 10
	if hex, is := strings.CutPrefix(strings.ToLower(digits), "x"); is {
		digits, base = hex, 16
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if err == nil && isCharacter(code) {
		return []byte("&")
	}
	_, _ = l.r.Discard(end + 1) // it was seen a moment ago
	return []byte("?")
}

// isCharacter tells what XML 1.0 knows (section 2.2).
func isCharacter(code uint64) bool {
	switch {
	case code == '\t', code == '\n', code == '\r':
		return true
	case code < 0x20, code >= 0xD800 && code < 0xE000, code == 0xFFFE, code == 0xFFFF:
		return false
	}
	return code <= 0x10FFFF
}
