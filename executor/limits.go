package executor

import (
	"context"
	"sync"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// Limits are what each endpoint and each mailbox takes, as the configuration bounds it and as servers have shown: messages
// and octets in a time (pace.go), and connections at once (room.go). One Limits serves the survey and the run of a command;
// it is safe for use by several goroutines.
type Limits struct {
	now      func() time.Time
	least    time.Duration // the shortest time that counts as asked for
	quiet    time.Duration // after so much time without a refusal one connection more is tried
	memory   Memory
	ceilings map[string]Ceiling

	mu      sync.Mutex
	flows   map[string]*flow
	ended   map[string]refusal // the last one of each endpoint
	rooms   map[string]*room
	asked   map[string]bool // scopes of rooms that the memory was asked for
	queue   []*guest
	changed chan struct{} // closed when somebody may have room now
	told    func(lowered)

	mute  map[string]bool // endpoints of whose silence was told
	still sync.Mutex      // guards hears, and is held while it is told
	hears func(Waiting)
}

// Ceiling is what the configuration allows of an endpoint; zero fields: no bound.
type Ceiling struct {
	Connections       int
	MessagesPerSecond int
}

// Memory is where Limits find what an earlier run has learnt; a Ledger is one, nil knows nothing.
type Memory interface {
	Pace(ctx context.Context, scope string, of state.Measure) (state.Pace, error)
}

// Quiet is how long a server must refuse no connection before one more than it has shown to take is tried, the first time.
const Quiet = 5 * time.Minute

// NewLimits begins with the ceilings of endpoints, by their names, and with what the memory knows.
func NewLimits(memory Memory, ceilings map[string]Ceiling) *Limits {
	return newLimits(memory, ceilings, time.Now, time.Second)
}

func newLimits(memory Memory, ceilings map[string]Ceiling, now func() time.Time, least time.Duration) *Limits {
	return &Limits{now: now, least: least, quiet: Quiet, memory: memory, ceilings: ceilings, flows: map[string]*flow{},
		ended: map[string]refusal{}, rooms: map[string]*room{}, asked: map[string]bool{}, changed: make(chan struct{}), told: func(lowered) {},
		mute: map[string]bool{}}
}

// listen says who is told of limits that were lowered.
func (l *Limits) listen(told func(lowered)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = told
}

// listenSilence says who is told of servers that are waited for in silence; nil: nobody any more.
func (l *Limits) listenSilence(hears func(Waiting)) {
	l.still.Lock()
	defer l.still.Unlock()
	l.hears = hears
}

// Silent tells that a server says nothing to a mailbox that wants a connection, and is waited for so long still: once for
// each endpoint, until it gives one again.
func (l *Limits) Silent(endpoint, mailbox, side string, left time.Duration) {
	l.mu.Lock()
	known := l.mute[endpoint]
	l.mute[endpoint] = true
	l.mu.Unlock()
	l.still.Lock()
	defer l.still.Unlock()
	if !known && l.hears != nil {
		l.hears(Waiting{Mailbox: mailbox, Side: side, Code: mail.CodeIMAPTimeout, Kind: mail.Transient,
			Text: "the server says nothing", Wait: left})
	}
}

// refusal is when a mailbox was refused, and how long that counts.
type refusal struct {
	mailbox string
	until   time.Time
}

// flow gives the paces of a scope, as another run has left them.
func (l *Limits) flow(ctx context.Context, scope string, perSecond int) (*flow, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.flows[scope]; f != nil {
		return f, nil
	}
	f := &flow{newPace(l.now, l.least, state.Messages, float64(perSecond)), newPace(l.now, l.least, state.Octets, 0)}
	for _, p := range []*pace{f.messages, f.octets} {
		if l.memory == nil {
			break
		}
		known, err := l.memory.Pace(ctx, scope, p.of)
		if err != nil {
			return nil, err
		}
		p.recall(known)
	}
	l.flows[scope] = f
	return f, nil
}

// shared tells whether another mailbox of the endpoint was refused a short while ago.
func (l *Limits) shared(endpoint, mailbox string, wait time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, last := l.now(), l.ended[endpoint]
	l.ended[endpoint] = refusal{mailbox, now.Add(4 * max(wait, l.least))}
	return last.mailbox != "" && last.mailbox != mailbox && now.Before(last.until)
}

// keep writes down what was learnt since it was last called.
func (l *Limits) keep(ctx context.Context, to Ledger) error {
	for _, lesson := range l.lessons() {
		if err := to.PutPace(ctx, lesson); err != nil {
			return err
		}
	}
	return nil
}

func (l *Limits) lessons() []state.Pace {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []state.Pace
	for scope, f := range l.flows {
		for _, p := range []*pace{f.messages, f.octets} {
			if lesson, is := p.lesson(scope); is {
				all = append(all, lesson)
			}
		}
	}
	for scope, r := range l.rooms {
		if lesson, is := r.lesson(scope, l.now()); is {
			all = append(all, lesson)
		}
	}
	return all
}
