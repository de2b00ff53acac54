package imap

import (
	"bytes"
	"strconv"
	"strings"
)

type responseKind uint8

const (
	untagged   responseKind = iota // * ...
	tagged                         // the answer to a command
	goOn                           // + ...
	unreadable                     // none of these
)

// response is one response of the server. What follows verb is read from data; a response that is not read to its end
// is skipped by the next call of reader.next.
type response struct {
	kind   responseKind
	tag    string
	num    uint32 // of "* 12 FETCH"
	verb   string // upper case
	status status // of OK, NO, BAD, BYE and PREAUTH
	data   *scanner
}

// status is what a status response says (RFC 9051, 7.1).
type status struct {
	verb string
	code string // upper case, without brackets and arguments
	args string
	text string
}

var statusVerbs = map[string]bool{"OK": true, "NO": true, "BAD": true, "BYE": true, "PREAUTH": true}

// next reads the next response. Its error is the connection's; what can't be understood comes as unreadable.
func (in *reader) next() (*response, error) {
	if err := in.scan.finish(); err != nil {
		return nil, err
	}
	line, err := in.line()
	if err != nil {
		return nil, err
	}
	r := &response{data: &in.scan}
	in.scan.start(nil, false)
	switch {
	case len(line) > 0 && line[0] == '+':
		r.kind = goOn
		r.status.text = string(bytes.TrimLeft(line[1:], " "))
		return r, nil
	case bytes.HasPrefix(line, []byte("* ")):
		r.parse(bytes.TrimLeft(line[2:], " "), in)
		return r, nil
	}
	tag, rest, found := bytes.Cut(line, []byte(" "))
	verb, _, _ := strings.Cut(string(rest[:min(len(rest), 4)]), " ")
	verb = strings.ToUpper(verb)
	if !found || len(tag) == 0 || len(tag) > 64 || verb != "OK" && verb != "NO" && verb != "BAD" {
		r.kind = unreadable
		return r, nil
	}
	r.kind, r.tag, r.verb = tagged, string(tag), verb
	r.status = parseStatus(verb, rest[len(verb):])
	return r, nil
}

// parse reads what follows "* ".
func (r *response) parse(line []byte, in *reader) {
	word, rest, _ := bytes.Cut(line, []byte(" "))
	if len(word) > 0 && word[0] >= '0' && word[0] <= '9' {
		num, err := strconv.ParseUint(string(word), 10, 32)
		if err != nil {
			num = 0 // sequence numbers mean nothing here: answers are known by UID
		}
		r.num = uint32(num)
		word, rest, _ = bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	}
	// "FETCH(UID" without the blank has been seen.
	if at := bytes.IndexByte(word, '('); at > 0 {
		rest = line[bytes.IndexByte(line, '('):]
		word = word[:at]
	}
	r.verb = string(bytes.ToUpper(word[:min(len(word), 32)]))
	if statusVerbs[r.verb] {
		r.status = parseStatus(r.verb, rest)
		return
	}
	in.scan.start(rest, true)
}

// maxText is how much of a server's text is kept.
const maxText = 1000

// parseStatus reads "[CODE args] text". A code that has no end is text.
func parseStatus(verb string, rest []byte) status {
	s := status{verb: verb}
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) > 0 && rest[0] == '[' {
		if end := codeEnd(rest); end > 0 {
			code, args, _ := strings.Cut(string(rest[1:end]), " ")
			s.code, s.args = strings.ToUpper(code), args
			rest = bytes.TrimLeft(rest[end+1:], " ")
		}
	}
	s.text = string(rest[:min(len(rest), maxText)])
	return s
}

// codeEnd finds the bracket that closes a response code. Brackets in quotes do not count: Exchange sends
// [Error="... Proxy=[...]"]. Where quotes do not match, the first bracket it is.
func codeEnd(b []byte) int {
	quoted := false
	for i, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted:
			return i
		}
	}
	return bytes.IndexByte(b, ']')
}

// capabilities is what the server says it can do, in upper case.
type capabilities map[string]bool

func parseCapabilities(text string) capabilities {
	caps := capabilities{}
	for word := range strings.FieldsSeq(strings.ToUpper(text)) {
		caps[word] = true
	}
	return caps
}

// capabilities gives those of a response code, or nil.
func (s status) capabilities() capabilities {
	if s.code != "CAPABILITY" {
		return nil
	}
	return parseCapabilities(s.args)
}

func (c capabilities) has(name string) bool { return c[name] }

// value gives what follows NAME= in a capability.
func (c capabilities) value(name string) (string, bool) {
	for word := range c {
		if v, found := strings.CutPrefix(word, name+"="); found {
			return v, true
		}
	}
	return "", false
}

// implied tells whether an extension is there by name, or as part of IMAP4rev2 where the server speaks nothing older
// (with both, rev2 would have to be enabled first: RFC 9051, 6.3.1).
func (c capabilities) implied(name string) bool {
	return c[name] || c["IMAP4REV2"] && !c["IMAP4REV1"]
}

func (c capabilities) literalPlus() bool  { return c["LITERAL+"] }
func (c capabilities) literalMinus() bool { return c.implied("LITERAL-") }
func (c capabilities) condstore() bool    { return c["CONDSTORE"] || c["QRESYNC"] }
