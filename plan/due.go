package plan

import (
	"fmt"
	"slices"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// Standing is where everything stands: what NextPass decides from.
type Standing struct {
	Passes []*config.Pass // as config.Config.Passes
	// Mailboxes are those the user speaks of, in the order of the configuration; skipped ones may be among them.
	Mailboxes []*config.Mailbox
	// Records are how each mailbox, by name, fared in each pass, by its name.
	Records map[string]map[string]state.MailboxPass
	// Failures counts the outstanding failed messages of each mailbox by name.
	Failures map[string]int64
	// Named is the pass that the user named; empty: the pass that is due.
	Named string
}

// Due is the pass to run next.
type Due struct {
	Pass *config.Pass
	// Mailboxes are the names of those that take part, in the order of the configuration, none of them skipped. In an
	// Input, nil stands for all.
	Mailboxes []string
	Skipped   []string // names of those that are skipped on request: the plan shows them, nobody contacts them
	Why       string   // why this pass, where the user named none
	// Resume names, for a retry, the pass in which a mailbox stopped as a whole.
	Resume map[string]*config.Pass
	// Held are the mailboxes that stopped in a later pass and so take no part.
	Held []Held
	// Early are the mailboxes that a named pass takes ahead of the pass it should come after.
	Early []string
	// Later are the mailboxes that wait for their window, and so take no part now.
	Later []string
	// Over counts the mailboxes that a limit leaves for the next run.
	Over int
	// Delta tells that every pass is done and the last full pass looks for news.
	Delta bool
	// NothingLeft tells that there is no pass to run: Pass is nil, or it is a retry and nothing has failed.
	NothingLeft bool
}

// Held is a mailbox that stopped as a whole.
type Held struct {
	Mailbox string
	Pass    string
	Side    string
	Code    mail.Code
	Text    string
}

// NextPass says which pass runs, for which mailboxes, and why. Without a named pass it is the earliest pass that is due
// among the mailboxes that did not stop; when none is left, a retry if anything failed, else the last full pass as a
// delta. Verify and retry that nobody wrote are never due by themselves, except that a retry may use the implied one.
//
// The error is a Note with CONFIG-PASS: the file has no pass of that name.
func NextPass(in Standing) (Due, error) {
	if in.Named != "" {
		return in.named()
	}
	ladder := ladder(in.Passes)
	for _, p := range ladder {
		if d, ok := in.due(ladder, p); ok {
			return d, nil
		}
	}
	for i := len(in.Passes) - 1; i >= 0; i-- {
		if p := in.Passes[i]; p.Kind == config.PassRetry {
			if d := in.retry(p); !d.NothingLeft {
				return d, nil
			}
			break
		}
	}
	return in.delta(ladder), nil
}

// ladder gives the written passes that mailboxes climb, in the order of after. Retries are no rung: they are run when
// something failed.
func ladder(passes []*config.Pass) []*config.Pass {
	var rungs []*config.Pass
	placed := map[string]bool{}
	known := map[string]bool{}
	rest := slices.DeleteFunc(slices.Clone(passes), func(p *config.Pass) bool { return p.Implied })
	for _, p := range rest {
		known[p.Name] = true
	}
	for len(rest) > 0 {
		at := slices.IndexFunc(rest, func(p *config.Pass) bool {
			return p.After == "" || placed[p.After] || !known[p.After]
		})
		// The configuration refuses circles; one that slips through must not hang.
		at = max(at, 0)
		p := rest[at]
		rest = slices.Delete(rest, at, at+1)
		placed[p.Name] = true
		if p.Kind != config.PassRetry {
			rungs = append(rungs, p)
		}
	}
	return rungs
}

func find(passes []*config.Pass, name string) *config.Pass {
	at := slices.IndexFunc(passes, func(p *config.Pass) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return passes[at]
}

// done tells whether the record lets a mailbox go on to the next pass.
func done(r state.MailboxPass) bool {
	return r.Progress == state.Complete || r.Progress == state.Incomplete
}

// rung is the first pass that the mailbox has not done, nil if it has done all, and its record there. A pass in which it
// stopped, or a trial, that a later one has overtaken is behind it.
func (in Standing) rung(ladder []*config.Pass, mailbox string) (*config.Pass, state.MailboxPass) {
	records := in.Records[mailbox]
	for i, p := range ladder {
		r := records[p.Name]
		passed := r.Progress == state.Failed || p.Kind == config.PassTrial
		if done(r) || passed && overtaken(ladder[i+1:], records) {
			continue
		}
		return p, r
	}
	return nil, state.MailboxPass{}
}

// overtaken tells whether the mailbox took part in one of the passes.
func overtaken(later []*config.Pass, records map[string]state.MailboxPass) bool {
	return slices.ContainsFunc(later, func(p *config.Pass) bool {
		r := records[p.Name]
		return done(r) || r.Progress == state.Failed
	})
}

// due gathers the mailboxes that stand before p. One that stopped in p or in a pass before it joins in, since what stopped
// it may be mended, but does not make p due.
func (in Standing) due(ladder []*config.Pass, p *config.Pass) (Due, bool) {
	d := Due{Pass: p}
	waiting, active, fresh := 0, 0, true
	for _, m := range in.Mailboxes {
		if m.Skip != "" {
			d.Skipped = append(d.Skipped, m.Name())
			continue
		}
		active++
		fresh = fresh && len(in.Records[m.Name()]) == 0
		at, r := in.rung(ladder, m.Name())
		stopped := at != nil && r.Progress == state.Failed
		switch {
		case at == p && !stopped:
			waiting++
			fallthrough
		case at == p, stopped && slices.Index(ladder, at) < slices.Index(ladder, p):
			d.Mailboxes = append(d.Mailboxes, m.Name())
		case stopped:
			d.Held = append(d.Held, held(m, r))
		}
	}
	d.Why = whyDue(len(d.Mailboxes), active, fresh)
	return d, waiting > 0
}

func whyDue(due, active int, fresh bool) string {
	switch {
	case fresh:
		return "it is the first pass"
	case due == active:
		return "it is the next pass"
	default:
		return fmt.Sprintf("it is the next pass of %d of %s", due, count(int64(active), "mailbox", "mailboxes"))
	}
}

func held(m *config.Mailbox, r state.MailboxPass) Held {
	return Held{Mailbox: m.Name(), Pass: r.Pass, Side: r.Side, Code: r.Code, Text: r.Text}
}

// retry gathers what failed: mailboxes with failed messages, and those that stopped as a whole with the pass they
// stopped in.
func (in Standing) retry(p *config.Pass) Due {
	d := Due{Pass: p, Resume: map[string]*config.Pass{}}
	ladder := ladder(in.Passes)
	var messages int64
	for _, m := range in.Mailboxes {
		if m.Skip != "" {
			d.Skipped = append(d.Skipped, m.Name())
			continue
		}
		at := stoppedIn(ladder, in.Records[m.Name()])
		if at != nil {
			d.Resume[m.Name()] = at
		}
		if at != nil || in.Failures[m.Name()] > 0 {
			d.Mailboxes = append(d.Mailboxes, m.Name())
		}
		messages += in.Failures[m.Name()]
	}
	d.NothingLeft = len(d.Mailboxes) == 0
	d.Why = whyRetry(int64(len(d.Resume)), messages)
	return d
}

// stoppedIn is the last pass that a mailbox took part in, if it stopped there, whether or not it did those before; nil: it
// did not stop.
func stoppedIn(ladder []*config.Pass, records map[string]state.MailboxPass) *config.Pass {
	for _, p := range slices.Backward(ladder) {
		switch r := records[p.Name]; {
		case r.Progress == state.Failed:
			return p
		case done(r):
			return nil
		}
	}
	return nil
}

func whyRetry(mailboxes, messages int64) string {
	switch {
	case mailboxes == 0:
		return count(messages, "message", "messages") + " failed and no other pass is due"
	case messages == 0:
		return count(mailboxes, "mailbox", "mailboxes") + " stopped and no other pass is due"
	default:
		return fmt.Sprintf("%s stopped, %s failed and no other pass is due",
			count(mailboxes, "mailbox", "mailboxes"), count(messages, "message", "messages"))
	}
}

// delta runs the last full pass again for everybody.
func (in Standing) delta(ladder []*config.Pass) Due {
	for i := len(ladder) - 1; i >= 0; i-- {
		if ladder[i].Kind == config.PassFull {
			d := in.all(ladder[i])
			d.Delta, d.Why = true, "every pass is done, so it looks for what is new"
			return d
		}
	}
	d := in.all(nil)
	d.Mailboxes, d.NothingLeft = nil, true
	return d
}

// all takes every mailbox into the pass, whatever its place.
func (in Standing) all(p *config.Pass) Due {
	d := Due{Pass: p}
	for _, m := range in.Mailboxes {
		if m.Skip != "" {
			d.Skipped = append(d.Skipped, m.Name())
			continue
		}
		d.Mailboxes = append(d.Mailboxes, m.Name())
	}
	return d
}

func (in Standing) named() (Due, error) {
	p := find(in.Passes, in.Named)
	if p == nil {
		return Due{}, in.noSuchPass()
	}
	if p.Kind == config.PassRetry {
		d := in.retry(p)
		d.Why = ""
		return d, nil
	}
	d := in.all(p)
	before := find(in.Passes, p.After)
	for before != nil && before.Kind == config.PassRetry && before.After != p.Name {
		before = find(in.Passes, before.After)
	}
	if before == nil || before.Implied {
		return d, nil
	}
	for _, name := range d.Mailboxes {
		if !done(in.Records[name][before.Name]) && !done(in.Records[name][p.Name]) {
			d.Early = append(d.Early, name)
		}
	}
	return d, nil
}

func (in Standing) noSuchPass() error {
	names := make([]string, len(in.Passes))
	for i, p := range in.Passes {
		names[i] = fmt.Sprintf("%q", p.Name)
	}
	return Note{Code: string(config.CodePass), Text: fmt.Sprintf("there is no pass %q", in.Named),
		Hint: "Passes: " + list(names) + "."}
}
