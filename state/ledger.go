// Package state is the ledger: what mailhaul remembers of every message, kept in one SQLite file per project.
//
// What it is. A Ledger is the one writer of the file, a Reader looks at it from any process while it is written. Open
// and OpenRead are where to start. What is recorded are the nouns of record.go; query.go says how they are asked for.
//
// What it is not. It decides nothing about mail: the protocol that makes a copy exactly-once lives in executor, which
// declares the interface Ledger that this package implements. It holds no secret, no subject and no body.
//
// What a crash may cost. Nothing that was acknowledged: a method that writes returns after the commit's fsync
// (synchronous=FULL). One goroutine owns the writing connection and takes all requests that wait into one transaction,
// so that many mailboxes share each fsync. A request that is wrong in itself is undone alone. A commit that fails is the
// end of writing: the group is told, and every later write is refused with the same error, since after a failed fsync
// nobody knows what is on the disk.
//
// Why it is made so. The rows are a table without rowids under (folder, UID), about 70 octets a copied message, so that
// 10 million messages are a file of 1 GB. Two partial indexes hold the rows that are not finished, so that looking for
// work costs what is left and not what was done. A tally row per folder counts the states in the same transaction, so
// that status costs the number of folders. Every row carries a checksum over its values, because SQLite notices a
// damaged structure but not a flipped bit inside a value, and a flipped bit could mean a message sent twice.
package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mailhaul/state/hugepages"
)

// Reader reads a state file. It is safe for use by several goroutines, and several processes may read while one writes.
type Reader struct {
	path    string
	db      *sql.DB
	lineage string
	serial  atomic.Int64

	mu         sync.Mutex
	statements map[string]*sql.Stmt
}

// Ledger reads and writes a state file; there is one per file at a time. Safe for use by several goroutines.
type Ledger struct {
	*Reader
	now    func() time.Time
	opts   Options
	lock   *lock
	writer *writer

	closing  sync.Once
	closeErr error
}

// Options say who opens the state file for writing; the zero value works.
type Options struct {
	Version string           // of mailhaul, remembered in the file for older releases to name
	Command string           // "mailhaul apply", shown to whoever finds the file locked
	Now     func() time.Time // nil: time.Now
}

// Open takes the lock and opens the state file for writing, creating it where there is none. It fails with an *Error:
// locked, damaged, newer, or not to be written. A damaged file is left as it is, octet for octet. One that was put back in
// the place of a later one, a Backup or anything older than the Backup beside it, counts no folder as Adopted.
func Open(ctx context.Context, path string, opts Options) (*Ledger, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	hugepages.Heap() // for SQLite's statements
	lk, err := takeLock(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	l, err := openLocked(ctx, path, opts, lk)
	if err != nil {
		_ = lk.release() // the error in hand is the one to tell
		return nil, err
	}
	return l, nil
}

// openLocked opens the file once the lock is held.
func openLocked(ctx context.Context, path string, opts Options, lk *lock) (*Ledger, error) {
	fresh, err := createMissing(ctx, path, opts)
	if err == nil && !fresh {
		err = prepare(ctx, path, upgrades())
	}
	if err != nil {
		return nil, err
	}
	// A copy put back by hand may be readable to others. Where this is not ours to change, so be it.
	_ = os.Chmod(path, 0o600)
	w, err := openWriter(ctx, path, lk)
	if err != nil {
		return nil, err
	}
	r, err := openReader(ctx, path, readName(path))
	if err != nil {
		_ = w.close() // the error in hand is the one to tell
		return nil, err
	}
	l := &Ledger{Reader: r, now: opts.Now, opts: opts, lock: lk, writer: w}
	go w.serve()
	if err := l.distrust(ctx); err != nil {
		_ = errors.Join(w.stop(), r.Close(), w.close()) // the error in hand is the one to tell
		return nil, err
	}
	return l, nil
}

// OpenRead opens the state file for reading, whether or not another process writes it. It never creates the file: where
// there is none the error satisfies errors.Is(err, fs.ErrNotExist).
func OpenRead(ctx context.Context, path string) (*Reader, error) {
	if err := inspect(path); err != nil {
		return nil, err
	}
	return openReader(ctx, path, lookName(path))
}

func openReader(ctx context.Context, path, name string) (*Reader, error) {
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, wrap(path, err)
	}
	// More connections than cores do not read faster, and each has its own page cache.
	db.SetMaxOpenConns(4)
	r := &Reader{path: path, db: db, statements: map[string]*sql.Stmt{}}
	if err := r.readMeta(ctx); err != nil {
		_ = r.Close() // the error in hand is the one to tell
		return nil, err
	}
	return r, nil
}

// readMeta checks format and schema and reads who the file is.
func (r *Reader) readMeta(ctx context.Context) error {
	if err := checkFormat(ctx, r.db, r.path); err != nil {
		return err
	}
	lineage, err := metaText(ctx, r.db, "lineage")
	if err != nil {
		return wrap(r.path, err)
	}
	serial, err := metaNumber(ctx, r.db, "serial")
	if err != nil {
		return wrap(r.path, err)
	}
	r.lineage = lineage
	r.serial.Store(serial)
	return nil
}

// Lineage is the random name that the file got when it was made; copies share it.
func (r *Reader) Lineage() string { return r.lineage }

// Serial grows by one with every run; a Reader tells it as it was when the file was opened.
func (r *Reader) Serial() int64 { return r.serial.Load() }

// Format is the number of the file's format: an open file has the one that this release writes.
func (r *Reader) Format() int { return formatNumber }

// Path is the state file's name as it was given.
func (r *Reader) Path() string { return r.path }

// Close releases the file. It may be called twice.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.statements {
		_ = s.Close() // closing the pool below closes it anyway
	}
	r.statements = map[string]*sql.Stmt{}
	return r.db.Close()
}

// Close waits for the writes that were asked for, releases the file and gives the lock back. It may be called twice.
func (l *Ledger) Close() error {
	l.closing.Do(func() {
		// The readers go first: the last connection moves the write-ahead log into the file and removes it.
		l.closeErr = errors.Join(l.writer.stop(), l.Reader.Close(), l.writer.close(), l.lock.release())
	})
	return l.closeErr
}

// rows runs a query that is kept prepared. The text must come from a small set.
func (r *Reader) rows(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := r.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (r *Reader) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.statements[text]; ok {
		return s, nil
	}
	s, err := r.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	r.statements[text] = s
	return s, nil
}

// collect reads all rows with one scan function each and closes them.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			_ = rows.Close() // the error in hand is the one to tell
			return nil, err
		}
		all = append(all, one)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return all, nil
}

// scanner is a row of *sql.Rows or a *sql.Row.
type scanner interface {
	Scan(dest ...any) error
}

// randomHex gives n random octets in hex.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand never fails since Go 1.24
	return hex.EncodeToString(b)
}

// exists tells whether there is a file; other doubts count as there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// requestError is a request that is wrong in itself: it fails alone, and the ledger goes on.
type requestError struct{ text string }

func (e *requestError) Error() string { return e.text }

func badRequest(format string, args ...any) error {
	return &requestError{fmt.Sprintf(format, args...)}
}
