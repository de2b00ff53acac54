package imapserver

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// selected is the open folder as the client knows it: what it was told of, in order, so that sequence numbers are true.
type selected struct {
	raw     string
	write   bool
	uids    []uint32
	changes int
}

// open is SELECT and EXAMINE. One that fails leaves no folder open (RFC 3501, 6.3.1).
func (c *conn) open() error {
	raw, err := c.name()
	if err != nil {
		return err
	}
	if err := c.endLine(); err != nil {
		return err
	}
	if slices.Contains(c.server.profile.Drops, raw) {
		return errBroken
	}
	c.selected = nil
	f, there := c.mailbox.look(raw)
	if !there {
		return &refusal{"NO [NONEXISTENT] no such folder"}
	}
	c.selected = &selected{raw: raw, write: c.verb == "SELECT", uids: uidsOf(f.messages), changes: f.changes}
	c.say(`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`)
	c.say("* %d EXISTS", len(f.messages))
	c.say("* 0 RECENT")
	c.say("* OK [UIDVALIDITY %d] as ever", f.validity)
	c.say("* OK [UIDNEXT %d] the next one", f.next)
	if c.can("CONDSTORE") {
		c.say("* OK [HIGHESTMODSEQ %d] the latest change", f.modSeq)
	}
	if !c.selected.write {
		c.say("* OK [PERMANENTFLAGS ()] none")
		c.answer("OK [READ-ONLY] open")
		return nil
	}
	c.say(`* OK [PERMANENTFLAGS (%s)] all`, c.server.profile.permanent())
	c.answer("OK [READ-WRITE] open")
	return nil
}

func uidsOf(messages []Message) []uint32 {
	uids := make([]uint32, len(messages))
	for i, m := range messages {
		uids[i] = m.UID
	}
	return uids
}

func (c *conn) unselect() error {
	if err := c.endLine(); err != nil {
		return err
	}
	if !c.can("UNSELECT") {
		return &refusal{"BAD unknown command"}
	}
	c.selected = nil
	c.answer("OK closed")
	return nil
}

// news tells what came to the open folder and what went, since the client was told the last time.
func (c *conn) news() {
	if c.selected == nil {
		return
	}
	c.mailbox.mu.Lock()
	f := c.mailbox.folders[c.selected.raw]
	unchanged := f.changes == c.selected.changes
	var now []uint32
	if !unchanged {
		c.selected.changes, now = f.changes, uidsOf(f.messages)
	}
	c.mailbox.mu.Unlock()
	if unchanged {
		return
	}
	for i := len(c.selected.uids) - 1; i >= 0; i-- {
		if _, there := slices.BinarySearch(now, c.selected.uids[i]); !there {
			c.say("* %d EXPUNGE", i+1)
			c.selected.uids = slices.Delete(c.selected.uids, i, i+1)
		}
	}
	if len(now) != len(c.selected.uids) {
		c.say("* %d EXISTS", len(now))
	}
	c.selected.uids = now
}

// span is a range of UIDs, both ends included.
type span struct{ first, last uint32 }

// set takes a set of UIDs; "*" is the last message of the open folder.
func (c *conn) set() ([]span, error) {
	text, err := c.word(" ()\"")
	if err != nil {
		return nil, err
	}
	last := uint32(0)
	if n := len(c.selected.uids); n > 0 {
		last = c.selected.uids[n-1]
	}
	number := func(s string) (uint32, error) {
		if s == "*" {
			return last, nil
		}
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || n == 0 {
			return 0, bad("that is no set")
		}
		return uint32(n), nil
	}
	var spans []span
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(part, ":")
		if !isRange {
			b = a
		}
		from, err := number(a)
		if err != nil {
			return nil, err
		}
		to, err := number(b)
		if err != nil {
			return nil, err
		}
		spans = append(spans, span{min(from, to), max(from, to)})
	}
	return spans, nil
}

func within(spans []span, uid uint32) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.first <= uid && uid <= s.last })
}

// numbered is a message with its sequence number.
type numbered struct {
	Message
	number int
}

// chosen gives the messages of the open folder that a set names and that are there still.
func (c *conn) chosen(spans []span) []numbered {
	c.mailbox.mu.Lock()
	defer c.mailbox.mu.Unlock()
	var found []numbered
	for _, m := range c.mailbox.folders[c.selected.raw].messages {
		at, known := slices.BinarySearch(c.selected.uids, m.UID)
		if known && within(spans, m.UID) {
			found = append(found, numbered{m, at + 1})
		}
	}
	return found
}

// search is UID SEARCH for ALL and for UIDs.
func (c *conn) search() error {
	c.news()
	if err := c.space(); err != nil {
		return err
	}
	key, err := c.atom()
	if err != nil {
		return err
	}
	spans := []span{{1, 1<<32 - 1}}
	if strings.EqualFold(key, "UID") {
		if err := c.space(); err != nil {
			return err
		}
		if spans, err = c.set(); err != nil {
			return err
		}
	} else if !strings.EqualFold(key, "ALL") {
		return bad("that can't be searched for")
	}
	if err := c.endLine(); err != nil {
		return err
	}
	line := "* SEARCH"
	for _, m := range c.chosen(spans) {
		line += fmt.Sprint(" ", m.UID)
	}
	c.say("%s", line)
	c.answer("OK done")
	return nil
}
