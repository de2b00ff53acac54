package cmd

import (
	"context"
	"slices"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/state"
)

// worked says how long a pass with windows was worked on in all runs that belong to the one that has just ended.
func (w *work) worked(ctx context.Context, o executor.Outcome) (view.Worked, error) {
	pass := passOf(w.config, o.Pass)
	if pass == nil || len(pass.Windows) == 0 {
		return view.Worked{}, nil
	}
	runs, err := w.ledger.Runs(ctx)
	if err != nil {
		return view.Worked{}, err
	}
	return workedIn(runs, o.Run, pass.Windows), nil
}

// workedIn sums the run and those of its pass before it that ended with work left, up to one that came to its end. Two
// runs within one opening of the windows are one night.
func workedIn(runs []state.Run, id string, windows config.Windows) view.Worked {
	var all view.Worked
	closings := map[time.Time]bool{}
	at := slices.IndexFunc(runs, func(r state.Run) bool { return r.ID == id })
	for i := at; i >= 0; i-- {
		r := runs[i]
		if r.Pass != runs[at].Pass {
			continue
		}
		leftWork := r.Ended.IsZero() || r.ExitCode == exitStopped || r.ExitCode == exitInterrupted
		if i < at && !leftWork {
			break
		}
		if !r.Ended.IsZero() {
			all.Took += r.Ended.Sub(r.Started)
		}
		if closes, open := windows.Until(r.Started); open {
			closings[closes] = true
		}
	}
	all.Openings = len(closings)
	all.Nights = slices.ContainsFunc(windows, func(w *config.Window) bool { return w.To <= w.From })
	return all
}
