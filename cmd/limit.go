package cmd

import (
	"cmp"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
)

// limits say what an apply leaves for the next one, as the user asked; the zero value leaves nothing.
type limits struct {
	mailboxes int           // --limit: at most so many at work in one run; zero: all
	stopAfter time.Duration // --stop-after; zero: no end
	until     time.Time     // when that is over
	// over is how many mailboxes with work, as far as is known, the plan in hand leaves out, and beyond how many in all; seen
	// are those that an earlier plan of this command found up to date.
	over, beyond int
	seen         map[string]bool
}

func (l *limits) register(flags *pflag.FlagSet) {
	flags.IntVar(&l.mailboxes, "limit", 0, "work on `N` mailboxes at most, those that waited longest first")
	flags.DurationVar(&l.stopAfter, "stop-after", 0, "begin nothing new after this `DURATION`, such as 90m or 8h; what is in hand is finished")
}

// begin checks what was asked for and starts the clock.
func (l *limits) begin(flags *pflag.FlagSet, now time.Time) error {
	switch {
	case flags.Changed("limit") && l.mailboxes < 1:
		return usage("--limit takes a number of mailboxes, 1 or more")
	case flags.Changed("stop-after") && l.stopAfter <= 0:
		return usage("--stop-after takes a time span, such as 90m or 8h")
	case l.stopAfter > 0:
		l.until = now.Add(l.stopAfter)
	}
	l.seen = map[string]bool{}
	return nil
}

// narrow leaves as many mailboxes in due as the limit lets in. Those that stopped come last and those that took part
// longest ago first, so that the same command again reaches everybody in turn.
func (l *limits) narrow(in *plan.Input) {
	l.over, l.beyond = 0, 0
	if l.mailboxes == 0 {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(in.Due.Mailboxes), func(name string) bool { return l.seen[name] })
	if len(rest) > l.mailboxes {
		slices.SortStableFunc(rest, func(a, b string) int {
			x, y := in.Records[a][in.Pass.Name], in.Records[b][in.Pass.Name]
			return cmp.Or(compareBool(x.Progress == state.Failed, y.Progress == state.Failed),
				compareBool(x.Progress == state.Complete, y.Progress == state.Complete), x.Ended.Compare(y.Ended))
		})
		for _, name := range rest[l.mailboxes:] {
			l.beyond++
			if in.Pass.Kind == config.PassFull || in.Records[name][in.Pass.Name].Progress != state.Complete {
				l.over++ // one that is complete has work again only in a full pass, which looks for what is new
			}
		}
		rest = rest[:l.mailboxes]
	}
	part := map[string]bool{}
	for _, name := range rest {
		part[name] = true
	}
	in.Due.Mailboxes = slices.DeleteFunc(slices.Clone(in.Due.Mailboxes), func(name string) bool { return !part[name] })
	in.Over = l.over
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// passBy takes the next mailboxes where the plan has found those it let in up to date; false if there are no others.
func (l *limits) passBy(p *plan.Plan) bool {
	if l.beyond == 0 || !p.Empty() || len(p.Errors) > 0 {
		return false
	}
	for _, m := range p.Mailboxes {
		l.seen[m.Name] = true
	}
	return true
}

// bound lets the mailboxes of a plan stop when the time given by the user is over, if their window does not close before.
func (l *limits) bound(closes map[string]executor.Closing, p *plan.Plan) map[string]executor.Closing {
	if l.until.IsZero() {
		return closes
	}
	if closes == nil {
		closes = map[string]executor.Closing{}
	}
	for _, m := range p.Mailboxes {
		if c, found := closes[m.Name]; !found || l.until.Before(c.At) {
			closes[m.Name] = executor.Closing{At: l.until, Spent: true}
		}
	}
	return closes
}

// spent tells whether the time given by the user is over.
func (l *limits) spent(now time.Time) bool { return !l.until.IsZero() && !now.Before(l.until) }
