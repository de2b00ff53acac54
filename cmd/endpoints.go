package cmd

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/imap"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// endpoints opens the sessions of a configuration: the one place that turns its blocks into connections.
type endpoints struct {
	mailboxes map[string]*config.Mailbox // by name
	servers   map[*config.Endpoint]*server
	limits    *executor.Limits
	traces    *traces // nil: no trace
	// first is the transport that is tried first, where the configuration has it; empty: as the configuration says.
	first string
	// ledger remembers by which transport a mailbox was written to, and what servers take; nil: nothing is remembered.
	ledger *state.Reader

	mu     sync.Mutex                   // guards what follows, and the servers' spare
	late   map[string]*imap.LateFlags   // by mailbox
	chosen map[string]via               // by destination mailbox
	known  map[string][]state.MailboxID // by destination mailbox; nil: nobody has asked
	more   map[*config.Mailbox]int
}

// newEndpoints prepares the servers; nothing is contacted yet. The traces go into a directory if one is named.
func newEndpoints(cfg *config.Config, traceDir string) (*endpoints, error) {
	e := &endpoints{mailboxes: map[string]*config.Mailbox{}, servers: map[*config.Endpoint]*server{},
		more: map[*config.Mailbox]int{}, late: map[string]*imap.LateFlags{}, chosen: map[string]via{}}
	for _, m := range cfg.Mailboxes {
		e.mailboxes[m.Name()] = m
	}
	e.limits = executor.NewLimits(e, ceilings(cfg))
	for _, block := range cfg.Endpoints {
		s, err := newServer(block)
		if err != nil {
			return nil, err
		}
		s.limits = e.limits
		e.servers[block] = s
	}
	if traceDir == "" {
		return e, nil
	}
	if err := os.MkdirAll(traceDir, 0o700); err != nil {
		return nil, fail("CONFIG-FILE", "the directory for traces can't be made", sentence(err))
	}
	e.traces = &traces{dir: traceDir}
	for _, s := range e.servers {
		s.traces = e.traces
	}
	return e, nil
}

// tellBy says how sentences are shown that can't wait. It must be called before the first session.
func (e *endpoints) tellBy(tell func(string)) {
	for _, s := range e.servers {
		s.tell = tell
	}
}

// Source opens the mailbox for reading.
func (e *endpoints) Source(ctx context.Context, mailbox string) (executor.Source, error) {
	m, err := e.find(mailbox)
	if err != nil {
		return nil, err
	}
	s := e.servers[m.From]
	return open(ctx, s, mailbox, func() (executor.Source, error) {
		o := s.options(m.Source, e.traces.open("source", mailbox))
		o.Silent = s.silent(mailbox, executor.SideSource)
		session, err := imap.DialSource(ctx, o)
		if err != nil {
			return nil, err
		}
		return &source{session, s.leave(mailbox)}, nil
	})
}

// Destination opens the mailbox for writing.
func (e *endpoints) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	m, err := e.find(mailbox)
	if err != nil {
		return nil, err
	}
	s := e.servers[m.To]
	return open(ctx, s, mailbox, func() (executor.Destination, error) {
		session, by, err := e.reach(ctx, s, m)
		if err != nil {
			return nil, err
		}
		return &destination{session, by, s.doubts(by), s.leave(mailbox)}, nil
	})
}

// lateFlags gives what the sessions of a destination mailbox share.
func (e *endpoints) lateFlags(mailbox string) *imap.LateFlags {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.late[mailbox] == nil {
		e.late[mailbox] = &imap.LateFlags{}
	}
	return e.late[mailbox]
}

func (e *endpoints) find(mailbox string) (*config.Mailbox, error) {
	if m := e.mailboxes[mailbox]; m != nil {
		return m, nil
	}
	return nil, &mail.Error{Op: "find mailbox", Kind: mail.Refused, Code: mail.Code(config.CodeReference),
		Text: mailbox + " is not in the configuration"}
}

// open waits for a free connection; a session that can't be opened gives it back.
func open[T any](ctx context.Context, s *server, mailbox string, dial func() (T, error)) (T, error) {
	var none T
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	session, err := dial()
	if err != nil {
		<-s.slots
		err = s.asToken(s.asAdmin(err))
		s.limits.Refused(s.Ref(), mailbox, err)
		return none, err
	}
	return session, nil
}

// asAdmin says of a refused sign-in that it was the administrator's, where one signs in: no user's password is wrong, and a
// limit of connections of "the user" is one for all mailboxes.
func (s *server) asAdmin(err error) error {
	var e *mail.Error
	if s.Admin == nil || s.Microsoft365 != nil || !errors.As(err, &e) {
		return err
	}
	admin := *e
	switch {
	case e.Code == mail.CodeIMAPLogin:
		admin.Code = mail.CodeIMAPAdmin
	case e.Limit == mail.LimitUserConnections && s.Admin.Style != config.StyleDovecotMaster:
		admin.Limit = mail.LimitConnections
	default:
		return err
	}
	return &admin
}

// source is a session that counts against its server's connections.
type source struct {
	*imap.Source
	leave func()
}

// Close ends the session and gives its connection back.
func (s *source) Close() error {
	defer s.leave()
	return s.Source.Close()
}

// destination is a session that counts against its server's connections.
type destination struct {
	executor.Destination
	by    via
	doubt []string // what was found at the sign-in and deserves a look
	leave func()
}

// Limits tells by which transport the mailbox is reached, too.
func (d *destination) Limits(ctx context.Context) (mail.Limits, error) {
	l, err := d.Destination.Limits(ctx)
	l.Transport, l.Why = d.by.transport, d.by.why
	l.Lost = append(slices.Clone(l.Lost), d.doubt...)
	return l, err
}

// Close ends the session and gives its connection back.
func (d *destination) Close() error {
	defer d.leave()
	return d.Destination.Close()
}
