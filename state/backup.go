package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"mailhaul/state/fault"

	sqlite "modernc.org/sqlite"
)

// backupSuffix names the last good copy.
const backupSuffix = ".backup"

// backupStep is how many pages are copied between two looks at the context.
const backupStep = 4096

// Backup copies the ledger to its file's name with ".backup", through a file beside it, so that the earlier copy stays
// until the new one is whole. It may run while the ledger is written.
func (l *Ledger) Backup(ctx context.Context) error {
	fresh := l.path + ".backup-" + randomHex(4)
	err := copyTo(ctx, l.db, fresh)
	if err == nil {
		err = markCopy(ctx, fresh)
	}
	fault.At(fault.BeforeBackupNamed)
	if err == nil {
		err = putInPlace(fresh, l.path+backupSuffix)
	}
	if err != nil {
		removeFile(fresh)
		return wrap(l.path, fmt.Errorf("write backup: %w", err))
	}
	fault.At(fault.AfterBackup)
	return nil
}

// snapshot copies the committed state of a file into a new one, with SQLite's online backup.
func snapshot(ctx context.Context, from, to string) error {
	db, err := sql.Open("sqlite", readName(from))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(copyTo(ctx, db, to), db.Close())
}

// copyTo is snapshot for a file that is open.
func copyTo(ctx context.Context, db *sql.DB, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return copyPages(ctx, db, to)
}

func copyPages(ctx context.Context, db *sql.DB, to string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	if err := holdView(context.WithoutCancel(ctx), conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	err = conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(dst string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the SQLite driver makes no backups")
		}
		b, err := source.NewBackup(fileURI(to) + "?mode=rw")
		if err != nil {
			return err
		}
		return errors.Join(stepThrough(ctx, b), b.Finish())
	})
	_, ended := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // it only read
	return errors.Join(err, ended, conn.Close())
}

// holdView begins a read transaction, so that commits meanwhile do not start the copy anew. It is the first read that
// makes it one. The context must not end: the driver may say that it did where the transaction has begun, and the
// connection would go back to the pool inside it.
func holdView(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	var tables int
	err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables)
	if err != nil {
		_, ended := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, ended)
	}
	return nil
}

func stepThrough(ctx context.Context, b *sqlite.Backup) error {
	for {
		more, err := b.Step(backupStep)
		if err != nil || !more {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
