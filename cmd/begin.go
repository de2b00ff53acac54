package cmd

import (
	"context"
	"time"

	"mailhaul/plan"
	"mailhaul/state"
)

// begin records the run and freezes the bounds of its passes: an age is counted from the first plan that was approved.
func (w *work) begin(ctx context.Context, p *plan.Plan) (state.Run, error) {
	run, err := w.ledger.BeginRun(ctx, p.Pass.Name)
	if err != nil {
		return run, err
	}
	passes := map[string]plan.Pass{p.Pass.Name: p.Pass}
	for _, m := range p.Mailboxes {
		if m.Resume != nil {
			passes[m.Resume.Name] = *m.Resume
		}
	}
	for _, pass := range passes {
		if err := w.freeze(ctx, pass); err != nil {
			return run, err
		}
	}
	return run, nil
}

func (w *work) freeze(ctx context.Context, p plan.Pass) error {
	bounds := state.Pass{Name: p.Name, Kind: p.Kind, OlderWritten: p.OlderWritten, NewerWritten: p.NewerWritten,
		Approved: time.Now()}
	if p.Older != nil {
		bounds.Older = *p.Older
	}
	if p.Newer != nil {
		bounds.Newer = *p.Newer
	}
	known, found, err := w.ledger.Pass(ctx, p.Name)
	if err != nil {
		return err
	}
	if found && known.Older.Equal(bounds.Older) && known.Newer.Equal(bounds.Newer) {
		bounds.Approved = known.Approved
	}
	return w.ledger.PutPass(ctx, bounds)
}
