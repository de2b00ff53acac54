package state

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// groupLimit bounds the requests of one transaction, so that the first of a crowd does not wait for all of it.
const groupLimit = 256

// errClosed is said to who writes after Close.
var errClosed = errors.New("the ledger is closed")

// writer owns the one connection that writes.
type writer struct {
	path string
	db   *sql.DB
	lock *lock
	tx   *tx

	mu     sync.RWMutex // held for reading while a request is put into the queue
	closed bool
	queue  chan request
	served chan struct{}
	broken error // why nothing is written any more; the serving goroutine's
}

type request struct {
	do   func(*tx) error
	done chan error
}

func openWriter(ctx context.Context, path string, lk *lock) (*writer, error) {
	db, err := sql.Open("sqlite", writeName(path))
	if err != nil {
		return nil, wrap(path, err)
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, wrap(path, errors.Join(err, db.Close()))
	}
	return &writer{path: path, db: db, lock: lk, tx: &tx{conn: conn, statements: map[string]*sql.Stmt{}, past: map[string]statement{}},
		queue: make(chan request, groupLimit), served: make(chan struct{})}, nil
}

// write has do carried out in a transaction and returns when it is on stable storage. The context counts until the
// request is taken; a commit in hand is waited for, because its outcome matters.
func (w *writer) write(ctx context.Context, do func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	req := request{do: do, done: make(chan error, 1)}
	if err := w.enqueue(ctx, req); err != nil {
		return err
	}
	return <-req.done
}

func (w *writer) enqueue(ctx context.Context, req request) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return &Error{Code: mail.CodeStateWrite, Path: w.path, Err: errClosed}
	}
	select {
	case w.queue <- req:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop takes no more requests and waits until those taken are done.
func (w *writer) stop() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.served
	return nil
}

// close releases the connection, which must not be in use.
func (w *writer) close() error {
	for _, s := range w.tx.statements {
		_ = s.Close() // closing the connection below closes it anyway
	}
	_ = w.tx.conn.Raw(func(any) error {
		for _, s := range w.tx.past {
			_ = s.Close() // likewise
		}
		return nil
	})
	return errors.Join(w.tx.conn.Close(), w.db.Close())
}

// serve carries out requests in the order they came until stop.
func (w *writer) serve() {
	defer close(w.served)
	for first := range w.queue {
		group := w.gather(first)
		if fault.Off(fault.ToldAfterCommit) {
			for _, req := range group {
				req.done <- nil
			}
			_ = w.commit(group)
			continue
		}
		errs := w.commit(group)
		for i, req := range group {
			req.done <- errs[i]
		}
	}
}

// gather takes what waits. Requests that come while a commit is on its way to the disk make the next group.
func (w *writer) gather(first request) []request {
	group := []request{first}
	for len(group) < groupLimit {
		select {
		case req, ok := <-w.queue:
			if !ok {
				return group
			}
			group = append(group, req)
		default:
			return group
		}
	}
	return group
}

// commit carries out a group in one transaction and gives each request's answer.
func (w *writer) commit(group []request) []error {
	answers := make([]error, len(group))
	err := w.broken
	if err == nil || fault.Off(fault.BrokenStaysBroken) {
		err = w.transact(group, answers)
	}
	if err == nil {
		return answers
	}
	if w.broken == nil {
		w.broken = wrap(w.path, err)
	}
	for i := range answers {
		answers[i] = w.broken
	}
	return answers
}

// transact gives an error if the whole group is lost.
func (w *writer) transact(group []request, answers []error) error {
	if !w.lock.mine() && !fault.Off(fault.LockStillOurs) {
		return errTakenAway
	}
	if _, err := w.tx.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if len(group) == 1 {
		return w.alone(group[0], answers)
	}
	for i, req := range group {
		err := w.tx.try(req.do)
		if err != nil && !isRequest(err) {
			return w.tx.rollback(err)
		}
		answers[i] = wrap(w.path, err)
	}
	return w.tx.commit()
}

// alone carries out the only request of a transaction. It needs no savepoint: what undoes it undoes all.
func (w *writer) alone(req request, answers []error) error {
	err := req.do(w.tx)
	if err == nil {
		return w.tx.commit()
	}
	if !isRequest(err) {
		return w.tx.rollback(err)
	}
	answers[0] = wrap(w.path, err)
	w.tx.cached.clear()
	_, err = w.tx.exec("ROLLBACK")
	return err
}

// tx is the writing connection inside a transaction. Its statements run without the callers' contexts: one caller's
// cancellation must not undo the others' work.
type tx struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	past       map[string]statement // those that go past database/sql
	row        messageRow
	cached     cache
}

// try carries out one request so that it can be undone alone.
func (t *tx) try(do func(*tx) error) error {
	if _, err := t.exec("SAVEPOINT request"); err != nil {
		return err
	}
	wrong := do(t)
	if wrong != nil && !isRequest(wrong) {
		return wrong
	}
	if wrong != nil {
		t.cached.clear()
		if _, err := t.exec("ROLLBACK TO request"); err != nil {
			return err
		}
	}
	if _, err := t.exec("RELEASE request"); err != nil {
		return err
	}
	return wrong
}

// commit ends a transaction.
func (t *tx) commit() error {
	fault.At(fault.BeforeCommit)
	if _, err := t.exec("COMMIT"); err != nil {
		return t.rollback(err)
	}
	fault.At(fault.AfterCommit)
	return nil
}

// rollback ends a transaction that failed. SQLite may have ended it already, so its answer says nothing.
func (t *tx) rollback(cause error) error {
	t.cached.clear()
	_, _ = t.exec("ROLLBACK")
	return cause
}

func (t *tx) prepare(text string) (*sql.Stmt, error) {
	if s, ok := t.statements[text]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	t.statements[text] = s
	return s, nil
}

func (t *tx) exec(text string, args ...any) (sql.Result, error) {
	s, err := t.prepare(text)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

func (t *tx) query(text string, args ...any) (*sql.Rows, error) {
	s, err := t.prepare(text)
	if err != nil {
		return nil, err
	}
	return s.Query(args...)
}
