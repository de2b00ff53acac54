package cmd

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"time"

	"mailhaul/config"
)

// A connection that was dialled ahead waits so long for its session: a server hangs up on who does not sign in.
const aheadFor = 5 * time.Second

// ahead is a connection to a server that was dialled before it is needed.
type ahead struct {
	conn   net.Conn
	err    error
	dialed chan struct{} // closed when the two above are there
	until  time.Time
}

// dialAhead connects to the servers of the first mailbox while the state file is made. It is worth it for a project's first
// plan only, for then it is known before that every mailbox is due. Who signs in first takes the connection.
func (e *endpoints) dialAhead(ctx context.Context, state string, mailboxes []*config.Mailbox) {
	if _, err := os.Stat(state); !errors.Is(err, fs.ErrNotExist) || len(mailboxes) == 0 {
		return
	}
	for _, s := range []*server{e.servers[mailboxes[0].From], e.servers[mailboxes[0].To]} {
		if s == nil || s.Microsoft365 != nil || s.ahead.Load() != nil {
			continue // which transport reaches a mailbox of Microsoft 365 is found out later
		}
		a := &ahead{dialed: make(chan struct{}), until: time.Now().Add(aheadFor)}
		s.ahead.Store(a)
		go a.dial(ctx, s.options(config.Login{}, nil).Address())
		time.AfterFunc(aheadFor, func() {
			if s.ahead.CompareAndSwap(a, nil) {
				a.hangUp()
			}
		})
	}
}

func (a *ahead) dial(ctx context.Context, address string) {
	defer close(a.dialed)
	ctx, cancel := context.WithDeadline(ctx, a.until)
	defer cancel()
	a.conn, a.err = new(net.Dialer).DialContext(ctx, "tcp", address)
}

// dial is imap.Options.Dial: it takes the connection that was dialled ahead, if there is one.
func (s *server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if a := s.ahead.Swap(nil); a != nil {
		select {
		case <-a.dialed:
		case <-ctx.Done():
			go a.hangUp()
			return nil, ctx.Err()
		}
		if a.err == nil && time.Now().Before(a.until) {
			return a.conn, nil
		}
		a.hangUp()
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// hangUp gives up a connection that nobody takes.
func (a *ahead) hangUp() {
	if <-a.dialed; a.conn != nil {
		_ = a.conn.Close() // nothing was said on it
	}
}
