package imapserver

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// syntaxError is what a command's grammar forbids; the answer is BAD.
type syntaxError struct{ text string }

func (e *syntaxError) Error() string { return e.text }

func bad(text string) error { return &syntaxError{text} }

// refusal is a tagged answer in place of what was asked for.
type refusal struct{ answer string }

func (r *refusal) Error() string { return r.answer }

// errAlien ends a connection whose client breaks the framing of the protocol: what follows can't be told from mail.
var errAlien = errors.New("the client breaks the protocol")

// alien makes of a broken grammar a broken framing; a connection that ends is neither.
func alien(err error) error {
	if errors.As(err, new(*syntaxError)) {
		return errAlien
	}
	return err
}

// peek gives the next octet without taking it. Before it blocks, all answers are on their way.
func (c *conn) peek() (byte, error) {
	if c.in.Buffered() == 0 {
		if err := c.out.Flush(); err != nil {
			return 0, err
		}
	}
	b, err := c.in.Peek(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (c *conn) next() (byte, error) {
	if _, err := c.peek(); err != nil {
		return 0, err
	}
	return c.in.ReadByte()
}

// expect takes one octet that must come.
func (c *conn) expect(want byte) error {
	got, err := c.peek()
	if err != nil {
		return err
	}
	if got != want {
		return bad("expected " + strconv.QuoteRune(rune(want)) + " and got " + strconv.QuoteRune(rune(got)))
	}
	_, err = c.in.ReadByte()
	return err
}

func (c *conn) space() error { return c.expect(' ') }

// endLine takes the end of a command.
func (c *conn) endLine() error {
	if err := c.expect('\r'); err != nil {
		return err
	}
	return c.expect('\n')
}

// is tells whether the next octet is b.
func (c *conn) is(b byte) bool {
	got, err := c.peek()
	return err == nil && got == b
}

// word takes octets up to one of the stops, which stays. Lists and the line's end always stop it.
func (c *conn) word(stops string) (string, error) {
	var word []byte
	for {
		b, err := c.peek()
		if err != nil {
			return "", err
		}
		if b < ' ' || strings.IndexByte(stops, b) >= 0 {
			break
		}
		word = append(word, b)
		if _, err := c.in.ReadByte(); err != nil {
			return "", err
		}
		if len(word) > maxLine {
			return "", errAlien
		}
	}
	if len(word) == 0 {
		return "", bad("a word is missing")
	}
	return string(word), nil
}

const maxLine = 64 << 10

func (c *conn) atom() (string, error) { return c.word(` (){"`) }

// rest takes the rest of the line without its end.
func (c *conn) rest() (string, error) {
	if b, err := c.peek(); err != nil || b == '\r' {
		return "", err
	}
	return c.word("")
}

// astring takes a string in any of its three forms.
func (c *conn) astring() (string, error) {
	b, err := c.peek()
	switch {
	case err != nil:
		return "", err
	case b == '"':
		return c.quoted()
	case b == '{':
		size, err := c.announced(nil)
		if err != nil {
			return "", err
		}
		octets := make([]byte, min(size, maxLine))
		_, err = io.ReadFull(c.in, octets)
		return string(octets), err
	}
	return c.word(` (){"`)
}

func (c *conn) quoted() (string, error) {
	if err := c.expect('"'); err != nil {
		return "", err
	}
	var text []byte
	for {
		b, err := c.next()
		if err == nil && b == '\\' && !c.server.profile.NoEscapes {
			b, err = c.next()
		} else if err == nil && b == '"' {
			return string(text), nil
		}
		if err != nil {
			return "", err
		}
		if b < ' ' || len(text) > maxLine {
			return "", errAlien
		}
		text = append(text, b)
	}
}

// list takes words in parentheses.
func (c *conn) list() ([]string, error) {
	if err := c.expect('('); err != nil {
		return nil, err
	}
	var words []string
	for !c.is(')') {
		if len(words) > 0 {
			if err := c.space(); err != nil {
				return nil, err
			}
		}
		w, err := c.atom()
		if err != nil {
			return nil, err
		}
		words = append(words, w)
	}
	return words, c.expect(')')
}

// announced takes a literal's announcement and gives its consent where it is asked for. Before that, refuse may say no:
// then the client sends no literal.
func (c *conn) announced(refuse func(size int64) string) (int64, error) {
	if err := c.expect('{'); err != nil {
		return 0, err
	}
	text, err := c.word("}")
	if err != nil {
		return 0, err
	}
	number, free := strings.CutSuffix(text, "+")
	size, err := strconv.ParseInt(number, 10, 40)
	if err != nil || size < 0 {
		return 0, errAlien
	}
	if err := c.expect('}'); err != nil {
		return 0, alien(err)
	}
	if err := c.endLine(); err != nil {
		return 0, alien(err)
	}
	if free {
		return size, c.allowed(size)
	}
	if refuse != nil {
		if answer := refuse(size); answer != "" {
			return 0, &refusal{answer}
		}
	}
	c.say("+ go on")
	return size, c.out.Flush()
}

// allowed checks a literal that came without being asked for (RFC 7888).
func (c *conn) allowed(size int64) error {
	caps := c.capabilities()
	if has(caps, "LITERAL+") || has(caps, "LITERAL-") && size <= 4096 {
		return nil
	}
	c.server.misused("a literal of %d octets came without consent", size)
	return errAlien
}

const dateLayout = "_2-Jan-2006 15:04:05 -0700"

// date takes an INTERNALDATE.
func (c *conn) date() (time.Time, error) {
	text, err := c.quoted()
	if err != nil {
		return time.Time{}, err
	}
	date, err := time.Parse(dateLayout, text)
	if err != nil {
		return date, bad("that is no date")
	}
	return date, nil
}
