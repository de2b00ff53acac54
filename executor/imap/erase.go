package imap

import (
	"context"
	"errors"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// Eraser is the session of an undo, the only one that can remove anything: of messages exactly those that are named, and
// folders that hold nothing.
type Eraser struct{ *Destination }

// DialEraser connects and signs in. A server without UIDPLUS (RFC 4315) is refused: with EXPUNGE alone the marked mail of
// others would go as well.
func DialEraser(ctx context.Context, opts Options) (*Eraser, error) {
	d, err := DialDestination(ctx, opts)
	if err != nil {
		return nil, err
	}
	if !d.c.caps.implied("UIDPLUS") {
		_ = d.Close() // nothing is in flight
		return nil, &mail.Error{Op: "take mail back", Kind: mail.Refused, Code: mail.CodeIMAPNoUIDPlus,
			Err: errors.New("the server lacks UIDPLUS, so it can't remove exactly the messages that are named; nothing was removed")}
	}
	d.c.erases = true
	return &Eraser{d}, nil
}

// Erase marks the messages \Deleted and removes exactly them. UIDs that are gone do no harm, so it may be called again
// after a lost answer. After an error some may be marked, and some gone.
func (e *Eraser) Erase(ctx context.Context, f mail.Folder, uids []mail.UID) error {
	const op = "remove messages"
	leave, err := e.settled(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	return e.c.reason(ctx, e.c.erase(op, f, uids))
}

func (c *client) erase(op string, f mail.Folder, uids []mail.UID) error {
	if err := c.chooseExactly(op, f); err != nil {
		return err
	}
	sets := uidSets(uids)
	if err := c.each(op, "UID STORE", sets, ` +FLAGS.SILENT (\Deleted)`); err != nil {
		return err
	}
	fault.At(fault.AfterUndoMark)
	if err := c.each(op, "UID EXPUNGE", sets, ""); err != nil {
		return err
	}
	return c.unselect()
}

// chooseExactly opens a folder for writing, and no other one: a UID means nothing without its UIDVALIDITY.
func (c *client) chooseExactly(op string, f mail.Folder) error {
	if f.Status.UIDValidity == 0 {
		return &mail.Error{Op: op, Kind: mail.Stale, Code: mail.CodeIMAPValidity, Err: errors.New("the folder's UIDs do not last")}
	}
	if err := c.choose(op, "SELECT", f); err != nil {
		return err
	}
	return c.valid(op, f)
}

// each sends one command for each set; the first refusal comes back when all are answered.
func (c *client) each(op, verb string, sets []string, tail string) error {
	var cmds []*command
	for _, set := range sets {
		cmds = append(cmds, newCommand(verb).raw(set+tail))
	}
	answers, err := c.runWindow(op, cmds, depth, nil)
	if err != nil {
		return err
	}
	for _, st := range answers {
		if st.verb != "OK" {
			return c.fatalUnlessRefused(c.classify(op, st, atStore))
		}
	}
	return nil
}

// RemoveFolder removes a folder that holds no message; false: it holds some. That it has no folders below is for the
// caller to know. Between the look and DELETE lies one round trip, in which a message could arrive.
func (e *Eraser) RemoveFolder(ctx context.Context, f mail.Folder) (bool, error) {
	const op = "remove folder"
	leave, err := e.settled(ctx, op)
	if err != nil {
		return false, err
	}
	defer leave()
	removed, err := e.c.removeFolder(op, f)
	return removed, e.c.reason(ctx, err)
}

func (c *client) removeFolder(op string, f mail.Folder) (bool, error) {
	if !f.NoSelect {
		if err := c.chooseExactly(op, f); err != nil {
			return false, err
		}
		held := c.selected.exists
		if err := c.unselect(); err != nil || held > 0 {
			return false, err
		}
	}
	st, err := c.run(op, newCommand("DELETE").astring(f.Raw), nil)
	if err != nil {
		return false, err
	}
	if st.verb != "OK" {
		return false, c.fatalUnlessRefused(c.classify(op, st, atFolder))
	}
	// A refusal does not matter: the folder is gone.
	_, err = c.run(op, newCommand("UNSUBSCRIBE").astring(f.Raw), nil)
	return true, err
}
