package executor

import (
	"context"
	"sync"
	"time"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// hurried is the patience of a survey that somebody waits for.
var hurried = Patience{First: time.Second, Longest: 5 * time.Second, Tries: 2}

// vain are the endpoints that were waited for in vain: a server that is away for good must not cost that time again for
// each of its mailboxes.
type vain struct {
	mu        sync.Mutex
	endpoints map[string]bool
}

func (v *vain) has(endpoint string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.endpoints[endpoint]
}

func (v *vain) note(endpoint string, was bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.endpoints[endpoint] = was
}

// endpoint is that of a side of the mailbox.
func (s *surveyor) endpoint(side string) string {
	if side == SideSource {
		return s.mailbox.Row.SourceEndpoint
	}
	return s.mailbox.Row.DestinationEndpoint
}

// patience is how long a side is asked again.
func (s *surveyor) patience(side string) Patience {
	if s.Unattended && (!s.listed || s.vain.has(s.endpoint(side))) {
		return hurried
	}
	return s.Patience
}

// recall finds out whether the mailbox was listed before.
func (s *surveyor) recall(ctx context.Context) error {
	if !s.Unattended || s.Ledger == nil {
		return nil
	}
	row, known, err := s.Ledger.FindMailbox(ctx, s.mailbox.Row.Name, s.mailbox.Row.SourceEndpoint)
	if err != nil || !known {
		return err
	}
	folders, err := s.Ledger.Folders(ctx, row.ID)
	s.listed = len(folders) > 0
	return err
}

// learn notes which sides were waited for in vain. One that answered is waited for again.
func (s *surveyor) learn() {
	away := map[string]bool{}
	for _, p := range []*plan.Problem{s.inv.Problem, s.inv.Also} {
		if p != nil {
			away[p.Side] = passing(mail.ParseKind(p.Kind))
		}
	}
	for _, side := range []string{SideSource, SideDestination} {
		was, told := away[side]
		if told && s.listed || s.inv.Problem == nil {
			s.vain.note(s.endpoint(side), was)
		}
	}
}
