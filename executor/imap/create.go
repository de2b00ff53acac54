package imap

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"mailhaul/state/mail"
)

var errClosed = net.ErrClosed

func join(words []string) string { return strings.Join(words, " ") }

// Create makes a folder and the levels above it. Whether that worked is judged by listing the folder, never by the
// answers: "exists already" has many words, and some servers make the levels above by themselves.
func (d *Destination) Create(ctx context.Context, path mail.Path, role mail.Role) (mail.Folder, error) {
	const op = "create folder"
	leave, err := d.settled(ctx, op)
	if err != nil {
		return mail.Folder{}, err
	}
	defer leave()
	f, err := d.c.create(op, path, role)
	return f, d.c.reason(ctx, err)
}

func (c *client) create(op string, path mail.Path, role mail.Role) (mail.Folder, error) {
	if err := c.introduce(); err != nil {
		return mail.Folder{}, err
	}
	raw, err := c.spaces.raw(path)
	if err != nil {
		return mail.Folder{}, err
	}
	cmds, names, err := c.createCommands(path, role)
	if err != nil {
		return mail.Folder{}, err
	}
	if len(cmds) == 0 { // INBOX
		f, _, err := c.find(raw)
		return f, err
	}
	if c.opts.Habits.CountsErrors {
		if cmds, names, err = c.absent(op, cmds, names); err != nil {
			return mail.Folder{}, err
		}
	}
	answers, err := c.runWindow(op, cmds, len(cmds), nil)
	if err != nil {
		return mail.Folder{}, err
	}
	last := status{verb: "OK"}
	if len(answers) > 0 {
		last = answers[len(answers)-1]
	}
	f, there, err := c.find(raw, subscriptions(names, answers)...)
	switch {
	case err != nil:
		return f, err
	case there && !f.NoSelect:
		return f, nil
	case last.verb != "OK":
		return f, c.fatalUnlessRefused(c.classify(op, last, atFolder))
	case there:
		return f, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeIMAPFolder, Err: errors.New("the folder can hold no messages")}
	}
	return f, &mail.Error{Op: op, Kind: mail.Refused, Code: mail.CodeIMAPFolder, Err: errors.New("the server made the folder and does not list it")}
}

// createCommands makes the levels top down. INBOX is there always.
func (c *client) createCommands(path mail.Path, role mail.Role) (cmds []*command, names []string, err error) {
	for i := range path {
		part := path[:i+1]
		if part.IsInbox() {
			continue
		}
		raw, err := c.spaces.raw(part)
		if err != nil {
			return nil, nil, err
		}
		if use := specialUse[role]; use != "" && i == len(path)-1 && c.caps.has("CREATE-SPECIAL-USE") {
			// A second folder of the same use may be refused (RFC 6154, 3); then the plain command behind it counts.
			cmds = append(cmds, newCommand("CREATE").astring(raw).raw("(USE ("+use+"))"))
			names = append(names, raw)
		}
		cmds = append(cmds, newCommand("CREATE").astring(raw))
		names = append(names, raw)
	}
	return cmds, names, nil
}

// absent leaves out the levels that are there: making one again would be an error.
func (c *client) absent(op string, cmds []*command, names []string) (left []*command, missing []string, err error) {
	l := c.newLister()
	var asks []*command
	for _, name := range names {
		asks = append(asks, newCommand("LIST").raw(`""`).astring(name))
	}
	if _, err := c.runWindow(op, asks, len(asks), l.take); err != nil {
		return nil, nil, err
	}
	there := func(name string) bool {
		return slices.ContainsFunc(l.entries, func(e listed) bool {
			return !e.has(`\nonexistent`) && (e.raw == name || c.opts.Habits.Names.FoldCase && strings.EqualFold(e.raw, name))
		})
	}
	for i, name := range names {
		if !there(name) {
			left, missing = append(left, cmds[i]), append(missing, name)
		}
	}
	return left, missing, nil
}

var specialUse = map[mail.Role]string{
	mail.RoleArchive: `\Archive`, mail.RoleDrafts: `\Drafts`, mail.RoleJunk: `\Junk`, mail.RoleSent: `\Sent`,
	mail.RoleTrash: `\Trash`, mail.RoleFlagged: `\Flagged`,
}

// subscriptions make new folders visible in clients that show subscribed ones only. A refusal does not matter.
func subscriptions(names []string, answers []status) []*command {
	var cmds []*command
	for i, st := range answers {
		if st.verb == "OK" {
			cmds = append(cmds, newCommand("SUBSCRIBE").astring(names[i]))
		}
	}
	return cmds
}

// Limits tells what this mailbox takes.
func (d *Destination) Limits(ctx context.Context) (mail.Limits, error) {
	const op = "ask for limits"
	leave, err := d.settled(ctx, op)
	if err != nil {
		return mail.Limits{}, err
	}
	defer leave()
	l, err := d.c.limits(op)
	return l, d.c.reason(ctx, err)
}

func (c *client) limits(op string) (mail.Limits, error) {
	if err := c.introduce(); err != nil {
		return mail.Limits{}, err
	}
	h := c.opts.Habits
	l := mail.Limits{KeepsBytes: !h.Rewrites, LosesFlagged: h.FlagAfter, SignIn: c.method, Names: h.Names, MaxMessage: h.MaxMessage}
	l.Names.Delimiter = c.spaces.delim
	if text, found := c.caps.value("APPENDLIMIT"); found {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
			l.MaxMessage = mail.Size(n)
		}
	}
	if !c.caps.has("QUOTA") {
		return l, nil
	}
	// A refusal only means that nothing is known of the quota.
	_, err := c.run(op, newCommand("GETQUOTAROOT").astring("INBOX"), func(r *response) error {
		if r.verb == "QUOTA" {
			takeQuota(r.data, &l)
		}
		return nil
	})
	return l, err
}

// takeQuota counts what is left of the storage; of several roots the fullest counts.
func takeQuota(s *scanner, l *mail.Limits) {
	for _, q := range parseQuota(s) {
		left := max(0, mail.Size(q.Limit-q.Used)) * mail.KiB
		if q.Resource == "STORAGE" && (!l.QuotaKnown || left < l.QuotaLeft) {
			l.QuotaKnown, l.QuotaLeft = true, left
		}
	}
}

// Quota is one limit of a mailbox. STORAGE is in units of 1024 octets, MESSAGE in messages (RFC 9208, 5).
type Quota struct {
	Root        string
	Resource    string // upper case
	Used, Limit int64
}

// parseQuota reads "root (RESOURCE usage limit ...)".
func parseQuota(s *scanner) []Quota {
	root := string(s.text(s.next()))
	if s.next().kind != tokOpen {
		return nil
	}
	var all []Quota
	for t := s.next(); t.kind == tokAtom || t.kind == tokQuoted; t = s.next() {
		q := Quota{Root: root, Resource: strings.ToUpper(string(t.text))}
		var errUsed, errLimit error
		q.Used, errUsed = strconv.ParseInt(string(s.next().text), 10, 53)
		q.Limit, errLimit = strconv.ParseInt(string(s.next().text), 10, 53)
		if errUsed == nil && errLimit == nil {
			all = append(all, q)
		}
	}
	return all
}
