package cmd

import (
	"context"
	"slices"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
)

// standings tell how mailboxes stand. What counts is the copying: a verify pass is told of only while nothing else is,
// because that a mailbox can be signed in to moves no mail.
type standings struct {
	config   *config.Config
	verifies map[string]bool // the passes that copy nothing
	run      *state.Run      // the last run, if it copies and has not told its end; nil: there is none
	live     bool            // it is going on; else it was killed
}

func newStandings(cfg *config.Config, run *state.Run, live bool) standings {
	s := standings{config: cfg, verifies: verifyPasses(cfg), live: live}
	if run != nil && run.Ended.IsZero() && !s.verifies[run.Pass] {
		s.run = run
	}
	return s
}

// row is how one mailbox stands.
func (s standings) row(m *config.Mailbox, t state.MailboxTotal) view.StatusRow {
	row := view.StatusRow{Mailbox: m.Name(), Destination: m.Destination.Address, Progress: state.Pending,
		Copied: t.Copied, Left: t.Open, LeftOut: t.LeftOut, Failed: t.Failed}
	copying, verify := s.last(t.Passes)
	last := copying
	if last == nil {
		last = verify
	}
	if last != nil {
		row.Pass, row.Progress, row.Code, row.Text, row.Side = last.Pass, last.Progress, string(last.Code), last.Text, last.Side
	}
	begun := s.begun(t.Passes)
	switch {
	case begun && !s.live:
		row.Interrupted, row.Progress = true, state.Pending
	case begun, s.live && s.toCome(t, last):
		row.Running, row.Waiting, row.Pass, row.Progress, row.Code = begun, !begun, s.run.Pass, state.Pending, ""
	case copying == nil && row.Progress == state.Complete:
		row.Verified, row.Progress = true, state.Pending
	case row.Progress == state.Complete && t.Failed.Messages > 0:
		row.Progress = state.Incomplete
	case row.Progress == state.Complete:
		row.More = t.Open.Messages > 0 || s.passesLeft(t.Passes)
	}
	row.Uncounted = t.Folders == 0 && row.Progress != state.Complete && !row.Running && !row.Waiting
	return row
}

// last gives the record of the copying pass that began last, and that of the verify pass; nil where there is none.
func (s standings) last(passes []state.MailboxPass) (copying, verify *state.MailboxPass) {
	for i, p := range passes { // the earliest started first
		switch {
		case s.verifies[p.Pass]:
			verify = &passes[i]
		case !s.verifiedAnew(p, passes):
			copying = &passes[i]
		}
	}
	return copying, verify
}

// verifiedAnew tells whether a retry mended a verify pass only: then its run recorded that pass too.
func (s standings) verifiedAnew(p state.MailboxPass, passes []state.MailboxPass) bool {
	return s.kind(p.Pass) == config.PassRetry && slices.ContainsFunc(passes, func(other state.MailboxPass) bool {
		return other.Run == p.Run && s.verifies[other.Pass]
	})
}

// begun tells whether the run that has not told its end has begun the mailbox and not finished it.
func (s standings) begun(passes []state.MailboxPass) bool {
	return s.run != nil && slices.ContainsFunc(passes, func(p state.MailboxPass) bool {
		return p.Run == s.run.ID && p.Ended.IsZero()
	})
}

// toCome tells whether the run that is going on has work here that it has not begun.
func (s standings) toCome(t state.MailboxTotal, last *state.MailboxPass) bool {
	if s.run == nil {
		return false
	}
	for _, p := range t.Passes {
		if p.Run == s.run.ID {
			return false
		}
	}
	if s.kind(s.run.Pass) == config.PassRetry {
		return t.Failed.Messages+t.Doubt.Messages > 0 || last != nil && last.Progress == state.Failed
	}
	return t.Open.Messages > 0
}

func (s standings) kind(name string) string {
	for _, p := range s.config.Passes {
		if p.Name == name {
			return p.Kind
		}
	}
	return ""
}

// passesLeft tells whether a copying pass of the configuration is still to come for the mailbox. One that a later pass has
// overtaken is not: what it would have brought is there.
func (s standings) passesLeft(passes []state.MailboxPass) bool {
	records := byPass(passes)
	left := false
	for _, p := range slices.Backward(s.config.Passes) {
		if p.Implied || p.Kind == config.PassVerify || p.Kind == config.PassTrial || p.Kind == config.PassRetry {
			continue
		}
		if r := records[p.Name]; r.Progress == state.Complete || r.Progress == state.Incomplete {
			return left
		}
		left = true
	}
	return left
}

// goOn is the command that takes a run up again which did not come to its end. Without --pass the pass that is due
// would run, which another one may be.
func (r *memory) goOn(ctx context.Context, cfg *config.Config, who []*config.Mailbox, run *state.Run) (string, error) {
	const plain = "mailhaul apply"
	if run == nil {
		return plain, nil
	}
	in, err := r.input(ctx, cfg, who, "")
	if err != nil || in.Pass == nil || in.Pass.Name == run.Pass {
		return plain, err
	}
	for _, p := range cfg.Passes {
		if p.Name == run.Pass {
			return plain + " --pass " + run.Pass, nil
		}
	}
	return plain, nil // the pass was taken out of the configuration
}
