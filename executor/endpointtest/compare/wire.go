package compare

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conn is a signed-in connection. Every command waits for its answer.
type conn struct {
	net    net.Conn
	r      *bufio.Reader
	tags   int
	prefix string
}

// folder is one folder that can be selected.
type folder struct {
	raw  string // as it stands on the wire, unquoted
	name string
}

// response is one untagged response: its text, in which "{0}", "{1}" ... stand for the literals.
type response struct {
	text     string
	literals [][]byte
}

// silence is how long a server may say nothing.
const silence = time.Minute

func dial(ctx context.Context, a Account) (*conn, error) {
	var d net.Dialer
	n, err := d.DialContext(ctx, "tcp", a.Addr)
	if err != nil {
		return nil, err
	}
	if a.TLS != nil {
		n = tls.Client(n, a.TLS)
	}
	c := &conn{net: n, r: bufio.NewReader(n), prefix: a.Prefix}
	if _, err := c.response(); err != nil { // the greeting
		c.close()
		return nil, err
	}
	if _, err := c.do(fmt.Sprintf("LOGIN %s %s", quote(a.User), quote(a.Password))); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *conn) close() { _ = c.net.Close() }

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// do sends a command and gives the untagged responses up to its tagged OK.
func (c *conn) do(command string) ([]response, error) {
	tag, err := c.send(command)
	if err != nil {
		return nil, err
	}
	return c.until(tag)
}

func (c *conn) send(command string) (string, error) {
	c.tags++
	tag := fmt.Sprintf("c%d", c.tags)
	_ = c.net.SetDeadline(time.Now().Add(silence)) // a connection without deadlines does not exist here
	_, err := fmt.Fprintf(c.net, "%s %s\r\n", tag, command)
	return tag, err
}

func (c *conn) until(tag string) ([]response, error) {
	var all []response
	for {
		r, err := c.response()
		if err != nil {
			return nil, err
		}
		rest, tagged := strings.CutPrefix(r.text, tag+" ")
		switch {
		case tagged && strings.HasPrefix(rest, "OK"):
			return all, nil
		case tagged:
			return nil, errors.New(rest)
		}
		all = append(all, r)
	}
}

// response reads one response with its literals.
func (c *conn) response() (response, error) {
	var r response
	for {
		_ = c.net.SetDeadline(time.Now().Add(silence))
		line, err := c.r.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = strings.TrimRight(line, "\r\n")
		open := strings.LastIndexByte(line, '{')
		if open < 0 || !strings.HasSuffix(line, "}") {
			r.text += line
			return r, nil
		}
		size, err := strconv.Atoi(line[open+1 : len(line)-1])
		if err != nil {
			r.text += line
			return r, nil //nolint:nilerr // a text that ends like a literal
		}
		literal := make([]byte, size)
		if _, err := io.ReadFull(c.r, literal); err != nil {
			return r, err
		}
		r.text += fmt.Sprintf("%s{%d}", line[:open], len(r.literals))
		r.literals = append(r.literals, literal)
	}
}

var listLine = regexp.MustCompile(`(?i)^\* LIST \(([^)]*)\) (NIL|"\\?.") (.*)$`)

// list gives every folder that can be selected.
func (c *conn) list() ([]folder, error) {
	responses, err := c.do(`LIST "" "*"`)
	if err != nil {
		return nil, err
	}
	var folders []folder
	for _, r := range responses {
		m := listLine.FindStringSubmatch(r.text)
		if m == nil {
			continue
		}
		attributes := strings.ToLower(m[1])
		if strings.Contains(attributes, `\noselect`) || strings.Contains(attributes, `\nonexistent`) {
			continue
		}
		raw := astring(m[3], r.literals)
		f := folder{raw: raw, name: c.decode(raw, strings.TrimPrefix(strings.Trim(m[2], `"`), `\`))}
		folders = append(folders, f)
	}
	return folders, nil
}

// decode gives a name with "/" between levels and without the namespace's prefix.
func (c *conn) decode(raw, delimiter string) string {
	name := raw
	if !strings.EqualFold(raw+delimiter, c.prefix) {
		name = strings.TrimPrefix(raw, c.prefix)
	}
	if delimiter != "NIL" && delimiter != "/" {
		name = strings.ReplaceAll(strings.ReplaceAll(name, "/", "∕"), delimiter, "/")
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return decodeUTF7(name)
}

// astring reads a name in any of its three forms.
func astring(s string, literals [][]byte) string {
	if rest, ok := strings.CutPrefix(s, "{"); ok {
		if n, err := strconv.Atoi(strings.TrimSuffix(rest, "}")); err == nil && n < len(literals) {
			return string(literals[n])
		}
	}
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	s = strings.TrimSuffix(s[1:], `"`)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s)
}

var (
	uidItem   = regexp.MustCompile(`\bUID ([0-9]+)`)
	flagsItem = regexp.MustCompile(`\bFLAGS \(([^)]*)\)`)
	dateItem  = regexp.MustCompile(`\bINTERNALDATE "([^"]*)"`)
	bodyItem  = regexp.MustCompile(`\bBODY\[\] (\{([0-9]+)\}|""|NIL)`)
)

// read reads a folder's messages.
func (c *conn) read(f folder) ([]Item, error) {
	opened, err := c.do("EXAMINE " + quote(f.raw))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(opened, func(r response) bool { return r.text == "* 0 EXISTS" }) {
		return nil, nil
	}
	tag, err := c.send("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])")
	if err != nil {
		return nil, err
	}
	return c.fetched(f, tag)
}

// fetched reads the answer of a FETCH one message at a time, so that one body is in memory and not all.
func (c *conn) fetched(f folder, tag string) ([]Item, error) {
	var items []Item
	seen := make(map[string]bool)
	for {
		r, err := c.response()
		if err != nil {
			return nil, err
		}
		if rest, ok := strings.CutPrefix(r.text, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				return nil, errors.New(rest)
			}
			return items, nil
		}
		body := bodyItem.FindStringSubmatch(r.text)
		if body == nil {
			continue // news of flags, or of something else
		}
		i, uid, err := item(f, r, body)
		if err != nil {
			return nil, err
		}
		if seen[uid] {
			return nil, fmt.Errorf("UID %s came twice", uid)
		}
		seen[uid] = true
		items = append(items, i)
	}
}

func item(f folder, r response, body []string) (Item, string, error) {
	uid, flags, date := uidItem.FindStringSubmatch(r.text), flagsItem.FindStringSubmatch(r.text), dateItem.FindStringSubmatch(r.text)
	if uid == nil || flags == nil || date == nil {
		return Item{}, "", fmt.Errorf("the answer %q lacks something", r.text)
	}
	when, err := time.Parse("_2-Jan-2006 15:04:05 -0700", date[1])
	if err != nil {
		return Item{}, "", err
	}
	var octets []byte
	if body[2] != "" {
		n, err := strconv.Atoi(body[2])
		if err != nil || n >= len(r.literals) {
			return Item{}, "", fmt.Errorf("the answer %q has no literal %s", r.text, body[2])
		}
		octets = r.literals[n]
	}
	names := slices.DeleteFunc(strings.Fields(strings.ToLower(flags[1])), func(n string) bool { return n == `\recent` })
	slices.Sort(names)
	return Item{Folder: f.name, Sum: sha256.Sum256(octets), Size: len(octets), Date: when,
		Flags: strings.Join(slices.Compact(names), " ")}, uid[1], nil
}
