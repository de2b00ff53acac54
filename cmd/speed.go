package cmd

import (
	"context"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
)

// telling is how many seconds of work must have been measured to say something of a night.
const telling = 10

// speed measures how fast mailboxes move while they are at work, for the estimate of later plans.
type speed struct {
	measured state.Rate
	atWork   map[string]*stretch
}

// stretch is the work on one mailbox so far. What was at the destination already took no time to send.
type stretch struct {
	began, last time.Time
	copied      state.Count
}

func newSpeed() *speed { return &speed{atWork: map[string]*stretch{}} }

// before measures each event and hands it on.
func (s *speed) before(next func(executor.Event)) func(executor.Event) {
	return func(e executor.Event) {
		s.take(e)
		next(e)
	}
}

func (s *speed) take(e executor.Event) {
	switch e := e.(type) {
	case executor.MailboxStarted:
		s.atWork[e.Mailbox] = &stretch{began: e.Time, last: e.Time}
	case executor.Step:
		if w := s.atWork[e.Mailbox]; w != nil {
			w.last, w.copied = e.Time, e.Copied
		}
	case executor.MailboxDone:
		if w := s.atWork[e.Mailbox]; w != nil {
			w.last, w.copied = e.Time, state.Count{Messages: e.Copied.Messages - e.Adopted.Messages, Bytes: e.Copied.Bytes - e.Adopted.Bytes}
			s.add(e.Mailbox)
		}
	case executor.MailboxFailed:
		s.add(e.Mailbox)
	}
}

// add counts a mailbox that is no longer at work; one that moved nothing tells nothing.
func (s *speed) add(mailbox string) {
	w := s.atWork[mailbox]
	delete(s.atWork, mailbox)
	if w == nil || w.copied.Messages <= 0 {
		return
	}
	s.measured.Messages += w.copied.Messages
	s.measured.Bytes += max(0, w.copied.Bytes)
	s.measured.Seconds += w.last.Sub(w.began).Seconds()
}

// rate is what was measured, with the mailboxes that an interrupt left at work.
func (s *speed) rate() state.Rate {
	for mailbox := range s.atWork {
		s.add(mailbox)
	}
	return s.measured
}

// speeds recalls what earlier runs have measured, and what servers have shown to take when they asked to wait.
func (r *memory) speeds(ctx context.Context, cfg *config.Config, in *plan.Input) error {
	in.Paces = map[string]float64{}
	for _, e := range cfg.Endpoints {
		for _, way := range []string{e.Ref(), plan.From + e.Ref()} {
			p, err := r.Pace(ctx, way, state.Messages)
			if err != nil {
				return err
			}
			if in.Now.Sub(p.Learned) <= executor.PaceKept {
				in.Paces[way] = p.Most
			}
		}
	}
	rate, err := r.Rate(ctx)
	in.Rate = rate
	return err
}
