package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// applicationID stands in the SQLite header: "mhul".
const applicationID = 0x6d68756c

// unfinished is the rows that the partial indexes hold: work or doubt is left, or it failed, or it may fit again. It
// must stand in a query word for word for SQLite to use them.
const unfinished = "(state < 10 OR state > 13)"

// copied is the rows whose message is at the destination; it must stand in queries likewise.
const copied = "(state IN (10, 11))"

// schema is the file format: every table and index by name. Text that servers send is kept as BLOB, because it may hold
// any octet; instants are seconds (INTERNALDATE) or nanoseconds (our own) of Unix time, NULL for none. The sums are
// those of sum.go.
func schema() []string {
	return []string{
		`CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID`,
		`CREATE TABLE mailbox (id INTEGER PRIMARY KEY, name BLOB NOT NULL, sendpoint TEXT NOT NULL, destination BLOB NOT NULL,
 dendpoint TEXT NOT NULL, wave TEXT NOT NULL, sum INTEGER NOT NULL)`,
		`CREATE UNIQUE INDEX mailbox_name ON mailbox (name, sendpoint)`,
		`CREATE INDEX mailbox_destination ON mailbox (destination, dendpoint)`,
		`CREATE TABLE folder (id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, source BLOB NOT NULL, path BLOB NOT NULL,
 validity INTEGER NOT NULL, uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, messages INTEGER NOT NULL,
 listed INTEGER NOT NULL, flagsmodseq INTEGER NOT NULL, complete INTEGER NOT NULL, current INTEGER NOT NULL,
 destination BLOB NOT NULL, target BLOB NOT NULL, dvalidity INTEGER NOT NULL, adopted INTEGER NOT NULL, sum INTEGER NOT NULL)`,
		`CREATE INDEX folder_mailbox ON folder (mailbox)`,
		`CREATE UNIQUE INDEX folder_current ON folder (mailbox, source) WHERE current`,
		`CREATE TABLE message (folder INTEGER NOT NULL, uid INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER,
 zone INTEGER NOT NULL, system INTEGER NOT NULL, keywords BLOB, state INTEGER NOT NULL, attempt INTEGER NOT NULL,
 h0 BLOB, h1 BLOB, duid INTEGER, u0 INTEGER, v0 INTEGER, degraded INTEGER NOT NULL, sum INTEGER NOT NULL,
 PRIMARY KEY (folder, uid)) WITHOUT ROWID`,
		`CREATE INDEX message_todo ON message (folder, uid) WHERE ` + unfinished,
		`CREATE INDEX message_date ON message (folder, date, uid, state, size) WHERE ` + unfinished,
		`CREATE INDEX message_claim ON message (folder, duid) WHERE duid IS NOT NULL`,
		`CREATE INDEX message_unplaced ON message (folder, uid) WHERE ` + copied + ` AND duid IS NULL`,
		`CREATE TABLE tally (folder INTEGER PRIMARY KEY, counts BLOB NOT NULL, oldest INTEGER, newest INTEGER,
 undated INTEGER NOT NULL, biggest INTEGER NOT NULL, highest INTEGER NOT NULL, sum INTEGER NOT NULL)`,
		`CREATE TABLE failure (folder INTEGER NOT NULL, uid INTEGER NOT NULL, code TEXT NOT NULL, kind TEXT NOT NULL,
 text BLOB NOT NULL, time INTEGER, run TEXT NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID`,
		`CREATE TABLE run (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, pass TEXT NOT NULL, started INTEGER, ended INTEGER,
 exitcode INTEGER NOT NULL, sum INTEGER NOT NULL)`,
		`CREATE TABLE pass (name TEXT PRIMARY KEY, kind TEXT NOT NULL, older_written TEXT NOT NULL, newer_written TEXT NOT NULL,
 older INTEGER, newer INTEGER, approved INTEGER, sum INTEGER NOT NULL) WITHOUT ROWID`,
		`CREATE TABLE created (mailbox INTEGER NOT NULL, path BLOB NOT NULL, validity INTEGER NOT NULL, sum INTEGER NOT NULL,
 PRIMARY KEY (mailbox, path)) WITHOUT ROWID`,
		`CREATE TABLE mailbox_pass (mailbox INTEGER NOT NULL, pass TEXT NOT NULL, progress TEXT NOT NULL, run TEXT NOT NULL,
 started INTEGER, ended INTEGER, side TEXT NOT NULL, code TEXT NOT NULL, kind TEXT NOT NULL, text BLOB NOT NULL,
 sum INTEGER NOT NULL, PRIMARY KEY (mailbox, pass)) WITHOUT ROWID`,
	}
}

