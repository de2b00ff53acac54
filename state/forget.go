package state

import (
	"context"
	"fmt"
	"strconv"
)

// forgetting removes what is known of one mailbox, from the leaves to the root.
func forgetting() []string {
	const folders = "(SELECT id FROM folder WHERE mailbox = ?)"
	return []string{
		"DELETE FROM failure WHERE folder IN " + folders,
		"DELETE FROM message WHERE folder IN " + folders,
		"DELETE FROM tally WHERE folder IN " + folders,
		"DELETE FROM mailbox_pass WHERE mailbox = ?",
		"DELETE FROM created WHERE mailbox = ?",
		"DELETE FROM folder WHERE mailbox = ?",
		"DELETE FROM mailbox WHERE id = ?",
	}
}

// Forget removes everything that is known of the mailboxes, in one transaction, and counts the serial up: a plan that was
// made with them in mind is not to be carried out. Runs and passes stay. What a copy in doubt came to can't be told
// afterwards, so the caller settles doubts before.
func (l *Ledger) Forget(ctx context.Context, ids ...MailboxID) error {
	serial := l.Serial() + 1
	err := l.writer.write(ctx, func(t *tx) error {
		t.cached.clear()
		for _, id := range ids {
			known, err := t.mailboxes("WHERE id = ?", int64(id))
			if err == nil && len(known) == 0 {
				err = badRequest("there is no mailbox %d", id)
			}
			for _, text := range forgetting() {
				err = firstError(err, func() error { return t.run(text, int64(id)) })
			}
			if err != nil {
				return fmt.Errorf("forget mailbox: %w", err)
			}
		}
		return t.setMeta("serial", strconv.FormatInt(serial, 10))
	})
	if err == nil {
		l.serial.Store(serial)
	}
	return err
}
