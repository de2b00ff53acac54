package imapserver

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// appending is one APPEND command while it comes in.
type appending struct {
	fault    Kind
	raw      string
	there    bool // the folder
	messages []Message
}

// append is APPEND, of several messages where MULTIAPPEND is announced (RFC 3502): all of them are stored, or none.
func (c *conn) append() error {
	raw, err := c.name()
	if err != nil {
		return err
	}
	a := &appending{fault: c.mailbox.nextAppend(), raw: raw}
	_, a.there = c.mailbox.look(raw)
	for {
		m, err := c.message(a)
		if err != nil {
			return err
		}
		a.messages = append(a.messages, m)
		if !c.is(' ') {
			break
		}
		if !c.can("MULTIAPPEND") {
			c.server.misused("a second message came in one APPEND")
			return errAlien // what follows may be mail
		}
	}
	if err := c.endLine(); err != nil {
		return err
	}
	c.mailbox.count(func(n *Counts) { n.Appended += len(a.messages) })
	if d := c.server.profile.SlowBy; d > 0 && !c.server.passes(d) {
		return errBroken
	}
	return c.conclude(a)
}

// message takes "(flags) date literal", the first two of which may be missing.
func (c *conn) message(a *appending) (m Message, err error) {
	if err := c.space(); err != nil {
		return m, err
	}
	if c.is('(') {
		if m.Flags, err = c.list(); err != nil {
			return m, err
		}
		if err := c.space(); err != nil {
			return m, err
		}
	}
	if c.is('"') {
		if m.Date, err = c.date(); err != nil {
			return m, err
		}
		if err := c.space(); err != nil {
			return m, err
		}
	}
	if m.Date.IsZero() {
		m.Date = time.Now().Truncate(time.Second)
	}
	size, err := c.announced(func(int64) string {
		if !a.there {
			return nowhere
		}
		return ""
	})
	if err != nil {
		return m, err
	}
	m.Octets, err = c.literal(a, size)
	return m, err
}

const nowhere = "NO [TRYCREATE] no such folder"

// literal takes the octets of a message; a fault may strike in the middle.
func (c *conn) literal(a *appending, size int64) ([]byte, error) {
	if c.in.Buffered() == 0 {
		if err := c.out.Flush(); err != nil {
			return nil, err
		}
	}
	if a.fault == ByeInside {
		if _, err := io.CopyN(io.Discard, c.in, size/2); err != nil {
			return nil, err
		}
		c.say("* BYE [UNAVAILABLE] Session invalidated - AccessTokenExpired")
		return nil, c.hangUp()
	}
	var octets strings.Builder // grows with what arrives
	if a.fault == Expire {
		if _, err := io.CopyN(&octets, c.in, size/2); err != nil {
			return nil, err
		}
		c.mailbox.expire()
		if err := c.expired(); err != nil {
			return nil, err
		}
		size -= size / 2
	}
	if _, err := io.CopyN(&octets, c.in, size); err != nil {
		return nil, err
	}
	return []byte(octets.String()), nil
}

// conclude stores and answers, or does what the fault says.
func (c *conn) conclude(a *appending) error {
	switch a.fault {
	case BreakBefore:
		return c.hangUp()
	case Refuse:
		return &refusal{"NO not this one"}
	case Throttle:
		return c.throttle()
	}
	if b := c.server.profile.Budget; b != nil && !b.Take(time.Now(), len(a.messages)) {
		return c.throttle()
	}
	if !a.there {
		return &refusal{nowhere}
	}
	if answer := c.refused(a); answer != "" {
		return &refusal{answer}
	}
	late := c.server.profile.Held || c.server.profile.LateBy > 0
	if a.fault == Swallow && late {
		b := c.mailbox
		c.server.later(b, func() { b.store(a.raw, a.messages) })
		return c.hangUp()
	}
	validity, uids, ok := c.mailbox.store(a.raw, a.messages)
	switch {
	case a.fault == Swallow:
		return c.hangUp()
	case a.fault == ExpireStored:
		c.mailbox.expire()
		if err := c.expired(); err != nil {
			return err
		}
	case a.fault == Unavailable:
		return &refusal{"NO [UNAVAILABLE] try again later"}
	case !ok:
		return &refusal{nowhere}
	}
	c.news()
	if !c.can("UIDPLUS") {
		c.answer("OK stored")
		return nil
	}
	c.answer("OK [APPENDUID %d %s] stored", validity, uidSet(uids))
	return nil
}

// refused gives the profile's answer to the first message that it does not take.
func (c *conn) refused(a *appending) string {
	if c.server.profile.Refuse == nil {
		return ""
	}
	for _, m := range a.messages {
		if answer := c.server.profile.Refuse(a.raw, m); answer != "" {
			return answer
		}
	}
	return ""
}

// uidSet writes UIDs in the order of their messages (RFC 4315, 3).
func uidSet(uids []uint32) string {
	var parts []string
	for i := 0; i < len(uids); {
		last := i
		for last+1 < len(uids) && uids[last+1] == uids[last]+1 {
			last++
		}
		if last == i {
			parts = append(parts, strconv.Itoa(int(uids[i])))
		} else {
			parts = append(parts, fmt.Sprintf("%d:%d", uids[i], uids[last]))
		}
		i = last + 1
	}
	return strings.Join(parts, ",")
}

// hangUp breaks the connection: in order, so that what was said before arrives, or with a reset.
func (c *conn) hangUp() error {
	if err := c.out.Flush(); err != nil {
		return err
	}
	if tcp, ok := c.raw.(*net.TCPConn); ok && c.mailbox != nil && c.mailbox.resets() {
		_ = tcp.SetLinger(0) // fails only if the connection is closed already
		return errBroken
	}
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return err
		}
		// A connection that is closed with octets unread is reset.
		_, _ = io.Copy(io.Discard, c.in) // ends when the client hangs up too
	}
	return errBroken
}