// writeName is the DSN of the connection that writes. The log is moved into the file every 16 MB, so that a bulk of
// rows does not pay two fsyncs a few thousand rows.
func writeName(path string) string {
	return fileURI(path) + "?mode=rw&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)&_pragma=cache_size(-8000)" +
		"&_pragma=cell_size_check(1)"
}

// readName is the DSN of connections that only read. They never move the log into the file, even as the last to close.
func readName(path string) string {
	return fileURI(path) + "?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)&_pragma=synchronous(FULL)" +
		"&_pragma=cell_size_check(1)"
}

// lookName is the DSN of those who read the whole file and write nothing. A page's cells are not looked through ahead of
// their use, which saves time with a large file. Pages are copied, not mapped: where a mapped file is cut short under the
// reader, the system ends the process with SIGBUS, and the mapping saves next to nothing.
func lookName(path string) string {
	return fileURI(path) + "?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)"
}

// fileURI escapes what has a meaning in SQLite's URI file names.
func fileURI(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	abs = filepath.ToSlash(abs)
	if runtime.GOOS == "windows" {
		abs = "/" + abs
	}
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(abs)
}

// createMissing makes a file that is not there, beside its place, and renames it there, so that a half-made one is never
// found.
func createMissing(ctx context.Context, path string, opts Options) (created bool, err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return false, damaged(path, "it is missing, but its log %s is there", filepath.Base(path)+"-wal")
	}
	fresh := path + ".new-" + randomHex(4)
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return false, &Error{Code: mail.CodeStateWrite, Path: path, Err: fmt.Errorf("create: %w", err)}
	}
	err = errors.Join(f.Close(), fill(ctx, fresh, opts))
	fault.At(fault.BeforeStateNamed)
	if err == nil {
		err = putInPlace(fresh, path)
	}
	if err != nil {
		removeFile(fresh)
		return false, wrap(path, fmt.Errorf("create: %w", err))
	}
	return true, nil
}

// fill writes schema and identity into an empty file.
func fill(ctx context.Context, path string, opts Options) error {
	db, err := sql.Open("sqlite", writeName(path))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	// A context that can end costs a goroutine each statement, and there is nothing to wait for.
	return errors.Join(fillTables(context.WithoutCancel(ctx), db, opts), db.Close())
}

func fillTables(ctx context.Context, db *sql.DB, opts Options) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fillIn(ctx, tx, opts); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return moveLog(ctx, db)
}

// fillIn is one transaction: each of its statements alone would wait for the disk.
func fillIn(ctx context.Context, tx *sql.Tx, opts Options) error {
	texts := append(schema(), fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", formatNumber))
	for _, text := range texts {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	entries := []struct{ key, value string }{{"lineage", randomHex(16)}, {"serial", "0"}, {"version", opts.Version}}
	for _, e := range entries {
		if _, err := tx.ExecContext(ctx, putMeta, e.key, []byte(e.value), sum(e.key, e.value)); err != nil {
			return err
		}
	}
	return nil
}

// putInPlace gives a finished file its name; both are on stable storage afterwards. A file whose log holds something is
// not finished: the log would be left behind.
func putInPlace(from, to string) error {
	if hasLog(from) {
		return fmt.Errorf("%s is not whole without its log", filepath.Base(from))
	}
	if err := syncPath(from, os.O_RDWR); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // directories can't be synced there
	}
	return syncPath(filepath.Dir(to), os.O_RDONLY)
}

func syncPath(path string, flag int) error {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeFile removes a file of our own making with what SQLite keeps beside it.
func removeFile(path string) {
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		_ = os.Remove(name) // most are not there
	}
}
