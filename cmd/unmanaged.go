package cmd

import (
	"context"
	"fmt"
	"strings"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/plan"
	"mailhaul/state"
)

// unmanagedNames is how many mailboxes a sentence names.
const unmanagedNames = 5

// unmanaged says which mailboxes of the state file the configuration no longer has; empty where it has all. Taking one
// out is how people end the work on it, but also how they lose a line by mistake.
func (r *memory) unmanaged(ctx context.Context, cfg *config.Config) (string, error) {
	managed := managedBy(cfg)
	known, err := r.mailboxes(ctx)
	var names []string
	for _, k := range known {
		if !managed[keyOf(k)] {
			names = append(names, k.Name+" of "+k.SourceEndpoint)
		}
	}
	if err != nil || len(names) == 0 {
		return "", err
	}
	list := strings.Join(names[:min(len(names), unmanagedNames)], ", ")
	if more := len(names) - unmanagedNames; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s no longer managed, not in the configuration any more: %s. What was copied stays.",
		view.Plural(len(names), "mailbox"), list), nil
}

// managedBy are the mailboxes of a configuration as the ledger names them.
func managedBy(cfg *config.Config) map[ledgerKey]bool {
	managed := map[ledgerKey]bool{}
	for _, m := range cfg.Mailboxes {
		managed[ledgerKey{m.Name(), m.From.Ref()}] = true
	}
	return managed
}

// noteUnmanaged adds to a plan which mailboxes are no longer managed.
func (r *memory) noteUnmanaged(ctx context.Context, cfg *config.Config, p *plan.Plan) error {
	text, err := r.unmanaged(ctx, cfg)
	if text != "" {
		p.Warnings = append(p.Warnings, plan.Note{Text: strings.TrimSuffix(text, ".")})
	}
	return err
}

// known gives the totals of every mailbox of the ledger.
func (r *memory) known(ctx context.Context) ([]state.MailboxTotal, error) {
	if r.totals != nil {
		return r.totals, nil
	}
	return r.Totals(ctx)
}

// mailboxes lists every mailbox of the ledger.
func (r *memory) mailboxes(ctx context.Context) ([]state.Mailbox, error) {
	if r.totals == nil {
		return r.Mailboxes(ctx)
	}
	all := make([]state.Mailbox, len(r.totals))
	for i, t := range r.totals {
		all[i] = t.Mailbox
	}
	return all, nil
}
