package imap

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// What is asked of a message, and nothing else: ENVELOPE and BODYSTRUCTURE of broken mail break servers.
const (
	headItems = "UID FLAGS INTERNALDATE RFC822.SIZE"
	bodyItems = "(" + headItems + " BODY.PEEK[])"
)

// item is what one FETCH response says. has tells which of the fields it named.
type item struct {
	msg     mail.Message
	has     fields
	hasBody bool
}

type fields uint8

const (
	hasFlags fields = 1 << iota
	hasDate
	hasSize
)

// merge takes what o names: servers split the answer about one message over several lines.
func (i *item) merge(o item) {
	if o.has&hasFlags != 0 {
		i.msg.Flags = o.msg.Flags
	}
	if o.has&hasDate != 0 {
		i.msg.InternalDate = o.msg.InternalDate
	}
	if o.has&hasSize != 0 {
		i.msg.Size = o.msg.Size
	}
	i.msg.ModSeq = max(i.msg.ModSeq, o.msg.ModSeq)
	i.has |= o.has
}

// parseFetch reads the items of one FETCH response in any order; bodies go to sink, which may be nil. ok is false if
// the response is spoiled: it ended early or named no message.
func parseFetch(s *scanner, sink mail.Sink) (it item, ok bool, err error) {
	if s.next().kind != tokOpen {
		return it, false, nil
	}
	for {
		t := s.item()
		switch t.kind {
		case tokClose:
			return it, it.msg.UID != 0, nil
		case tokEnd:
			return it, it.hasBody && fault.Off(fault.WholeAnswer), s.err
		case tokAtom:
			if err := it.read(s, strings.ToUpper(string(t.text)), sink); err != nil {
				return it, false, err
			}
		default:
			s.skip(t)
		}
	}
}

// read takes the value of one item.
func (i *item) read(s *scanner, name string, sink mail.Sink) error {
	switch name {
	case "UID":
		n, err := strconv.ParseUint(string(s.text(s.next())), 10, 32)
		if err == nil {
			i.msg.UID = mail.UID(n)
		}
	case "FLAGS":
		i.msg.Flags = parseFlagList(s)
		i.has |= hasFlags
	case "INTERNALDATE":
		i.msg.InternalDate = parseDate(string(s.text(s.next())))
		i.has |= hasDate
	case "RFC822.SIZE":
		if n, err := strconv.ParseInt(string(s.text(s.next())), 10, 64); err == nil && n >= 0 {
			i.msg.Size = mail.Size(n)
			i.has |= hasSize
		}
	case "MODSEQ":
		i.modSeq(s)
	case "BODY[]", "BODY[]<0>", "RFC822":
		return i.body(s, sink)
	default:
		s.skip(s.next())
	}
	return nil
}

// parseFlagList reads flags, leaving out what no flag can be: a bit flip in one must not cost the message.
func parseFlagList(s *scanner) mail.Flags {
	var f mail.Flags
	t := s.next()
	if t.kind != tokOpen {
		return f
	}
	for t = s.next(); t.kind != tokClose && t.kind != tokEnd; t = s.next() {
		if t.kind == tokAtom && printable(t.text) {
			f = f.With(string(t.text))
		} else if t.kind != tokAtom {
			s.skip(t)
		}
	}
	return f
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func (i *item) modSeq(s *scanner) {
	t := s.next()
	if t.kind == tokOpen {
		t = s.next()
	}
	if n, err := strconv.ParseUint(string(s.text(t)), 10, 64); err == nil {
		i.msg.ModSeq = n
	}
	if t := s.next(); t.kind != tokClose {
		s.skip(t)
	}
}

// body streams a body. NIL is no body; an empty string is an empty one.
func (i *item) body(s *scanner, sink mail.Sink) error {
	t := s.next()
	switch t.kind {
	case tokBody:
		i.hasBody = true
		if sink == nil || t.size < 0 {
			return nil
		}
		if err := sink.Body(mail.Size(t.size), &s.open); err != nil {
			return &sinkError{err}
		}
	case tokQuoted:
		i.hasBody = true
		if sink == nil {
			return nil
		}
		if err := sink.Body(mail.Size(len(t.text)), &wholeBody{text: t.text}); err != nil {
			return &sinkError{err}
		}
	case tokAtom:
	default:
		s.skip(t)
	}
	return nil
}

// wholeBody reads a body that came as a quoted string.
type wholeBody struct{ text []byte }

func (b *wholeBody) Read(p []byte) (int, error) {
	if len(b.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}

// fetcher hands the bodies that were asked for to the sink, each UID once.
type fetcher struct {
	uids  []mail.UID
	given []bool
	sink  mail.Sink
	c     *client
}

func (f *fetcher) take(r *response) error {
	if r.verb != "FETCH" {
		f.c.notice(r)
		return nil
	}
	it, ok, err := parseFetch(r.data, f.sink)
	if err != nil || !ok {
		return err
	}
	at, asked := slices.BinarySearch(f.uids, it.msg.UID)
	if !asked || f.given[at] {
		return nil // somebody's flags changed, or a second copy of what came before
	}
	// The response must have come whole before the message counts.
	if err := r.data.finish(); err != nil {
		return err
	}
	f.given[at] = it.hasBody
	it.msg.NoFlags = it.has&hasFlags == 0
	if err := f.sink.Message(it.msg, it.hasBody); err != nil {
		return &sinkError{err}
	}
	return nil
}

// notice keeps count of what happens in the open folder.
func (c *client) notice(r *response) {
	if r.verb == "EXPUNGE" || r.verb == "VANISHED" {
		c.selected.expunge++
	}
}

// Fetch asks for bodies, two commands at a time.
func (c *client) Fetch(ctx context.Context, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	const op = "fetch messages"
	leave, err := c.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	err = c.fetch(op, f, uids, to)
	var snk *sinkError
	if errors.As(err, &snk) {
		return snk.err
	}
	return c.reason(ctx, err)
}

func (c *client) fetch(op string, f mail.Folder, uids []mail.UID, to mail.Sink) error {
	var cmds []*command
	for _, set := range uidSets(uids) {
		cmds = append(cmds, newCommand("UID FETCH").raw(set+" "+bodyItems))
	}
	take := &fetcher{uids: uids, given: make([]bool, len(uids)), sink: to, c: c}
	answers, err := c.within(op, f, false, cmds, take.take)
	if err != nil {
		return err
	}
	// NO after data: what came whole counts, the rest was not answered (RFC 5530, EXPUNGEISSUED). Only a refusal that
	// gave nothing at all, or asks to wait, is told.
	for _, st := range answers {
		if st.verb == "OK" {
			continue
		}
		e := c.classify(op, st, atFetch)
		if !slices.Contains(take.given, true) || e.Kind == mail.Throttled {
			return c.fatalUnlessRefused(e)
		}
	}
	return nil
}

// fatalUnlessRefused ends the session after an error of a kind that ends sessions.
func (c *client) fatalUnlessRefused(e *mail.Error) error {
	if e.Kind == mail.Transient || e.Kind == mail.Throttled || e.Kind == mail.Auth {
		return c.fatal(e)
	}
	return e
}
