package executor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sync/semaphore"

	"mailhaul/state/mail"
)

// The sizes that bound memory. Buffers of all mailboxes come from one budget, so a run's memory does not grow with the
// size of a message or the number of messages; only with the mailboxes at work, and slowly.
const (
	// inMemory is the largest message kept in memory; a larger one goes through an unlinked file.
	inMemory = 1 << 20
	// budgetBase and budgetEach make the budget: base, and so much more for each further mailbox at work.
	budgetBase = 12 << 20
	budgetEach = 4 << 20
)

// spooler keeps messages between the source and the destination.
type spooler struct {
	dir    string // beside the state file: /tmp is often memory
	budget *semaphore.Weighted
}

func newSpooler(dir string, mailboxes int) *spooler {
	return &spooler{dir: dir, budget: semaphore.NewWeighted(int64(budgetBase + max(0, mailboxes-1)*budgetEach))}
}

// spool is one message held back, with its digest. It has one owner at a time, who frees it.
type spool struct {
	from   *spooler
	size   mail.Size
	digest mail.Digest
	memory []byte
	file   *os.File
}

// take reads exactly size octets. An error of r comes back as it is; one of the disk has kind Internal.
func (s *spooler) take(ctx context.Context, size mail.Size, r io.Reader) (*spool, error) {
	if size > inMemory {
		return s.takeFile(size, r)
	}
	if err := s.budget.Acquire(ctx, int64(size)); err != nil {
		return nil, err
	}
	sp := &spool{from: s, size: size, memory: make([]byte, size)}
	if _, err := io.ReadFull(r, sp.memory); err != nil {
		sp.free()
		return nil, whole(err)
	}
	h := mail.NewExact()
	_, _ = h.Write(sp.memory)
	sp.digest = h.Sum()
	return sp, nil
}

func (s *spooler) takeFile(size mail.Size, r io.Reader) (*spool, error) {
	f, err := os.CreateTemp(s.dir, ".mailhaul-spool-*") // mode 0600
	if err != nil {
		return nil, diskError(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close() // nothing was written yet
		return nil, diskError(err)
	}
	sp := &spool{from: s, size: size, file: f}
	h := mail.NewExact()
	disk := &diskWriter{f}
	n, err := io.Copy(io.MultiWriter(h, disk), io.LimitReader(r, int64(size)))
	if err == nil && n < int64(size) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		sp.free()
		return nil, whole(err)
	}
	sp.digest = h.Sum()
	return sp, nil
}

// whole turns an early end into an error that nobody takes for an end.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &mail.Error{Op: "fetch message", Kind: mail.Transient, Code: mail.CodeIMAPLost,
			Text: "the body was cut off"}
	}
	return err
}

// diskWriter marks errors of the disk, so that they are not taken for the source's.
type diskWriter struct{ f *os.File }

func (d *diskWriter) Write(p []byte) (int, error) {
	n, err := d.f.Write(p)
	if err != nil {
		err = diskError(err)
	}
	return n, err
}

func diskError(err error) error {
	return &mail.Error{Op: "keep message in spool file", Kind: mail.Internal, Code: mail.CodeStateWrite, Err: err}
}

// body gives the octets from the start, each time it is called.
func (sp *spool) body() io.Reader {
	if sp.file == nil {
		return bytes.NewReader(sp.memory)
	}
	return io.NewSectionReader(sp.file, 0, int64(sp.size))
}

// free gives the memory or the disk space back. It may be called twice.
func (sp *spool) free() {
	if sp == nil {
		return
	}
	if sp.memory != nil {
		sp.from.budget.Release(int64(sp.size))
		sp.memory = nil
	}
	if sp.file != nil {
		_ = sp.file.Close() // unlinked: nothing is kept of it
		sp.file = nil
	}
}
