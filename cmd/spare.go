package cmd

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"mailhaul/config"
	"mailhaul/executor"
)

// reserve keeps so many connections of each server for mailboxes that begin; the others are for Further.
func (e *endpoints) reserve(mailboxes int) {
	for _, s := range e.servers {
		s.spare = s.Connections
	}
	sides := map[*server]int{}
	for _, m := range e.mailboxes {
		from, to := e.servers[m.From], e.servers[m.To]
		sides[from] = max(sides[from], 1)
		sides[to] = max(sides[to], 1)
		if from == to {
			sides[from] = 2
		}
	}
	for s, n := range sides {
		s.spare = max(0, s.Connections-n*mailboxes)
	}
}

// Further opens one more session on each side, where per_mailbox, connections and what the servers have shown to take leave
// room for it. A refusal teaches how many that are (open), so that the next one is tried after a quiet while.
func (e *endpoints) Further(ctx context.Context, mailbox string) (executor.Source, executor.Destination, bool) {
	m, err := e.find(mailbox)
	if err != nil || !e.takeSpare(m) {
		return nil, nil, false
	}
	var src executor.Source
	var dst executor.Destination
	var g errgroup.Group
	g.Go(func() (err error) { src, err = e.Source(ctx, mailbox); return err })
	g.Go(func() (err error) { dst, err = e.Destination(ctx, mailbox); return err })
	if err := g.Wait(); err != nil {
		e.unused(m, src, dst)
		return nil, nil, false
	}
	open := &atomic.Int32{}
	open.Store(2)
	back := func() {
		if open.Add(-1) == 0 {
			e.giveSpare(m)
		}
	}
	return &furtherSource{src, sync.OnceFunc(back)}, &further{dst, sync.OnceFunc(back)}, true
}

// takeSpare takes a connection on each side for the mailbox.
func (e *endpoints) takeSpare(m *config.Mailbox) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	from, to := e.servers[m.From], e.servers[m.To]
	need := 1
	if from == to {
		need = 2
	}
	if e.more[m] >= min(m.From.PerMailbox, m.To.PerMailbox)-1 || e.spareOf(from, m) < need || e.spareOf(to, m) < need {
		return false
	}
	e.changeSpare(m, 1)
	return true
}

// spareOf is how many connections of a server the mailbox may take beside those it has.
func (e *endpoints) spareOf(s *server, m *config.Mailbox) int {
	if !e.limits.Beside(s.Ref(), m.Name()) {
		return 0
	}
	return s.spare - (s.Connections - e.limits.Allowed(s.Ref()))
}

// changeSpare takes n connections on each side for the mailbox, or gives them back. The lock is held.
func (e *endpoints) changeSpare(m *config.Mailbox, n int) {
	for _, block := range []*config.Endpoint{m.From, m.To} {
		e.servers[block].spare -= n
		e.limits.Further(block.Ref(), n)
	}
	e.more[m] += n
}

func (e *endpoints) giveSpare(m *config.Mailbox) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changeSpare(m, -1)
}

// unused ends a pair of sessions of which one was refused.
func (e *endpoints) unused(m *config.Mailbox, src executor.Source, dst executor.Destination) {
	if src != nil {
		_ = src.Close() // it was not used
	}
	if dst != nil {
		_ = dst.Close() // likewise
	}
	e.giveSpare(m)
}

// further is a destination that was opened beside the mailbox's first one.
type further struct {
	executor.Destination
	back func()
}

// Close ends the session; with its pair's second one both connections are given back.
func (f *further) Close() error {
	defer f.back()
	return f.Destination.Close()
}

// furtherSource is the other half of its pair.
type furtherSource struct {
	executor.Source
	back func()
}

// Close is like that of further.
func (f *furtherSource) Close() error {
	defer f.back()
	return f.Source.Close()
}
