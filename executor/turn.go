package executor

import (
	"cmp"
	"context"
	"time"

	"mailhaul/state/mail"
)

// carryOut does the mailbox's work when there is room for it at both servers. One that a server turns away, because others
// have the connections, leaves the other server too and comes back when it is its turn.
func (m *mailboxRun) carryOut(ctx context.Context) (err error) {
	if err := m.begun(ctx); err != nil {
		return err
	}
	m.emit(MailboxStarted{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Destination: m.mailbox.Destination,
		Transport: m.mailbox.Via, Planned: m.mailbox.Todo})
	m.add(func(*Outcome) { m.atWork++ })
	defer m.add(func(*Outcome) { m.atWork-- })
	m.guest, err = m.Limits.guest(ctx, m.mailbox.Name, [2]string{SideSource, m.mailbox.SourceEndpoint},
		[2]string{SideDestination, m.mailbox.DestinationEndpoint})
	for err == nil {
		if err = m.Limits.enter(ctx, m.Stop, m.guest, m.crowded); err != nil {
			return err
		}
		err = m.onceOver(ctx)
		m.Limits.leave(m.guest)
		if !turnedAway(err) {
			return cmp.Or(m.Limits.keep(context.WithoutCancel(ctx), m.Ledger), err)
		}
		m.again()
		err = nil
	}
	return err
}

// onceOver opens both sides and copies folder by folder.
func (m *mailboxRun) onceOver(ctx context.Context) error {
	m.connect()
	defer closeBoth(m.src, m.dst)
	err := m.inventory(ctx)
	if err == nil {
		err = m.finishUndo(ctx)
	}
	if err != nil {
		return err
	}
	if err = m.attempts(ctx); !turnedAway(err) {
		m.reportLeftOut()
	}
	return err
}

// again makes the mailbox ready to be done once more. What was copied so far counts; a retry tries anew what failed.
func (m *mailboxRun) again() {
	c := m.common
	m.common = &common{slowest: c.slowest, throttled: c.throttled, copied: c.copied, adopted: c.adopted, failed: c.failed,
		flagsChanged: c.flagsChanged, amended: c.amended}
	if m.plan.Pass.Kind == kindRetry {
		m.forgive()
	}
}

// crowded tells that the mailbox waits for its turn.
func (m *mailboxRun) crowded(side, said string, d time.Duration) {
	m.emit(Waiting{Stamp: m.stamp(), Mailbox: m.mailbox.Name, Side: side, Code: mail.CodeIMAPConnections, Kind: mail.Throttled,
		Text: said, Wait: d})
}

func (m *mailboxRun) connect() {
	m.src = retryingSource{reader[Source]{newSession(m.Patience, m.Stop,
		func(ctx context.Context) (Source, error) {
			s, err := m.Parked.Source(ctx, m.mailbox.Name)
			if err != nil {
				return nil, m.Limits.judge(m.guest, m.mailbox.SourceEndpoint, err)
			}
			return m.pacedSource(ctx, s)
		}, m.waiting(SideSource))}}
	m.dst = retryingDestination{reader[Destination]{newSession(m.Patience, m.Stop,
		func(ctx context.Context) (Destination, error) {
			d, err := m.Parked.Destination(ctx, m.mailbox.Name)
			if err != nil {
				return nil, m.Limits.judge(m.guest, m.mailbox.DestinationEndpoint, err)
			}
			return m.paced(ctx, d)
		}, m.waiting(SideDestination))}}
}
