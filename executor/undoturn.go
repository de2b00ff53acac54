package executor

import (
	"context"
	"errors"
	"time"

	"mailhaul/state/mail"
)

// inTurn does the work when there is room for the mailbox at both servers. One that a server turns away, because others
// have the connections, comes back when it is its turn: nothing has been found out or changed by then.
func (u *undoRun) inTurn(ctx context.Context, work func(*undoRun, context.Context) error) (err error) {
	m := u.out.Mailbox
	u.guest, err = u.Limits.guest(ctx, m.Name, [2]string{SideSource, m.SourceEndpoint}, [2]string{SideDestination, m.DestinationEndpoint})
	for err == nil {
		if err = u.Limits.enter(ctx, u.Stop, u.guest, u.crowded); err != nil {
			return u.unreached(ctx, err)
		}
		err = work(u, ctx)
		u.close()
		u.Limits.leave(u.guest)
		if !turnedAway(err) {
			return err
		}
		err = nil
	}
	return err
}

// judge lets the mailbox wait for its turn where others have the connections, until it has begun: from then on it waits as
// for any server that is away.
func (u *undoRun) judge(endpoint string, err error) error {
	if err == nil || u.begun {
		return err
	}
	return u.Limits.judge(u.guest, endpoint, err)
}

// crowded tells that the mailbox waits for its turn.
func (u *undoRun) crowded(side, said string, d time.Duration) {
	u.waiting(u.out.Mailbox.Name, side)(&mail.Error{Op: "connect", Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Text: said}, d)
}

// unreached names what was chosen and not come to, because the undo was stopped before it was the mailbox's turn.
func (u *undoRun) unreached(ctx context.Context, why error) error {
	if !errors.Is(why, errStopped) || !u.out.work {
		return why
	}
	for folder, uids := range u.out.chosen {
		rows, err := u.Ledger.Rows(ctx, folder, uids)
		if err != nil {
			return err
		}
		for i := range rows {
			u.keep(KeptUnfinished, &rows[i])
		}
	}
	return why
}

// tellLowered tells that fewer connections are used from now on.
func (o UndoOptions) tellLowered(l lowered) {
	if o.Events != nil {
		o.Events(ConnectionsLowered{Stamp: Stamp{Time: time.Now(), Run: o.Run.ID}, Endpoint: l.endpoint, Mailbox: l.mailbox,
			Most: l.most, Text: l.said, Again: l.again})
	}
}

// tellSilence tells that a server is waited for that says nothing.
func (o UndoOptions) tellSilence(w Waiting) {
	if o.Events != nil {
		w.Stamp = Stamp{Time: time.Now(), Run: o.Run.ID}
		o.Events(w)
	}
}
