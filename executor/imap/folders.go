package imap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"mailhaul/state/mail"
)

// lister gathers what LIST and STATUS say.
type lister struct {
	c       *client
	entries []listed
	seen    map[string]int // raw name -> entry
	status  map[string]mail.Status
	spoiled int
}

func (c *client) newLister() *lister {
	return &lister{c: c, seen: map[string]int{}, status: map[string]mail.Status{}}
}

func (l *lister) take(r *response) error {
	switch r.verb {
	case "NAMESPACE":
		return l.c.hearSpaces(r)
	case "LIST", "XLIST":
		e, ok := parseList(r.data)
		if !ok {
			l.spoiled++
			return nil
		}
		if e.raw == "" { // no folder, but perhaps the answer to the introduction
			if !l.c.introduced && !l.c.caps.implied("NAMESPACE") {
				l.c.spaces.delim, l.c.spaces.known = e.delim, true
			}
			return nil
		}
		l.add(e)
	case "STATUS":
		if raw, st, ok := parseStatusData(r.data); ok {
			l.status[raw] = st
		}
	}
	return nil
}

// add files a folder once. Lines of LIST come unasked too, and for one folder twice.
func (l *lister) add(e listed) {
	if at, again := l.seen[e.raw]; again {
		l.entries[at].attrs = append(l.entries[at].attrs, e.attrs...)
		return
	}
	l.seen[e.raw] = len(l.entries)
	l.entries = append(l.entries, e)
}

// statusOf finds a folder's status; servers spell INBOX their own way.
func (l *lister) statusOf(f mail.Folder) (mail.Status, bool) {
	if st, found := l.status[f.Raw]; found {
		return st, true
	}
	for raw, st := range l.status {
		if p := l.c.spaces.path(raw, l.c.spaces.delim); f.Path.IsInbox() && p.IsInbox() {
			return st, true
		}
	}
	return mail.Status{}, false
}

// statusWindow is how many STATUS are on the wire at once. Their answers are short.
const statusWindow = 64

// Folders lists the personal folders with their status: one LIST where the server has LIST-STATUS (RFC 5819),
// otherwise a LIST and pipelined STATUS.
func (c *client) Folders(ctx context.Context) ([]mail.Folder, error) {
	leave, err := c.enter(ctx, "list folders")
	if err != nil {
		return nil, err
	}
	defer leave()
	folders, err := c.folders()
	return folders, c.reason(ctx, err)
}

func (c *client) folders() ([]mail.Folder, error) {
	l := c.newLister()
	if err := l.list(`"*"`); err != nil {
		return nil, err
	}
	folders := make([]mail.Folder, 0, len(l.entries))
	for _, e := range l.entries {
		if !c.spaces.isForeign(e.raw) {
			folders = append(folders, c.folder(e))
		}
	}
	separate(folders)
	return folders, l.fill(folders)
}

// separate keeps names apart that decode to the same: "R&D", which is malformed, and "R&-D". The name that is encoded
// as it should be keeps its path.
func separate(folders []mail.Folder) {
	proper := map[string]bool{}
	for _, f := range folders {
		if properName(f.Raw) {
			proper[strings.Join(f.Path, "\x00")] = true
		}
	}
	for _, f := range folders {
		if !properName(f.Raw) && proper[strings.Join(f.Path, "\x00")] {
			for i, level := range f.Path {
				f.Path[i] = escapeAll(level)
			}
		}
	}
}

// list runs LIST with a pattern of our making, extended where the server can.
func (l *lister) list(pattern string) error {
	const op = "list folders"
	if ret := l.c.listReturn(); ret != "" {
		st, err := l.run(op, newCommand("LIST").raw(`"" `+pattern+ret))
		if err != nil {
			return err
		}
		if st.verb == "OK" {
			return l.whole()
		}
		// What was announced does not work; the plain command is older than every server.
		*l = *l.c.newLister()
	}
	st, err := l.run(op, newCommand("LIST").raw(`"" `+pattern))
	if err != nil {
		return err
	}
	if st.verb != "OK" {
		return l.c.fatalUnlessRefused(l.c.classify(op, st, atFolder))
	}
	return l.whole()
}

// run runs one command, in one flight with the introduction where that is still to come, and with commands before it
// whose answers do not matter.
func (l *lister) run(op string, cmd *command, before ...*command) (status, error) {
	cmds := append(append(l.c.introduction(), before...), cmd)
	answers, err := l.c.runWindow(op, cmds, len(cmds), l.take)
	if err != nil {
		return status{}, err
	}
	l.c.introduced = true
	return answers[len(cmds)-1], nil
}

// whole refuses a list with a line that could not be read: a folder would be left behind unseen.
func (l *lister) whole() error {
	if l.spoiled == 0 {
		return nil
	}
	return &mail.Error{Op: "list folders", Kind: mail.Refused, Code: mail.CodeIMAPProtocol,
		Err: errors.New("the server lists a folder in a way that can't be read")}
}

func (c *client) listReturn() string {
	if !c.caps.implied("LIST-EXTENDED") {
		return ""
	}
	ret := ""
	if c.caps.implied("SPECIAL-USE") {
		ret = "SPECIAL-USE"
	}
	if c.caps.implied("LIST-STATUS") {
		if ret != "" {
			ret += " "
		}
		ret += "STATUS " + c.statusItems()
	}
	if ret == "" {
		return ""
	}
	return " RETURN (" + ret + ")"
}

// fill gives each folder its status and asks for those that LIST left out. A folder whose STATUS is refused stays in
// the list without one: opening it will tell why.
func (l *lister) fill(folders []mail.Folder) error {
	var cmds []*command
	for _, f := range folders {
		if _, known := l.statusOf(f); !known && !f.NoSelect {
			cmds = append(cmds, newCommand("STATUS").astring(f.Raw).raw(l.c.statusItems()))
		}
	}
	if len(cmds) > 0 {
		if _, err := l.c.runWindow("ask for folder status", cmds, statusWindow, l.take); err != nil {
			return err
		}
	}
	for i := range folders {
		if !folders[i].NoSelect {
			folders[i].Status, _ = l.statusOf(folders[i])
		}
	}
	return nil
}

// find lists one folder by its raw name, and tells whether it is there. Commands to be sent before it in the same flight
// are those whose answers do not matter.
func (c *client) find(raw string, before ...*command) (mail.Folder, bool, error) {
	l := c.newLister()
	cmd := newCommand("LIST").raw(`""`).astring(raw)
	if ret := c.listReturn(); ret != "" {
		cmd.raw(ret[1:])
	}
	st, err := l.run("find folder", cmd, before...)
	if err != nil {
		return mail.Folder{}, false, err
	}
	if st.verb != "OK" {
		return mail.Folder{}, false, c.fatalUnlessRefused(c.classify("find folder", st, atFolder))
	}
	want := c.spaces.path(raw, c.spaces.delim)
	at := slices.IndexFunc(l.entries, func(e listed) bool {
		there := c.spaces.path(e.raw, e.delim)
		return !e.has(`\nonexistent`) && (slices.Equal(there, want) ||
			c.opts.Habits.Names.FoldCase && slices.EqualFunc(there, want, strings.EqualFold))
	})
	if at < 0 {
		return mail.Folder{}, false, nil
	}
	found := []mail.Folder{c.folder(l.entries[at])}
	err = l.fill(found)
	return found[0], true, err
}
