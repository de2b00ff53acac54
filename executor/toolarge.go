package executor

import (
	"context"
	"slices"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// leaveOut gives the messages over the size limit their terminal state.
func (fr *folderRun) leaveOut(ctx context.Context) error {
	limit := fr.mailbox.Settings.MaxSize
	if limit == 0 || !fr.selects() || fr.samples() {
		return nil
	}
	if !fr.failsTooLarge() {
		// Mostly none is too large, and the folder's tally says so without a look at the rows.
		c, err := fr.Ledger.Count(ctx, fr.rec.ID, fr.selection(), fr.plan.UIDNext)
		if err != nil || c.TooLarge.Messages == 0 {
			return err
		}
	}
	sel := fr.selection()
	sel.MaxSize = 0
	states := []state.State{state.StateSeen, state.StateAbsent}
	if fr.failsTooLarge() {
		states = append(states, state.StateLeftOut) // the policy was another one before
	}
	q := state.Query{Folder: fr.rec.ID, States: states, Selection: sel, Below: fr.plan.UIDNext}
	return fr.each(ctx, q, func(rows []state.Message) error {
		rows = slices.DeleteFunc(rows, func(r state.Message) bool { return r.Size <= limit })
		var failures []state.Failure
		for i := range rows {
			failures = append(failures, fr.tooLarge(&rows[i])...)
		}
		return fr.put(ctx, rows, failures)
	})
}

func (fr *folderRun) failsTooLarge() bool { return fr.mailbox.Settings.TooLarge == "fail" }

// tooLarge decides about a message over the limit.
func (fr *folderRun) tooLarge(row *state.Message) []state.Failure {
	if !fr.failsTooLarge() {
		row.State = state.StateLeftOut
		return nil
	}
	return []state.Failure{fr.fail(row, state.StateRefused, &mail.Error{Op: "copy message", Kind: mail.TooLarge,
		Code: mail.CodeMessageTooLarge, Text: "larger than max_size"})}
}
