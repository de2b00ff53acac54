package executor

import (
	"context"

	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// mostAside is how many folders may end the session before the mailbox is given up: each costs its tries.
const mostAside = 3

// setAside lets the other folders go on where one can't be listed: the server refuses it, or ends the session of whoever
// opens it and lets us in again. It gives the error back where that is not this folder's alone. The listing counts as not
// done, so that the mailbox is not complete without it.
func (s *surveyor) setAside(ctx context.Context, rec *state.Folder, f mail.Folder, err error) error {
	switch kind := mail.KindOf(err); {
	case fatal(ctx, err) || isAway(err) || kind != mail.Refused && kind != mail.Transient:
		return err
	case kind == mail.Transient && (len(s.inv.Unlisted) >= mostAside || s.src.ready(ctx) != nil):
		return err
	}
	rec.Complete = false
	if _, err := s.Ledger.PutFolder(ctx, *rec); err != nil {
		return err
	}
	if s.inv.Unlisted == nil {
		s.inv.Unlisted = map[string]plan.Problem{}
	}
	s.inv.Unlisted[f.Raw] = *problem(err)
	return nil
}

// unlisted is the error of a folder that the plan could not list; nil: it did.
func unlisted(f *plan.Folder) error {
	if f.Problem == nil {
		return nil
	}
	return &Error{Op: "list messages", Side: f.Problem.Side, Kind: mail.Refused, Code: f.Problem.Code,
		Err: &mail.Error{Op: "list messages", Kind: mail.Refused, Code: f.Problem.Code, Text: f.Problem.Text}}
}
