package check

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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

// Limits of what is kept of one response.
const (
	maxLine    = 1 << 20
	maxLiteral = 64 << 10
)

var (
	errLine    = errors.New("the server sent a line without end")
	errBye     = errors.New("the server ended the session")
	announced  = regexp.MustCompile(`~?\{([0-9]{1,18})\+?\}$`)
	bodyBefore = regexp.MustCompile(`(?i)\bBODY\[[^\]]*\] $`)
	statusLine = regexp.MustCompile(`(?i)^\* (OK|NO|BAD|BYE|PREAUTH|CAPABILITY)\b`)
)

// next reads one response. The octets of a body go to the sink; the literal that stands for it is empty then.
func (c *conn) next(sink io.Writer) (response, error) {
	var r response
	for {
		line, err := c.line()
		if err != nil {
			return r, err
		}
		r.text += strings.ReplaceAll(line, "\x00", "?")
		if !strings.HasSuffix(r.text, "}") || !strings.HasPrefix(r.text, "* ") {
			return r, nil
		}
		at := announced.FindStringSubmatchIndex(r.text)
		if at == nil || statusLine.MatchString(r.text) {
			return r, nil // a text for people may end like a literal
		}
		size, err := strconv.ParseInt(r.text[at[2]:at[3]], 10, 64)
		if err != nil {
			return r, nil //nolint:nilerr // the pattern makes that impossible
		}
		before := r.text[:at[0]]
		literal, err := c.literal(size, sink, bodyBefore.MatchString(before))
		if err != nil {
			return r, err
		}
		r.text = fmt.Sprintf("%s\x00%d\x00", before, len(r.literals))
		r.literals = append(r.literals, literal)
	}
}

// literal reads the octets of a literal. One that ends early is an error, whatever else the connection says.
func (c *conn) literal(size int64, sink io.Writer, body bool) (string, error) {
	var kept strings.Builder
	if !body || sink == nil {
		sink = &kept
		if size > maxLiteral {
			sink = io.Discard
		}
	}
	n, err := io.CopyN(sink, c.in, size)
	if err == nil && n != size || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return kept.String(), err
}

// line reads up to the line's end.
func (c *conn) line() (string, error) {
	var line []byte
	for {
		part, err := c.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return "", errLine
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", err
		}
		text := strings.TrimRight(string(line), "\r\n")
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
func (c *conn) run(op, command string, sink io.Writer, take func(response)) error {
	return c.exchange(op, []string{command}, sink, take)
}

// exchange sends a command in parts, each but the first when the server asks for it.
func (c *conn) exchange(op string, parts []string, sink io.Writer, take func(response)) error {
	c.tags++
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

// parts writes a command with strings, quoted, or as literals where they hold what can't be quoted: the command is then
// cut where the server has to ask for the literal's octets.
func parts(verb string, words ...string) []string {
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
