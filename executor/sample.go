package executor

import (
	"context"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// samples tells whether the plan names the messages one by one, as for a trial.
func (m *mailboxRun) samples() bool { return m.selectingPass().Kind == kindTrial }

// sampled is how the messages of a folder that a trial takes fare.
func (m *mailboxRun) sampled(ctx context.Context, id state.FolderID, uids []mail.UID) (state.Progress, error) {
	rows, err := m.Ledger.Rows(ctx, id, uids)
	progress := state.Complete
	for i := range rows {
		switch s := rows[i].State; {
		case s.Open():
			return state.Pending, err
		case s.Failed():
			progress = state.Incomplete
		}
	}
	return progress, err
}

// folderProgress is how one folder fares in the pass.
func (m *mailboxRun) folderProgress(ctx context.Context, rec *state.Folder, f *plan.Folder) (state.Progress, error) {
	c, err := m.Ledger.Count(ctx, rec.ID, plan.SelectionFor(m.selectingPass(), m.mailbox.Settings), f.UIDNext)
	if err != nil {
		return "", err
	}
	retries := m.plan.Pass.Kind == kindRetry
	switch {
	case !rec.Complete, c.Doubt.Messages > 0, c.Absent.Messages > 0 && (retries || !m.samples()):
		return state.Pending, nil
	case m.samples() && !retries:
		return m.sampled(ctx, rec.ID, f.UIDs)
	case m.samples():
		if p, err := m.sampled(ctx, rec.ID, f.UIDs); err != nil || p == state.Pending {
			return p, err
		}
	case c.Pending.Messages > 0 && m.selects():
		return state.Pending, nil
	}
	if c.Failed.Messages > 0 {
		return state.Incomplete, nil
	}
	return state.Complete, nil
}
