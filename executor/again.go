package executor

import (
	"context"
	"maps"
	"slices"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// A permission on a mailbox that was given minutes ago may not count yet: how long it takes Exchange is not documented, and
// reports speak of minutes to hours. So whoever proves the rights, and is told that the token is good but opens no mailbox,
// asks again for a while. The others were asked before: nobody waits for the answer but those who got none.

// askAgain surveys the mailboxes that were denied once more after each pause, until none is left.
func (o SurveyOptions) askAgain(ctx context.Context, result map[string]plan.Inventory) error {
	pauses := o.Again
	o.Again, o.Park = nil, nil // what the others have parked stays
	for _, pause := range pauses {
		if o.Mailboxes = o.denied(result); len(o.Mailboxes) == 0 {
			return nil
		}
		if o.Events != nil {
			o.Events(o.awaited(result, Waiting{Stamp: Stamp{Time: o.Now()}, Wait: pause}))
		}
		if err := sleep(ctx, nil, pause); err != nil {
			return err
		}
		again, err := Survey(ctx, o)
		maps.Copy(result, again)
		if err != nil {
			return err
		}
	}
	return nil
}

// denied are the mailboxes on which the permission is missing.
func (o SurveyOptions) denied(result map[string]plan.Inventory) []SurveyMailbox {
	return slices.DeleteFunc(slices.Clone(o.Mailboxes), func(m SurveyMailbox) bool {
		return denial(result[m.Row.Name]) == nil
	})
}

// awaited says of a wait what it is for: the mailbox where it is one, and the first one's side.
func (o SurveyOptions) awaited(result map[string]plan.Inventory, w Waiting) Waiting {
	first := o.Mailboxes[0].Row.Name
	p := denial(result[first])
	w.Side, w.Code, w.Kind, w.Text = p.Side, p.Code, mail.ParseKind(p.Kind), p.Text
	if len(o.Mailboxes) == 1 {
		w.Mailbox = first
	}
	return w
}

// denial is the problem of a side that lets nobody into the mailbox; nil: there is none.
func denial(inv plan.Inventory) *plan.Problem {
	for _, p := range []*plan.Problem{inv.Problem, inv.Also} {
		if p != nil && p.Code == mail.CodeM365Denied {
			return p
		}
	}
	return nil
}
