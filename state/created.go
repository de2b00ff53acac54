package state

import (
	"context"
)

const (
	selectCreated = "SELECT mailbox, path, validity, sum FROM created"
	setCreated    = "INSERT OR REPLACE INTO created (mailbox, path, validity, sum) VALUES (?, ?, ?, ?)"
)

func createdValues(f CreatedFolder) []any {
	return []any{int64(f.Mailbox), []byte(f.Path), int64(f.UIDValidity)}
}

func scanCreated(row scanner) (CreatedFolder, error) {
	var f CreatedFolder
	var path []byte
	var stored int64
	if err := row.Scan(&f.Mailbox, &path, &f.UIDValidity, &stored); err != nil {
		return CreatedFolder{}, unreadable(err)
	}
	f.Path = string(path)
	if sum(createdValues(f)...) != stored {
		return CreatedFolder{}, errSum
	}
	return f, nil
}

// Created lists the destination folders that mailhaul made for a mailbox, by path.
func (r *Reader) Created(ctx context.Context, m MailboxID) ([]CreatedFolder, error) {
	rows, err := r.rows(ctx, selectCreated+" WHERE mailbox = ? ORDER BY path", int64(m))
	all, err := collect(rows, err, scanCreated)
	return all, wrap(r.path, err)
}

// PutCreated records destination folders that were made. One that is known already keeps its UIDVALIDITY unless a new one
// is told.
func (l *Ledger) PutCreated(ctx context.Context, folders ...CreatedFolder) error {
	return l.writer.write(ctx, func(t *tx) error {
		for _, f := range folders {
			rows, err := t.query(selectCreated+" WHERE mailbox = ? AND path = ?", int64(f.Mailbox), []byte(f.Path))
			known, err := collect(rows, err, scanCreated)
			if err != nil {
				return err
			}
			if len(known) > 0 && f.UIDValidity == 0 {
				continue
			}
			if err := t.run(setCreated, withSum(createdValues(f))...); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropCreated forgets that mailhaul made a folder: it is no more.
func (l *Ledger) DropCreated(ctx context.Context, m MailboxID, path string) error {
	return l.writer.write(ctx, func(t *tx) error {
		return t.run("DELETE FROM created WHERE mailbox = ? AND path = ?", int64(m), []byte(path))
	})
}
