package executor

import (
	"errors"
	"fmt"

	"mailhaul/state/mail"
)

// shutOutError says that a server lets nobody more in, without a word, while it serves other mailboxes.
type shutOutError struct{ error }

// Unwrap gives what happened.
func (e *shutOutError) Unwrap() error { return e.error }

// turnedAway tells whether a mailbox is to come back: because others have the connections, by the server's own word or as
// it seems.
func turnedAway(err error) bool {
	var out *shutOutError
	return isAway(err) || errors.As(err, &out)
}

// wordless makes a shutOutError of a connection that was refused, or ended before the server said anything, where others
// have one to it. Perhaps it takes no more at once, perhaps it is being restarted: so nothing is learnt from it for others,
// and the mailbox is asked for again as usual, but it does not fail as long as the server is there for others. Who signs in
// is not known to the server by then, so it can't be this mailbox that it has trouble with.
func (l *Limits) wordless(g *guest, endpoint string, err error) error {
	e, is := asMail(err)
	if !is || e.Kind != mail.Transient || e.Text != "" || e.Code != mail.CodeIMAPGreeting && e.Code != mail.CodeIMAPConnect {
		return err
	}
	l.mu.Lock()
	others := l.room(endpoint).others(g.mailbox)
	l.mu.Unlock()
	if !others {
		return err
	}
	told := *e
	told.Err = fmt.Errorf("%s; it serves other mailboxes, so it may take no more connections (\"connections\" bounds them)", causeOf(e.Err))
	return &shutOutError{&told}
}
