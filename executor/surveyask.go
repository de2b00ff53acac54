package executor

import (
	"context"
	"sync"
	"time"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// ask gives the inventory; what went wrong with the mailbox is in it. A mailbox that a server turns away comes back when
// others have left.
func (s *surveyor) ask(ctx context.Context) (plan.Inventory, error) {
	row := &s.mailbox.Row
	var sides [][2]string
	if !s.DestinationOnly {
		sides = append(sides, [2]string{SideSource, row.SourceEndpoint})
	}
	if !s.SourceOnly {
		sides = append(sides, [2]string{SideDestination, row.DestinationEndpoint})
	}
	if err := s.recall(ctx); err != nil {
		return s.inv, err
	}
	guest, err := s.Limits.guest(ctx, row.Name, sides...)
	for err == nil {
		if err = s.Limits.enter(ctx, nil, guest, s.crowded); err != nil {
			break
		}
		inv, err := s.onceOver(ctx, guest)
		s.Limits.leave(guest)
		if !turnedAway(err) {
			return inv, err
		}
		s.Park.fill() // parked sessions are what others wait for
	}
	return s.inv, err
}

// crowded tells that the mailbox waits for its turn. Parked sessions would keep it waiting.
func (s *surveyor) crowded(side, said string, d time.Duration) {
	s.Park.fill()
	s.waiting(side)(&mail.Error{Op: "connect", Kind: mail.Throttled, Code: mail.CodeIMAPConnections, Text: said}, d)
}

// onceOver asks both sides. An awayError says that nothing was found out.
func (s *surveyor) onceOver(ctx context.Context, g *guest) (plan.Inventory, error) {
	s.inv, s.also = plan.Inventory{Mailbox: s.mailbox.Row.Name, FlagChanges: map[string]int64{}}, nil
	name := s.mailbox.Row.Name
	s.src = retryingSource{reader[Source]{newSession(s.patience(SideSource), nil,
		func(ctx context.Context) (Source, error) {
			src, err := s.Endpoints.Source(ctx, name)
			return src, s.Limits.judge(g, s.mailbox.Row.SourceEndpoint, err)
		}, s.waiting(SideSource))}}
	s.dst = retryingDestination{reader[Destination]{newSession(s.patience(SideDestination), nil,
		func(ctx context.Context) (Destination, error) {
			dst, err := s.Endpoints.Destination(ctx, name)
			return dst, s.Limits.judge(g, s.mailbox.Row.DestinationEndpoint, err)
		}, s.waiting(SideDestination))}}
	defer closeBoth(s.src, s.dst)
	err := s.sides(ctx)
	if err == nil && s.List && s.Ledger != nil {
		err = s.list(ctx)
	}
	if err == nil {
		s.learn()
		if s.Park != nil {
			s.Park.park(name, s.src, s.dst, s.inv.Destination)
		}
		return s.inv, nil
	}
	switch {
	case turnedAway(s.also):
		return s.inv, s.also
	case turnedAway(err), ctx.Err() != nil, mail.KindOf(err) == mail.Internal:
		return s.inv, err
	}
	s.inv.Problem = problem(err)
	if s.also != nil {
		s.inv.Also = problem(s.also)
	}
	s.learn()
	return s.inv, nil
}

// tellLowered gives what hears of fewer connections.
func (o *SurveyOptions) tellLowered(mu *sync.Mutex) func(lowered) {
	return func(l lowered) {
		if o.Events == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		o.Events(ConnectionsLowered{Stamp: Stamp{Time: o.Now()}, Endpoint: l.endpoint, Mailbox: l.mailbox, Most: l.most,
			Text: l.said, Again: l.again})
	}
}
