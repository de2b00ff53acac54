package check

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// reader reads one side of a mailbox. It opens a new session where one is lost, and goes on with what is still asked
// for.
type reader struct {
	server Server
	key    digestKey
	conn   *conn
	open   string // the folder that conn has open
	// validity is the UIDVALIDITY under which each folder was listed.
	validity map[string]string
	// barren counts lost connections since the last message came.
	barren int
}

// mostFolders bounds the folders of a mailbox.
const mostFolders = 100_000

// tries is how often a connection is opened in a row, and a message asked for, before it is given up.
const tries = 3

// triesCrowded is how often a connection is opened where the server has too many: others end theirs within seconds.
const triesCrowded = 6

// barrenMost is how many connections in a row may be lost without a message coming.
const barrenMost = 30

func newReader(s Server, key digestKey) *reader {
	return &reader{server: s, key: key, validity: map[string]string{}}
}

func (r *reader) close() {
	if r.conn != nil {
		r.conn.close()
		r.conn = nil
	}
}

// session gives a signed-in connection.
func (r *reader) session(ctx context.Context) (*conn, error) {
	for attempt := 1; r.conn == nil; attempt++ {
		c, err := dial(ctx, r.server)
		switch {
		case err == nil:
			r.conn, r.open = c, ""
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case attempt >= tries && mail.KindOf(err) != mail.Throttled, attempt == triesCrowded, mail.KindOf(err) == mail.Auth:
			return nil, err
		default:
			if err := sleep(ctx, time.Duration(attempt)*time.Second); err != nil {
				return nil, err
			}
		}
	}
	return r.conn, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// again calls work with a session until it succeeds, is refused, or has lost its connection too often.
func (r *reader) again(ctx context.Context, work func(*conn) error) error {
	for attempt := 1; ; attempt++ {
		c, err := r.session(ctx)
		if err != nil {
			return err
		}
		unguard := c.guard(ctx)
		err = work(c)
		unguard()
		if err == nil || isRefused(err) {
			return err
		}
		r.close()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if attempt == tries {
			return err
		}
	}
}

func isRefused(err error) bool {
	var refused *refusal
	return errors.As(err, &refused)
}

// folders lists the raw names of the folders that can hold messages, without those of other people.
func (r *reader) folders(ctx context.Context) ([]string, error) {
	var names []string
	err := r.again(ctx, func(c *conn) error {
		names = nil
		var own, foreign []string
		if c.has("NAMESPACE") {
			err := c.run("ask for namespaces", "NAMESPACE", nil, func(n response) {
				if o, f, ok := n.prefixes(); ok {
					own, foreign = o, f
				}
			})
			if err != nil && !isRefused(err) {
				return err
			}
		}
		c.expected = mostFolders / 25 // a name takes less than is granted to a message
		defer func() { c.expected = 0 }()
		err := c.run("list folders", `LIST "" "*"`, nil, func(l response) {
			if raw, selectable, ok := l.listed(); ok && selectable && !theirs(raw, own, foreign) && len(names) <= mostFolders {
				names = append(names, raw)
			}
		})
		if err == nil && len(names) > mostFolders {
			err = tooMany("list folders", fmt.Sprintf("more than %d folders", mostFolders))
		}
		return err
	})
	return names, err
}

// theirs tells whether a folder is other people's: the longest prefix decides.
func theirs(raw string, own, foreign []string) bool {
	longest := func(prefixes []string) int {
		n := -1
		for _, p := range prefixes {
			if strings.HasPrefix(raw, p) || p != "" && raw == p[:len(p)-1] {
				n = max(n, len(p))
			}
		}
		return n
	}
	return longest(foreign) > longest(own)
}

// opened is what a server says of a folder when it is opened.
type opened struct {
	exists   int
	validity string // UIDVALIDITY; empty where the server names none
}

var validity = regexp.MustCompile(`(?i)^\* OK \[UIDVALIDITY ([0-9]+)\]`)

// examine opens a folder read-only.
func (c *conn) examine(raw string) (o opened, err error) {
	command := quoted("EXAMINE", raw)
	if c.server.Literals {
		command = []string{fmt.Sprintf("EXAMINE {%d}", len(raw)), raw}
	}
	err = c.exchange("open folder", command, nil, func(r response) {
		if words := strings.Fields(r.text); len(words) == 3 && strings.EqualFold(words[2], "EXISTS") {
			o.exists, _ = strconv.Atoi(words[1]) // what is no number is no count
		}
		if m := validity.FindStringSubmatch(r.text); m != nil {
			o.validity = m[1]
		}
	})
	return o, err
}

// list reads UID, date, size and flags of every message of a folder, and adds them to the table, UIDs ascending.
func (r *reader) list(ctx context.Context, raw string, t *table) (span, error) {
	all := span{table: t, from: t.n}
	err := r.again(ctx, func(c *conn) error {
		o, err := c.examine(raw)
		r.open, r.validity[raw] = raw, o.validity
		t.n = all.from
		if err != nil || o.exists == 0 {
			return err
		}
		if o.exists > mostMessages {
			return tooMany("list messages", fmt.Sprintf("%d messages, more than %d in a folder", o.exists, mostMessages))
		}
		all, err = c.listed(all, o.exists)
		if err == nil && all.to-all.from < o.exists {
			all, err = c.whole(raw, all, o.exists)
		}
		return err
	})
	return all, err
}

// tooMany is the refusal of what would have to be kept in memory.
func tooMany(op, what string) error {
	return &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeIMAPProtocol,
		Err: &refusal{"the server announces " + what + ", which is not compared"}}
}

// listed adds what the server lists. More than it announced is no listing.
func (c *conn) listed(all span, exists int) (span, error) {
	c.expected = exists
	defer func() { c.expected = 0 }()
	err := c.run("list messages", "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)", nil, func(f response) {
		if words := strings.Fields(f.text); len(words) == 3 && strings.EqualFold(words[2], "EXISTS") {
			now, _ := strconv.Atoi(words[1]) // what is no number announces nothing
			exists = max(exists, min(now, mostMessages))
		}
		// An answer that was sent twice must not count for another message: there is room for some.
		if n, ok := f.fetched(); ok && n.hasAll && all.n-all.from < 2*exists {
			all.add(entry{uid: n.uid, date: n.date, size: n.size, system: n.system, words: n.words})
		}
	})
	all.to = all.n
	return all.order(), err
}

// whole adds the messages that the listing lacks: one line that can't be understood must not hide a message. Of these
// no more than the UID is known.
func (c *conn) whole(raw string, all span, exists int) (span, error) {
	// Not SEARCH: it answers in one line, whatever its length.
	c.expected = exists
	defer func() { c.expected = 0 }()
	err := c.run("look for messages", "UID FETCH 1:* (UID)", nil, func(r response) {
		if n, ok := r.fetched(); ok && all.n-all.from < 4*exists {
			all.add(entry{uid: n.uid, date: noDate, system: noFlags})
		}
	})
	if err != nil {
		return all, err
	}
	all.to = all.n
	all = all.order()
	now, err := c.examine(raw) // messages may have gone meanwhile
	if err != nil || all.to-all.from >= now.exists {
		return all, err
	}
	return all, &mail.Error{Op: "list messages", Kind: mail.Transient, Code: mail.CodeIMAPProtocol,
		Err: fmt.Errorf("the server listed %d of %d messages", all.to-all.from, now.exists)}
}
