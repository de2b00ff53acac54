package cmd

import (
	"context"
	"fmt"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// Eraser opens the mailbox for an undo. Over EWS and Graph a message is named by an id that moving changes or keeps, and
// deleting takes no condition that it be unchanged: what was looked at a moment ago may be another state of it.
func (e *endpoints) Eraser(ctx context.Context, mailbox string) (executor.Eraser, error) {
	m, err := e.find(mailbox)
	if err != nil {
		return nil, err
	}
	s := e.servers[m.To]
	if s.Microsoft365 != nil {
		list, err := e.candidates(ctx, s, m)
		if err != nil {
			return nil, err
		}
		if by := list[0].transport; by != config.TransportIMAP {
			return nil, &mail.Error{Op: "take mail back", Kind: mail.Refused, Code: mail.CodeM365Undo,
				Text: fmt.Sprintf("by %q mailhaul can't remove exactly what it wrote; nothing was removed", by)}
		}
	}
	return open(ctx, s, mailbox, func() (executor.Eraser, error) {
		o := s.options(m.Destination, e.traces.open("undo", mailbox))
		o.Silent = s.silent(mailbox, executor.SideDestination)
		session, err := imap.DialEraser(ctx, o)
		if err != nil {
			return nil, err
		}
		return &eraser{session, s.leave(mailbox)}, nil
	})
}

// eraser is a session that counts against its server's connections.
type eraser struct {
	*imap.Eraser
	leave func()
}

// Close ends the session and gives its connection back.
func (e *eraser) Close() error {
	defer e.leave()
	return e.Eraser.Close()
}
