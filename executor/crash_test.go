package executor_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"mailhaul/executor"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// crashing is a ledger on a disk that fails at the n-th write: before it is durable, or after, so that what is on the
// disk was reported as lost. Nothing is written after that.
type crashing struct {
	executor.Ledger
	left  *atomic.Int64
	after bool
}

var errCrash = errors.New("no space left on device")

func (c crashing) write(do func() error) error {
	left := c.left.Add(-1)
	if left > 0 {
		return do()
	}
	if left == 0 && c.after {
		_ = do() // it is durable, and nobody is told
	}
	return &state.Error{Code: mail.CodeStateWrite, Path: "test.state", Err: errCrash}
}

func (c crashing) Put(ctx context.Context, rows []state.Message, failures []state.Failure) error {
	return c.write(func() error { return c.Ledger.Put(ctx, rows, failures) })
}

func (c crashing) See(ctx context.Context, rows []state.Message) error {
	return c.write(func() error { return c.Ledger.See(ctx, rows) })
}

func (c crashing) PutMailbox(ctx context.Context, m state.Mailbox) (put state.Mailbox, err error) {
	err = c.write(func() error { put, err = c.Ledger.PutMailbox(ctx, m); return err })
	return put, err
}

func (c crashing) PutFolder(ctx context.Context, f state.Folder) (put state.Folder, err error) {
	err = c.write(func() error { put, err = c.Ledger.PutFolder(ctx, f); return err })
	return put, err
}

func (c crashing) PutMailboxPass(ctx context.Context, p state.MailboxPass) error {
	return c.write(func() error { return c.Ledger.PutMailboxPass(ctx, p) })
}

func (c crashing) PutCreated(ctx context.Context, folders ...state.CreatedFolder) error {
	return c.write(func() error { return c.Ledger.PutCreated(ctx, folders...) })
}

func (c crashing) DropCreated(ctx context.Context, m state.MailboxID, path string) error {
	return c.write(func() error { return c.Ledger.DropCreated(ctx, m, path) })
}

// TestCrashAtEveryWrite fails each write to the ledger, of the listing and of the copy, goes on with what is on the
// disk, and compares (I1, I2, I4). There is mail that is there already, equal mail, and flags that change.
func TestCrashAtEveryWrite(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			r := newRig(t, "anna")
			r.fill("INBOX", 20)
			r.fill("Sent", 7)
			for _, m := range r.src().Messages("Sent")[:2] {
				r.dst().Add("Sent", m)
			}
			var left atomic.Int64
			left.Store(n)
			r.wrap = func(l *state.Ledger) executor.Ledger { return crashing{l, &left, after} }
			_, _, err := r.apply("full")
			if err == nil {
				if n < 12 {
					t.Errorf("only %d writes: the crash points are not where they should be", n)
				}
				break
			}
			if !errors.Is(err, errCrash) || mail.CodeOf(err) != mail.CodeStateWrite {
				t.Fatalf("write %d: %v", n, err)
			}
			r.onlyIntended(fmt.Sprintf("write %d, after %v", n, after))
			r.wrap = nil
			r.untilDone()
			r.sameMail()
		}
	}
}

// onlyIntended holds I1 after a failed write: whatever was sent has an attempt in the ledger.
func (r *rig) onlyIntended(when string) {
	r.t.Helper()
	intended := map[string]map[int64]bool{}
	for _, folder := range r.src().Folders() {
		intended[folder] = map[int64]bool{}
		for _, row := range r.rows(folder) {
			intended[folder][int64(row.UID)] = row.Attempt > 0
		}
	}
	for _, c := range r.dst().Calls() {
		if c.Op == "append" && !intended[c.Folder][c.ID] {
			r.t.Errorf("%s: UID %d of %s was sent without a durable intent", when, c.ID, c.Folder)
		}
	}
}
