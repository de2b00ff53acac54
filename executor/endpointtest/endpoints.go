package endpointtest

import (
	"context"
	"sync"

	"mailhaul/executor"
	"mailhaul/state/mail"
)

// Endpoints gives Stores by the name of their mailbox. It implements executor.Endpoints. The maps are not to be changed
// while it is in use.
type Endpoints struct {
	// Sources and Destinations hold the mailboxes; Destinations are looked up by the name the caller gives too.
	Sources, Destinations map[string]*Store
	// Connections bounds the open sessions of each side; zero: no bound.
	Connections int
	// PerMailbox is how many sessions a mailbox may have on each side; zero and one: no further one.
	PerMailbox int

	mu      sync.Mutex
	further int // sessions given by Further and not closed
	slots   map[string]chan struct{}
}

// NewEndpoints makes an empty source and an empty destination for each name.
func NewEndpoints(mailboxes ...string) *Endpoints {
	e := &Endpoints{Sources: make(map[string]*Store), Destinations: make(map[string]*Store)}
	for _, m := range mailboxes {
		e.Sources[m], e.Destinations[m] = NewStore(), NewStore()
	}
	return e
}

// Source opens a session of the named mailbox, which an unknown name refuses as a server refuses a sign-in.
func (e *Endpoints) Source(ctx context.Context, mailbox string) (executor.Source, error) {
	release, err := e.acquire(ctx, "source")
	if err != nil {
		return nil, err
	}
	s, err := open(e.Sources, mailbox, (*Store).Source)
	if err != nil {
		release()
		return nil, err
	}
	return &countedSource{Source: s, release: release}, nil
}

// Destination is like Source.
func (e *Endpoints) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	release, err := e.acquire(ctx, "destination")
	if err != nil {
		return nil, err
	}
	d, err := open(e.Destinations, mailbox, (*Store).Destination)
	if err != nil {
		release()
		return nil, err
	}
	return &countedDestination{Destination: d, release: release}, nil
}

// Further opens one more session on each side as long as PerMailbox allows.
func (e *Endpoints) Further(_ context.Context, mailbox string) (executor.Source, executor.Destination, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.further >= e.PerMailbox-1 {
		return nil, nil, false
	}
	src, err := open(e.Sources, mailbox, (*Store).Source)
	if err != nil {
		return nil, nil, false
	}
	dst, err := open(e.Destinations, mailbox, (*Store).Destination)
	if err != nil {
		_ = src.Close() // it was not used
		return nil, nil, false
	}
	e.further++
	back := sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.further--
	})
	return src, &countedDestination{Destination: dst, release: back}, true
}

func open[T any](stores map[string]*Store, mailbox string, side func(*Store) (T, error)) (T, error) {
	s := stores[mailbox]
	if s == nil {
		var none T
		return none, &mail.Error{Op: "sign in", Kind: mail.Auth, Code: mail.CodeIMAPLogin, Text: "no such user"}
	}
	return side(s)
}

// acquire takes one connection of a side and gives the function that releases it.
func (e *Endpoints) acquire(ctx context.Context, side string) (func(), error) {
	if e.Connections == 0 {
		return func() {}, nil
	}
	e.mu.Lock()
	if e.slots == nil {
		e.slots = map[string]chan struct{}{
			"source": make(chan struct{}, e.Connections), "destination": make(chan struct{}, e.Connections)}
	}
	slot := e.slots[side]
	e.mu.Unlock()
	select {
	case slot <- struct{}{}:
		var once sync.Once
		return func() { once.Do(func() { <-slot }) }, nil
	case <-ctx.Done():
		return nil, &mail.Error{Op: "connect", Kind: mail.Transient, Code: mail.CodeIMAPConnect, Err: ctx.Err()}
	}
}

type countedSource struct {
	executor.Source
	release func()
}

func (c *countedSource) Close() error {
	defer c.release()
	return c.Source.Close()
}

type countedDestination struct {
	executor.Destination
	release func()
}

func (c *countedDestination) Close() error {
	defer c.release()
	return c.Destination.Close()
}

// Misuse gathers that of all mailboxes.
func (e *Endpoints) Misuse() []string {
	var all []string
	for _, stores := range []map[string]*Store{e.Sources, e.Destinations} {
		for name, s := range stores {
			for _, m := range s.Misuse() {
				all = append(all, name+": "+m)
			}
		}
	}
	return all
}
