package cmd

import (
	"context"
	"errors"
	"time"

	"mailhaul/config"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// memory asks the ledger for what a plan is made from.
type memory struct {
	*state.Reader
	// overview is that of a command that plans without asking anybody; nil: none.
	overview *state.Overview
	// totals are those of a command that only looks, and so asks once; nil: they are asked for each time.
	totals []state.MailboxTotal
}

// input gathers what is known before anybody is asked: the pass that runs, its bounds, and how everybody fared. Of the
// configuration only the mailboxes of who count.
func (r *memory) input(ctx context.Context, cfg *config.Config, who []*config.Mailbox, pass string) (plan.Input, error) {
	few := *cfg
	few.Mailboxes = who
	in := plan.Input{Config: &few, Now: time.Now(), Version: Version, Lineage: r.Lineage(), Serial: r.Serial(),
		State: stateName(cfg), Known: map[string]state.Mailbox{}, Records: map[string]map[string]state.MailboxPass{}}
	totals, err := r.known(ctx)
	if err != nil {
		return in, err
	}
	failures := map[string]int64{}
	mine := map[ledgerKey]bool{}
	for _, m := range who {
		mine[ledgerKey{m.Name(), m.From.Ref()}] = true
	}
	managed := managedBy(cfg)
	for _, t := range totals {
		if !managed[keyOf(t.Mailbox)] {
			in.Unmanaged = append(in.Unmanaged, t.Mailbox)
		}
		if mine[keyOf(t.Mailbox)] {
			in.Known[t.Mailbox.Name] = t.Mailbox
			failures[t.Mailbox.Name] = t.Failed.Messages + t.Doubt.Messages
			in.Records[t.Mailbox.Name] = byPass(t.Passes)
		}
	}
	runs, err := r.Runs(ctx)
	if err != nil {
		return in, err
	}
	in.Runs = len(runs)
	if err := r.speeds(ctx, cfg, &in); err != nil {
		return in, err
	}
	in.Due, err = plan.NextPass(plan.Standing{Passes: cfg.Passes, Mailboxes: who, Records: in.Records,
		Failures: failures, Named: pass})
	if err != nil {
		return in, noteFailure(err)
	}
	return in, r.bounds(ctx, &in)
}

func byPass(passes []state.MailboxPass) map[string]state.MailboxPass {
	records := make(map[string]state.MailboxPass, len(passes))
	for _, p := range passes {
		records[p.Pass] = p
	}
	return records
}

// noteFailure makes a failure of a plan's note.
func noteFailure(err error) error {
	var note plan.Note
	if errors.As(err, &note) {
		return fail(mail.Code(note.Code), note.Text, note.Hint)
	}
	return err
}

// bounds resolves the pass's bounds and those of every pass that is resumed; what was frozen stays.
func (r *memory) bounds(ctx context.Context, in *plan.Input) error {
	in.Bounds = map[string]state.Pass{}
	passes := []*config.Pass{in.Pass}
	for _, p := range in.Resume {
		passes = append(passes, p)
	}
	for _, p := range passes {
		if p == nil {
			continue
		}
		frozen, found, err := r.Pass(ctx, p.Name)
		if err != nil {
			return err
		}
		known := &frozen
		if !found {
			known = nil
		}
		in.Bounds[p.Name] = plan.Bounds(p, known, in.Now)
	}
	return nil
}

// recall counts every folder pair of the mailboxes that take part, as their pass selects and as far as the inventory
// reaches.
func (r *memory) recall(ctx context.Context, in *plan.Input) error {
	in.Memory = map[string][]state.FolderCount{}
	known, err := r.mailboxes(ctx)
	if err != nil {
		return err
	}
	ids := map[ledgerKey]state.MailboxID{}
	for _, k := range known {
		ids[keyOf(k)] = k.ID
	}
	if in.Offline {
		return r.recallAll(ctx, in, ids)
	}
	for _, m := range in.Config.Mailboxes {
		id, ok := ids[ledgerKey{m.Name(), m.From.Ref()}]
		if !ok {
			continue
		}
		if in.Memory[m.Name()], err = r.folders(ctx, id, in, m); err != nil {
			return err
		}
	}
	return nil
}

// recallAll counts every folder pair at once, which the bounds of UIDs of an inventory would not allow.
func (r *memory) recallAll(ctx context.Context, in *plan.Input, ids map[ledgerKey]state.MailboxID) error {
	selections := map[state.MailboxID]state.Selection{}
	names := map[state.MailboxID]string{}
	for _, m := range in.Config.Mailboxes {
		if id, ok := ids[ledgerKey{m.Name(), m.From.Ref()}]; ok {
			names[id] = m.Name()
			selections[id] = plan.SelectionFor(in.PassFor(m.Name()), plan.SettingsOf(m, mail.Limits{}))
		}
	}
	counts, err := r.overview.CountAll(ctx, func(id state.MailboxID) (state.Selection, bool) {
		s, wanted := selections[id]
		return s, wanted
	})
	for id, found := range counts {
		in.Memory[names[id]] = found
	}
	return err
}

func (r *memory) folders(ctx context.Context, id state.MailboxID, in *plan.Input, m *config.Mailbox) ([]state.FolderCount, error) {
	inventory := in.Inventories[m.Name()]
	selection := plan.SelectionFor(in.PassFor(m.Name()), plan.SettingsOf(m, inventory.Limits))
	below := map[string]mail.UID{}
	for _, f := range inventory.Source {
		below[f.Raw] = f.Status.UIDNext
	}
	folders, err := r.Folders(ctx, id)
	if err != nil {
		return nil, err
	}
	var counts []state.FolderCount
	for _, f := range folders {
		c, err := r.Count(ctx, f.ID, selection, below[f.Source])
		if err != nil {
			return nil, err
		}
		counts = append(counts, c)
	}
	return counts, nil
}

// included gives the source folders that the mailbox's rules let in.
func included(m *config.Mailbox) func(source, destination []mail.Folder, rules mail.NameRules) []mail.Folder {
	return func(source, destination []mail.Folder, rules mail.NameRules) []mail.Folder {
		var folders []mail.Folder
		for _, mapping := range plan.Map(m, source, destination, rules) {
			if !mapping.Excluded {
				folders = append(folders, mapping.Source)
			}
		}
		return folders
	}
}
