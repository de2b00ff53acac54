package state

import (
	"context"
	"errors"
	"testing"
)

// between is a context that has something done at each look at it, and ends at the last.
type between struct {
	context.Context
	looks int
	do    func()
}

func (b *between) Err() error {
	if b.looks--; b.looks < 0 {
		return context.Canceled
	}
	b.do()
	return nil
}

// TestBackupEndsWhileWritesGoOn: a commit between any two of its steps does not make the copy begin anew, and is not in it.
func TestBackupEndsWhileWritesGoOn(t *testing.T) {
	l := idle(t)
	write := func(do func(*tx) error) {
		t.Helper()
		for _, err := range commitTogether(t, l, do) {
			if err != nil {
				t.Error(err)
			}
		}
	}
	const steps = 2
	write(func(t *tx) error { // so large that it takes some steps
		_, err := t.exec("INSERT INTO meta VALUES ('large', zeroblob(?), 0)", steps*backupStep*4096)
		return err
	})
	commits := 0
	if err := l.Backup(&between{Context: context.WithoutCancel(t.Context())}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped after its first step, it says %v", err)
	}
	ctx := &between{context.WithoutCancel(t.Context()), 3 * steps, func() {
		commits++
		write(func(t *tx) error {
			_, err := t.exec("INSERT OR REPLACE INTO meta VALUES ('late', ?, 0)", commits)
			return err
		})
	}}
	if err := l.Backup(ctx); err != nil {
		t.Fatalf("after %d commits: %v", commits, err)
	}
	if commits < steps {
		t.Errorf("only %d commits came between", commits)
	}
	var seen int
	if err := l.db.QueryRow("SELECT value FROM meta WHERE key = 'late'").Scan(&seen); err != nil || seen != commits {
		t.Errorf("a reader sees commit %d of %d (%v): its connection is still in a transaction", seen, commits, err)
	}
	copied, err := OpenRead(t.Context(), l.path+backupSuffix)
	if err != nil {
		t.Fatal(err)
	}
	var late int
	err = copied.db.QueryRow("SELECT count(*) FROM meta WHERE key = 'late'").Scan(&late)
	if err != nil || late != 0 {
		t.Errorf("the copy holds %d of the late commits (%v)", late, err)
	}
	if err := copied.Close(); err != nil {
		t.Error(err)
	}
}
