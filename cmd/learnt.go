package cmd

import (
	"context"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/state"
)

// ceilings are what the configuration allows of each endpoint.
func ceilings(cfg *config.Config) map[string]executor.Ceiling {
	all := map[string]executor.Ceiling{}
	for _, e := range cfg.Endpoints {
		all[e.Ref()] = executor.Ceiling{Connections: e.Connections, MessagesPerSecond: e.MessagesPerSecond}
	}
	return all
}

// Pace gives what earlier runs have learnt; nothing where no state file is open.
func (e *endpoints) Pace(ctx context.Context, scope string, of state.Measure) (state.Pace, error) {
	if e.ledger == nil {
		return state.Pace{}, nil
	}
	return e.ledger.Pace(ctx, scope, of)
}
