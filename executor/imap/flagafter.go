package imap

import (
	"slices"
	"sync"

	"mailhaul/state/mail"
)

// flagLater are messages that have landed and lack \Flagged, where APPEND can't be trusted with it. It is a courtesy that
// costs one command for many messages: what a lost connection takes away is the flag, and never the message.
type flagLater struct {
	mu     sync.Mutex // done comes from another goroutine
	folder mail.Folder
	uids   []mail.UID
}

// watch notes the messages of the batch that shall be flagged once they have landed under a known UID.
func (l *flagLater) watch(f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) func(mail.Appended) {
	flagged := map[int64]bool{}
	for _, m := range batch {
		if m.Flags.System&mail.Flagged != 0 {
			flagged[m.ID] = true
		}
	}
	if len(flagged) == 0 {
		return done
	}
	return func(a mail.Appended) {
		if a.Outcome == mail.Landed && a.UID != 0 && flagged[a.ID] {
			l.note(f, a)
		}
		done(a)
	}
}

// note files one message. Those of another folder, which nobody has drained, are given up.
func (l *flagLater) note(f mail.Folder, a mail.Appended) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.folder.Raw != f.Raw || l.folder.Status.UIDValidity != a.UIDValidity {
		l.folder, l.uids = f, nil
		l.folder.Status.UIDValidity = a.UIDValidity
	}
	l.uids = append(l.uids, a.UID)
}

func (l *flagLater) take() (mail.Folder, []mail.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	uids := l.uids
	l.uids = nil
	slices.Sort(uids)
	return l.folder, uids
}

// flagNow flags what is noted. A refusal is not worth an error: the message is there.
func (c *client) flagNow(l *flagLater) error {
	const op = "set flags"
	f, uids := l.take()
	if len(uids) == 0 {
		return nil
	}
	if err := c.choose(op, "SELECT", f); err != nil || c.valid(op, f) != nil {
		return unlessRefused(err)
	}
	var cmds []*command
	for _, set := range uidSets(uids) {
		cmds = append(cmds, newCommand("UID STORE").raw(set+` +FLAGS.SILENT (\Flagged)`))
	}
	_, err := c.runWindow(op, cmds, storeWindow, nil)
	return err
}

// unlessRefused keeps errors that end the session.
func unlessRefused(err error) error {
	switch mail.KindOf(err) {
	case mail.Refused, mail.Stale, mail.Gone:
		return nil
	}
	return err
}
