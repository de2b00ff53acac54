package plan

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"mailhaul/config"
	"mailhaul/state"
)

// Input is everything a plan is made from. Its maps are keyed by config.Mailbox.Name unless they say otherwise, and any
// of them may be nil.
type Input struct {
	Config *config.Config
	// Due is the pass and who takes part, as NextPass gives it. Mailboxes may be nil: then all take part. Those that are
	// skipped on request have a line if they are in Skipped or Mailboxes is nil.
	Due
	// Bounds are the resolved bounds of Pass and of every pass in Resume, by the pass's name. A pass that is missing is
	// resolved from Now.
	Bounds map[string]state.Pass

	// Inventories are what both sides said; one that is missing leaves the mailbox to the state alone.
	Inventories map[string]Inventory
	// Memory are the ledger's counts of every folder pair of a mailbox, those of earlier UIDVALIDITYs too. They are
	// counted with SelectionFor(the mailbox's pass, SettingsOf(mailbox, its Limits)), where the mailbox's pass is the one
	// it resumes or Pass, and below the UIDNEXT of the inventory.
	Memory map[string][]state.FolderCount
	// Known are the ledger's records of the mailboxes.
	Known map[string]state.Mailbox
	// Unmanaged are the ledger's records of mailboxes that the whole configuration has no more.
	Unmanaged []state.Mailbox
	// Records are how each mailbox fared in each pass, by the pass's name.
	Records map[string]map[string]state.MailboxPass

	// Rate is what earlier runs have measured, and Parallel how many mailboxes are at work at a time: for the estimate.
	Rate     state.Rate
	Parallel int
	// Paces are the messages a second that servers have shown to take or, behind From, to give when they asked to wait, by the
	// endpoint's Ref.
	Paces map[string]float64

	Now     time.Time
	Version string // mailhaul's
	Lineage string // of the state file, as is Serial
	Serial  int64
	State   string // the state file's base name
	Runs    int    // earlier runs in it
	Offline bool   // nobody was contacted
	// ResendAmbiguous takes messages into a retry of which it can't be told whether they arrived.
	ResendAmbiguous bool
}

// Build makes the plan. It is pure: the same input gives the same plan. There must be a Pass.
func Build(in Input) *Plan {
	p := &Plan{
		Format: FormatVersion, Version: in.Version, Made: in.Now.UTC().Truncate(time.Second),
		Config: in.Config.Hash, Lineage: in.Lineage, Serial: in.Serial,
		Files: slices.Clone(in.Config.Files), State: in.State, Runs: in.Runs, Offline: in.Offline,
		Pass: in.pass(in.Pass), NeverMoved: NeverMoved, Mailboxes: []Mailbox{},
	}
	var covered []*config.Mailbox
	for _, l := range in.lines() {
		covered = append(covered, l.m)
		p.Mailboxes = append(p.Mailboxes, l.out)
		for _, note := range l.plan.Warnings {
			p.warnOnce(note)
		}
		p.Errors = append(p.Errors, l.plan.Errors...)
	}
	p.When = WhenOf(in.Pass, covered, in.Now)
	in.warn(p)
	p.Total = total(p.Mailboxes)
	p.Estimate = in.estimate(p)
	return p
}

// lines builds the lines of the mailboxes side by side: they have nothing to do with each other.
func (in *Input) lines() []*line {
	part := in.parts()
	var lines []*line
	for _, m := range in.Config.Mailboxes {
		if in.covers(m, part) {
			lines = append(lines, &line{in: in, m: m, plan: &Plan{}})
		}
	}
	n := min(runtime.GOMAXPROCS(0), 1+len(lines)/beside)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for _, l := range lines[len(lines)*i/n : len(lines)*(i+1)/n] {
				l.out = l.build()
			}
		})
	}
	all.Wait()
	return lines
}

// beside is for how many mailboxes it is worth to have another goroutine.
const beside = 100

// parts are the names in Mailboxes and Skipped.
func (in *Input) parts() map[string]bool {
	part := make(map[string]bool, len(in.Mailboxes)+len(in.Skipped))
	for _, names := range [][]string{in.Mailboxes, in.Skipped} {
		for _, name := range names {
			part[name] = true
		}
	}
	return part
}

// covers tells whether the plan has a line for the mailbox.
func (in *Input) covers(m *config.Mailbox, part map[string]bool) bool {
	if in.Mailboxes == nil {
		return true
	}
	return part[m.Name()]
}

// pass gives a pass with its bounds.
func (in *Input) pass(p *config.Pass) Pass {
	b, ok := in.Bounds[p.Name]
	if !ok {
		b = Bounds(p, nil, in.Now)
	}
	why := ""
	if p == in.Pass {
		why = in.Why
	}
	out := PassOf(p, b, why)
	out.ResendAmbiguous = in.ResendAmbiguous && p.Kind == config.PassRetry
	return out
}

// PassFor is the pass whose messages a mailbox moves: the one it resumes in a retry, or the plan's own.
func (in *Input) PassFor(mailbox string) Pass {
	if p := in.Resume[mailbox]; p != nil {
		return in.pass(p)
	}
	return in.pass(in.Pass)
}

// predecessors gives the mailboxes of earlier configurations that had the mailbox's destination.
func (in *Input) predecessors(m *Mailbox) []Predecessor {
	var all []Predecessor
	for _, u := range in.Unmanaged {
		if u.Destination == m.Destination && u.DestinationEndpoint == m.DestinationEndpoint {
			all = append(all, Predecessor{u.Name, u.SourceEndpoint})
		}
	}
	return all
}

// total sums the lines.
func total(mailboxes []Mailbox) Total {
	var t Total
	for i := range mailboxes {
		m := &mailboxes[i]
		switch m.Action {
		case Start:
			t.Start++
		case Continue:
			t.Continue++
		case UpToDate:
			t.UpToDate++
		case Blocked:
			t.Blocked++
		case Skipped:
			t.Skipped++
		}
		if m.Action != Blocked {
			t.Todo = t.Todo.Add(m.Todo)
			t.FlagChanges += m.FlagChanges
		}
		t.LeftOut = t.LeftOut.Add(m.LeftOut)
		t.Deleted = t.Deleted.Add(m.Deleted)
		t.Failed = t.Failed.Add(m.Failed)
		for j := range m.Folders {
			f := &m.Folders[j]
			if f.Excluded || f.NoSelect {
				continue
			}
			t.Folders++
			if f.Surprise != "" {
				t.Surprises++
			}
		}
	}
	return t
}
