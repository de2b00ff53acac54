package state

import (
	"context"
	"database/sql"
	"errors"
)

// Export hands over every record of the file as it is at one moment, also while another process writes: each Mailbox,
// Folder, Message, Failure, Run, Pass, MailboxPass and CreatedFolder, in this order. An error of visit ends it and comes back.
func (r *Reader) Export(ctx context.Context, visit func(record any) error) error {
	tx, err := r.db.BeginTx(ctx, nil) // one view for all the tables
	if err != nil {
		return wrap(r.path, err)
	}
	for _, t := range exported() {
		rows, queryErr := tx.QueryContext(ctx, t.query)
		if err = hand(rows, queryErr, t.scan, visit); err != nil {
			break
		}
	}
	var seen *visitError
	if err = errors.Join(err, tx.Rollback()); errors.As(err, &seen) {
		return seen.err
	}
	return wrap(r.path, err)
}

// exportedTable is the records of one kind.
type exportedTable struct {
	query string
	scan  func(scanner) (any, error)
}

func exported() []exportedTable {
	message := scanMessage()
	return []exportedTable{
		{selectMailbox + " ORDER BY id", func(s scanner) (any, error) { return scanMailbox(s) }},
		{selectFolder + " ORDER BY f.id", func(s scanner) (any, error) { return scanFolder(s) }},
		{selectMessage + " ORDER BY folder, uid", func(s scanner) (any, error) { return message(s) }},
		{"SELECT " + failureColumns + ", sum FROM failure ORDER BY folder, uid", func(s scanner) (any, error) { return scanFailure(s) }},
		{selectRun + " ORDER BY seq", func(s scanner) (any, error) { return scanRun(s) }},
		{"SELECT " + passColumns + ", sum FROM pass ORDER BY name", func(s scanner) (any, error) { return scanPass(s) }},
		{selectMailboxPass, func(s scanner) (any, error) { return scanMailboxPass(s) }},
		{selectCreated + " ORDER BY mailbox, path", func(s scanner) (any, error) { return scanCreated(s) }},
	}
}

// visitError tells an error of the visitor from one of the file.
type visitError struct{ err error }

func (e *visitError) Error() string { return e.err.Error() }

// hand gives row after row to visit and keeps none.
func hand(rows *sql.Rows, err error, scan func(scanner) (any, error), visit func(any) error) error {
	return each(rows, err, func(s scanner) (struct{}, error) {
		record, err := scan(s)
		if err == nil {
			if err = visit(record); err != nil {
				err = &visitError{err}
			}
		}
		return struct{}{}, err
	})
}
