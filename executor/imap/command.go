package imap

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// command is one command to be sent. Its pieces are typed: what comes from a server or a user can only go through
// astring, and is then quoted, or made a literal where a quoted string can't hold it. So nothing read from mail or from
// a folder name can become a command.
type command struct {
	verb   string
	pieces []piece
}

type piece struct {
	text    string
	foreign bool // any octets, which go quoted or as a literal
}

func newCommand(verb string) *command { return &command{verb: verb} }

// raw adds text of our own making: constants, numbers and sets.
func (c *command) raw(text string) *command {
	c.pieces = append(c.pieces, piece{text: text})
	return c
}

// astring adds a string of any octets.
func (c *command) astring(s string) *command {
	c.pieces = append(c.pieces, piece{text: s, foreign: true})
	return c
}

// asLiteral tells whether the piece is announced and sent as a literal.
func (c *client) asLiteral(p piece) bool { return p.foreign && (c.opts.Literals || !quotable(p.text)) }

// written is the piece as it stands in the command where it is no literal.
func (p piece) written() string {
	if !p.foreign {
		return p.text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.text) + `"`
}

// quotable tells whether a quoted string can hold s (RFC 3501, 9: TEXT-CHAR is 7 bit without CR and LF). A control
// character or an 8-bit octet goes as a literal, which every server takes as it is. A name that ends like the
// announcement of a literal goes as one too, for servers that look at the line's end only.
func quotable(s string) bool {
	if len(s) > 1000 || strings.ContainsRune(s, '{') {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// tagger makes tags that can't be guessed before the connection exists, so that no answer can be prepared.
type tagger struct {
	prefix string
	n      int
}

func newTagger() *tagger {
	var seed [5]byte
	_, _ = rand.Read(seed[:]) // never fails (crypto/rand)
	return &tagger{prefix: strings.ToLower(base32.StdEncoding.EncodeToString(seed[:]))[:6] + "-"}
}

func (t *tagger) next() string {
	t.n++
	return t.prefix + strconv.Itoa(t.n)
}

// sourceVerbs is the closed list of what a source may send. SELECT, STORE, EXPUNGE, CLOSE, CREATE, DELETE, RENAME,
// SUBSCRIBE, COPY, MOVE and APPEND are not on it.
var sourceVerbs = map[string]bool{
	"CAPABILITY": true, "STARTTLS": true, "AUTHENTICATE": true, "LOGIN": true, "ID": true, "NAMESPACE": true,
	"LIST": true, "STATUS": true, "EXAMINE": true, "UNSELECT": true, "UID FETCH": true, "UID SEARCH": true, "NOOP": true,
	"LOGOUT": true, "ENABLE": true, "COMPRESS": true, "GETQUOTAROOT": true,
}

// destinationVerbs is the closed list of what a destination may be sent besides. Nothing on it removes anything.
var destinationVerbs = map[string]bool{
	"SELECT": true, "CREATE": true, "SUBSCRIBE": true, "APPEND": true, "UID STORE": true,
}

// eraserVerbs is the closed list of what only the session of an undo may send besides. EXPUNGE and CLOSE are not on it:
// they remove what others have marked.
var eraserVerbs = map[string]bool{"UID EXPUNGE": true, "DELETE": true, "UNSUBSCRIBE": true}

// permits tells whether the session may send a command that is not for sources. Only an undo marks messages \Deleted.
func (c *client) permits(verb string, pieces []piece) bool {
	if c.erases {
		return destinationVerbs[verb] || eraserVerbs[verb]
	}
	marks := func(p piece) bool { return strings.Contains(strings.ToLower(p.text), `\deleted`) }
	return destinationVerbs[verb] && !(verb == "UID STORE" && slices.ContainsFunc(pieces, marks))
}

// begin is the gate that every command passes, and gives its tag. For a source it lets only sourceVerbs pass, for a
// destination nothing that removes, and for nobody a FETCH that could set \Seen.
func (c *client) begin(verb string, pieces []piece) (string, error) {
	if !c.readOnly && !sourceVerbs[verb] && !c.permits(verb, pieces) && !fault.Off(fault.EraserOnly) {
		return "", &mail.Error{Op: "use destination", Kind: mail.Internal, Code: mail.CodeInternal,
			Err: fmt.Errorf("refused to send %s to a destination", verb)}
	}
	if c.readOnly && !sourceVerbs[verb] && !fault.Off(fault.ReadOnly) {
		return "", &mail.Error{Op: "read source", Kind: mail.Internal, Code: mail.CodeInternal,
			Err: fmt.Errorf("refused to send %s to a source", verb)}
	}
	if verb == "UID FETCH" && !fault.Off(fault.Peek) {
		for _, p := range pieces {
			if strings.Contains(p.text, "BODY[") || strings.Contains(p.text, "RFC822 ") {
				return "", &mail.Error{Op: "read message", Kind: mail.Internal, Code: mail.CodeInternal,
					Err: fmt.Errorf("refused to fetch without PEEK")}
			}
		}
	}
	return c.tags.next(), nil
}

// nonSync tells whether a literal of n octets may follow its announcement at once.
func (c *client) nonSync(n int64) bool {
	return c.caps.literalPlus() || c.caps.literalMinus() && n <= 4096
}

// send writes one command and gives its tag. Where a literal needs the server's consent it waits for it; what other
// answers come meanwhile is lost, so commands with such literals are not pipelined (see pipelines).
func (c *client) send(cmd *command) (string, error) {
	tag, err := c.begin(cmd.verb, cmd.pieces)
	if err != nil {
		return "", err
	}
	c.out.text(tag + " " + cmd.verb)
	for _, p := range cmd.pieces {
		if !c.asLiteral(p) {
			c.out.text(" " + p.written())
			continue
		}
		if c.nonSync(int64(len(p.text))) {
			c.out.text(fmt.Sprintf(" {%d+}", len(p.text)))
			c.out.endLine()
		} else {
			c.out.text(fmt.Sprintf(" {%d}", len(p.text)))
			c.out.endLine()
			if err := c.awaitConsent(tag); err != nil {
				return tag, err
			}
		}
		c.out.literal(p.text)
	}
	c.out.endLine()
	return tag, c.out.flush()
}

// refusedError is an early tagged answer instead of a continuation.
type refusedError struct{ status status }

func (e *refusedError) Error() string { return "refused before its literal: " + e.status.text }

func (c *client) awaitConsent(tag string) error {
	if err := c.out.flush(); err != nil {
		return err
	}
	for {
		r, err := c.in.next()
		switch {
		case err != nil:
			return err
		case r.kind == goOn:
			return nil
		case r.kind == tagged && r.tag == tag:
			return &refusedError{status: r.status}
		case r.kind == untagged && r.verb == "BYE":
			return &byeError{status: r.status}
		}
	}
}

// pipelines tells whether the command goes out in one go.
func (c *client) pipelines(cmd *command) bool {
	for _, p := range cmd.pieces {
		if c.asLiteral(p) && !c.nonSync(int64(len(p.text))) {
			return false
		}
	}
	return true
}
