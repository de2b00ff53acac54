package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// response is one line of the server with its literals, which stand in text as "\x00n\x00".
type response struct {
	text     string
	literals []string
}

// Limits of one response, and of what is kept of it. No message has more octets than RFC822.SIZE can say (RFC 3501, 9).
const (
	maxLine     = 1 << 20
	maxLiteral  = 64 << 10
	maxLiterals = 100
	maxBody     = 1<<32 - 1
)

// maxAside bounds what one command may bring beside the messages: in octets, and for each message that is asked for.
const (
	maxAside  = 2 << 20
	maxPerOne = 4 << 10
)

var (
	errLine    = errors.New("the server sent a line without end")
	errLiteral = errors.New("the server announced more than a message can have")
	errAside   = errors.New("the server sends too much that nobody asked for")
	errBye     = errors.New("the server ended the session")
	bodyBefore = regexp.MustCompile(`(?i)\bBODY\[[^\]]*\] $`)
	statusLine = regexp.MustCompile(`(?i)^\* (OK|NO|BAD|BYE|PREAUTH|CAPABILITY)\b`)
)

// sink takes the octets of bodies: begin, and then those of one.
type sink interface {
	io.Writer
	begin()
}

// next reads one response. The octets of a body go to the sink; the literal that stands for it is empty then.
func (c *conn) next(sink sink) (response, error) {
	var r response
	for {
		line, err := c.line()
		if err != nil {
			return r, err
		}
		r.text += strings.ReplaceAll(line, "\x00", "?")
		before, size, announced := literalAt(r.text)
		if !announced || !strings.HasPrefix(r.text, "* ") || statusLine.MatchString(r.text) {
			return r, nil // a text for people may end like a literal
		}
		if size > maxBody || len(r.literals) == maxLiterals || len(r.text) > maxLine {
			return r, errLiteral
		}
		literal, err := c.literal(size, sink, bodyBefore.MatchString(before))
		if err != nil {
			return r, err
		}
		r.text = fmt.Sprintf("%s\x00%d\x00", before, len(r.literals))
		r.literals = append(r.literals, literal)
	}
}

// literalAt reads the announcement of a literal at the end of a line: "{123}", "~{123}" or "{123+}".
func literalAt(text string) (before string, size int64, ok bool) {
	inner, ok := strings.CutSuffix(text, "}")
	at := strings.LastIndexByte(inner, '{')
	if !ok || at < 0 {
		return "", 0, false
	}
	digits := strings.TrimSuffix(inner[at+1:], "+")
	n, err := strconv.ParseUint(digits, 10, 63)
	if errors.Is(err, strconv.ErrRange) {
		n, err = math.MaxInt64, nil
	}
	return strings.TrimSuffix(inner[:at], "~"), int64(n), err == nil //nolint:gosec // 63 bits
}

// literal reads the octets of a literal. One that ends early is an error, whatever else the connection says.
func (c *conn) literal(size int64, sink sink, body bool) (string, error) {
	var kept strings.Builder
	var to io.Writer = &kept
	switch {
	case body && sink != nil:
		sink.begin()
		to = sink
	case size > maxLiteral:
		to = io.Discard
		fallthrough
	default:
		c.aside += size
	}
	for size > 0 {
		if c.aside > c.most {
			return "", errAside
		}
		_, err := c.in.Peek(1)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		piece, _ := c.in.Peek(int(min(size, int64(c.in.Buffered())))) // all of it is there
		if _, err := to.Write(piece); err != nil {
			return "", err
		}
		size -= int64(len(piece))
		_, _ = c.in.Discard(len(piece)) // as is this
	}
	return kept.String(), nil
}

// line reads up to the line's end.
func (c *conn) line() (string, error) {
	var line, long []byte
	for {
		part, err := c.in.ReadSlice('\n')
		if line = part; len(long) > 0 || err != nil {
			long = append(long, part...)
			line = long
		}
		if len(line) > maxLine {
			return "", errLine
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", err
		}
		c.aside += int64(len(line))
		text := string(bytes.TrimRight(line, "\r\n"))
		c.record("S: ", text)
		return text, nil
	}
}

// record writes to the trace. One that can't be written must not stop the check.
func (c *conn) record(who, text string) {
	if c.trace == nil {
		return
	}
	if c.hush {
		text = "***"
	}
	_, _ = fmt.Fprintf(c.trace, "%s%s\n", who, text)
}

func (c *conn) write(text string) error {
	c.record("C: ", strings.TrimSuffix(text, "\r\n"))
	_, err := io.WriteString(c.net, text)
	return err
}

// refusal is a tagged NO or BAD.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// run sends a command and reads its answer to the end: bodies go to the sink, responses to take.
func (c *conn) run(op, command string, sink sink, take func(response)) error {
	return c.exchange(op, []string{command}, sink, take)
}

// exchange sends a command in parts, each but the first when the server asks for it.
func (c *conn) exchange(op string, parts []string, sink sink, take func(response)) error {
	c.tags++
	c.aside, c.most = 0, maxAside+maxPerOne*int64(c.expected)
	tag := fmt.Sprintf("%s%d", c.prefix, c.tags)
	if err := c.write(tag + " " + parts[0] + "\r\n"); err != nil {
		return c.lost(op, err)
	}
	parts = parts[1:]
	for {
		r, err := c.next(sink)
		if err != nil {
			return c.lost(op, err)
		}
		rest, ended := strings.CutPrefix(r.text, tag+" ")
		switch {
		case c.aside > c.most:
			return c.lost(op, errAside)
		case ended:
			return tagged(op, rest)
		case strings.HasPrefix(strings.ToUpper(r.text), "* BYE"):
			return c.lost(op, errBye)
		case strings.HasPrefix(r.text, "+") && len(parts) == 0:
			return &mail.Error{Op: op, Kind: mail.Transient, Code: mail.CodeIMAPProtocol, Err: errors.New("the server asks for more")}
		case strings.HasPrefix(r.text, "+"):
			if err := c.write(parts[0] + "\r\n"); err != nil {
				return c.lost(op, err)
			}
			parts = parts[1:]
		case take != nil:
			take(r)
		}
	}
}

func tagged(op, rest string) error {
	verb, text, _ := strings.Cut(rest, " ")
	if strings.EqualFold(verb, "OK") {
		return nil
	}
	return &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeIMAPFolder, Text: cutText(text), Err: &refusal{"refused"}}
}

// cutText bounds a server's words.
func cutText(text string) string { return text[:min(len(text), 300)] }

// quoted writes a command with strings, quoted, or as literals where they hold what can't be quoted: the command is then
// cut where the server has to ask for the literal's octets.
func quoted(verb string, words ...string) []string {
	list := []string{verb}
	for _, w := range words {
		last := len(list) - 1
		if strings.IndexFunc(w, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			list[last] += fmt.Sprintf(" {%d}", len(w))
			list = append(list, w)
			continue
		}
		list[last] += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w) + `"`
	}
	return list
}
