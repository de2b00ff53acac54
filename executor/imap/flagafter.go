package imap

import (
	"maps"
	"slices"
	"sync"

	"mailhaul/state/mail"
)

// LateFlags are messages of one mailbox that have landed and lack \Flagged, where APPEND can't be trusted with it. They
// outlive the session: what a lost connection leaves undone the next one does. It is a courtesy that costs one command for
// many messages. Where the answer to an APPEND was lost the executor mends the flags of what it finds; where the process died
// after an answer the flag is lost and the message is not.
// The zero LateFlags are empty; they are safe for use by several goroutines.
type LateFlags struct {
	mu   sync.Mutex
	uids map[lateFolder][]mail.UID
}

type lateFolder struct {
	raw      string
	validity mail.UIDValidity
}

// watch notes the messages of the batch that shall be flagged once they have landed under a known UID.
func (l *LateFlags) watch(f mail.Folder, batch []mail.Outgoing, done func(mail.Appended)) func(mail.Appended) {
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
			l.note(lateFolder{f.Raw, a.UIDValidity}, a.UID)
		}
		done(a)
	}
}

func (l *LateFlags) note(f lateFolder, uids ...mail.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uids == nil {
		l.uids = map[lateFolder][]mail.UID{}
	}
	l.uids[f] = append(l.uids[f], uids...)
}

// take gives what is noted, and forgets it.
func (l *LateFlags) take() map[lateFolder][]mail.UID {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.uids
	l.uids = nil
	return taken
}

// flagNow flags what is noted. What a broken session leaves is noted again.
func (c *client) flagNow(l *LateFlags) error {
	left := l.take()
	for f, uids := range maps.Clone(left) {
		slices.Sort(uids)
		if err := c.flagFolder(f, uids); err != nil {
			for f, uids := range left {
				l.note(f, uids...)
			}
			return err
		}
		delete(left, f)
	}
	return nil
}

// flagFolder flags messages of one folder. A refusal is not worth an error: the messages are there.
func (c *client) flagFolder(f lateFolder, uids []mail.UID) error {
	const op = "set flags"
	folder := mail.Folder{Raw: f.raw, Status: mail.Status{UIDValidity: f.validity}}
	if err := c.choose(op, "SELECT", folder); err != nil || c.valid(op, folder) != nil {
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
