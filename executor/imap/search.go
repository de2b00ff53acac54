package imap

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

// splitSeq yields the parts of a set.
func splitSeq(text string) iter.Seq[string] { return strings.SplitSeq(text, ",") }

func parseRange(text string) (first, last mail.UID, ok bool) {
	a, b, isRange := strings.Cut(text, ":")
	if !isRange {
		b = a
	}
	x, errX := strconv.ParseUint(a, 10, 32)
	y, errY := strconv.ParseUint(b, 10, 32)
	if errX != nil || errY != nil || x == 0 || y == 0 {
		return 0, 0, false
	}
	return mail.UID(min(x, y)), mail.UID(max(x, y)), true
}

// Exists asks with UID SEARCH, which does not read messages and so is a second opinion on FETCH.
func (c *client) Exists(ctx context.Context, f mail.Folder, uids []mail.UID) ([]mail.UID, error) {
	const op = "look for messages"
	leave, err := c.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	there, err := c.exists(op, f, uids)
	return there, c.reason(ctx, err)
}

func (c *client) exists(op string, f mail.Folder, uids []mail.UID) ([]mail.UID, error) {
	found := make([]bool, len(uids))
	mark := func(uid mail.UID) {
		if at, asked := slices.BinarySearch(uids, uid); asked {
			found[at] = true
		}
	}
	var cmds []*command
	for _, set := range uidSets(uids) {
		cmds = append(cmds, newCommand("UID SEARCH").raw("UID "+set))
	}
	answers, err := c.within(op, f, false, cmds, func(r *response) error {
		takeSearch(r, len(uids), mark)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, st := range answers {
		if st.verb != "OK" {
			return nil, c.fatalUnlessRefused(c.classify(op, st, atFetch))
		}
	}
	var there []mail.UID
	for i, uid := range uids {
		if found[i] {
			there = append(there, uid)
		}
	}
	return there, nil
}

// takeSearch reads SEARCH, and ESEARCH as servers of IMAP4rev2 answer.
func takeSearch(r *response, limit int, mark func(mail.UID)) {
	switch r.verb {
	case "SEARCH":
		for t := r.data.next(); t.kind == tokAtom; t = r.data.next() {
			if n, err := strconv.ParseUint(string(t.text), 10, 32); err == nil {
				mark(mail.UID(n))
			}
		}
	case "ESEARCH":
		for t := r.data.next(); t.kind != tokEnd; t = r.data.next() {
			if t.is("ALL") {
				eachInSet(string(r.data.text(r.data.next())), limit+1, mark)
			} else if t.kind == tokOpen {
				r.data.skip(t)
			}
		}
	}
}
