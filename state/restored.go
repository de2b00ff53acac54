package state

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
)

// copyKey stands in the description of a file that Backup made, until it is opened for writing.
const copyKey = "copy"

// markCopy notes in a copy that it is one.
func markCopy(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", writeName(path))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, putMeta, copyKey, []byte("1"), sum(copyKey, "1"))
	return errors.Join(firstError(err, func() error { return moveLog(ctx, db) }), db.Close())
}

// distrust finds out whether the file was put back in the place of a later one: it is a copy, or the copy beside it is
// younger. Such a file knows nothing of what was done since, so mail at the destination is to be recognised again before
// anything is sent. It tells so once: from then on the file is the one in use.
func (l *Ledger) distrust(ctx context.Context) error {
	var copies int
	err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM meta WHERE key = ?", copyKey).Scan(&copies)
	serial := max(l.Serial(), l.copySerial(ctx))
	if err != nil || copies == 0 && serial == l.Serial() {
		return wrap(l.path, err)
	}
	err = l.writer.write(ctx, func(t *tx) error {
		if err := t.recogniseAgain(); err != nil {
			return err
		}
		if err := t.run("DELETE FROM meta WHERE key = ?", copyKey); err != nil {
			return err
		}
		return t.setMeta("serial", strconv.FormatInt(serial, 10))
	})
	if err == nil {
		l.serial.Store(serial)
	}
	return err
}

// copySerial is the serial of the copy beside the file; zero where there is none of this lineage that can be read.
func (l *Ledger) copySerial(ctx context.Context) int64 {
	beside, err := OpenRead(ctx, l.path+backupSuffix)
	if err != nil {
		return 0
	}
	_ = beside.Close() // it was read
	if beside.Lineage() != l.Lineage() {
		return 0
	}
	return beside.Serial()
}

func (t *tx) recogniseAgain() error {
	rows, err := t.query(selectFolder + " WHERE f.adopted")
	folders, err := collect(rows, err, scanFolder)
	for _, f := range folders {
		f.Adopted = false
		err = firstError(err, func() error { return t.run(setFolder, withSum(folderValues(f))...) })
	}
	return err
}
