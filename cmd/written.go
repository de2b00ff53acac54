package cmd

import (
	"context"
	"slices"
	"strings"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// writtenBy tells by which transport mail was written to the mailbox's destination, as the names of the folders in the state
// file tell; empty: by none. What goes elsewhere by now is copied anew, so that its former place says nothing. Mail of other
// mailboxes with the same destination counts: one that takes the place of another must find what that one has copied.
func (e *endpoints) writtenBy(ctx context.Context, m *config.Mailbox) (string, error) {
	if e.ledger == nil {
		return "", nil
	}
	row, known, err := e.ledger.FindMailbox(ctx, m.Name(), m.From.Ref())
	if err != nil {
		return "", err
	}
	all, err := e.writers(ctx, placeOf(m))
	if err != nil {
		return "", err
	}
	if known && place(row.DestinationEndpoint, row.Destination) == placeOf(m) {
		all = append([]state.MailboxID{row.ID}, all...)
	}
	for _, id := range all {
		folders, err := e.ledger.Folders(ctx, id)
		at := slices.IndexFunc(folders, func(f state.Folder) bool { return f.Destination != "" && f.DestinationValidity != 0 })
		if err != nil {
			return "", err
		}
		if at >= 0 {
			return mail.TransportOf(folders[at].Destination), nil
		}
	}
	return "", nil
}

// writers gives the mailboxes that the state file had for a destination at the beginning.
func (e *endpoints) writers(ctx context.Context, destination string) ([]state.MailboxID, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		rows, err := e.ledger.Mailboxes(ctx)
		if err != nil {
			return nil, err
		}
		e.known = map[string][]state.MailboxID{}
		for _, row := range rows {
			p := place(row.DestinationEndpoint, row.Destination)
			e.known[p] = append(e.known[p], row.ID)
		}
	}
	return e.known[destination], nil
}

// place names a destination mailbox; no server tells addresses apart by case.
func place(endpoint, address string) string { return endpoint + " " + strings.ToLower(address) }

func placeOf(m *config.Mailbox) string { return place(m.To.Ref(), m.Destination.Address) }
