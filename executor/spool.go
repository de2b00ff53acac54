package executor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"mailhaul/executor/amend"
	"mailhaul/state/hugepages"
	"mailhaul/state/mail"
)

// The sizes that bound memory. Blocks of all mailboxes come from one budget and are used again and again, so a run's
// memory does not grow with the size of a message or the number of messages; only with the mailboxes at work.
const (
	blockSize = 256 << 10
	// slab is how many blocks are allocated at once.
	slab = 4 << 20 / blockSize
	// stride is how much is read and digested at a time: while it is in the cache, and by system calls so short that the
	// runtime does not take the processor away from whoever makes them.
	stride = 64 << 10
	// inMemory is the largest message kept in memory; a larger one goes through an unlinked file.
	inMemory = 8 << 20
	// budgetBase and budgetEach make the budget in blocks: base, and so many more for each further mailbox at work. The
	// base holds a message of any size beside a batch; that which is sent gives its memory back on its way.
	budgetBase = 12 << 20 / blockSize
	budgetEach = 8 << 20 / blockSize
	// atHandEach is how much of it is left for blocks at hand, for each mailbox. More would have slow sources wait for one
	// another.
	atHandEach = 4
)

// spooler keeps messages between the source and the destination.
type spooler struct {
	dir    string // beside the state file: /tmp is often memory
	budget *semaphore.Weighted
	// coming bounds what the messages that are being read want altogether. A message takes its blocks as its octets come, so
	// that reading goes on while what came before it is sent; if the others had all, and each waited for more, they would
	// wait for ever. What it leaves of the budget is for the carvers' blocks at hand, which a source that is silent keeps.
	coming *semaphore.Weighted

	mu   sync.Mutex
	free []*block
}

// block is a piece of memory that holds a part of a message, or several small ones.
type block struct {
	octets []byte       // blockSize
	users  atomic.Int32 // messages with octets in it, and the carver that fills it
}

func newSpooler(dir string, mailboxes int) *spooler {
	mailboxes = max(1, mailboxes)
	blocks := int64(budgetBase + (mailboxes-1)*budgetEach)
	return &spooler{dir: dir, budget: semaphore.NewWeighted(blocks),
		coming: semaphore.NewWeighted(blocks - int64(mailboxes*atHandEach))}
}

// acquire waits for a block.
func (s *spooler) acquire(ctx context.Context) (*block, error) {
	if err := s.budget.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		s.grow()
	}
	last := len(s.free) - 1
	b := s.free[last]
	s.free = s.free[:last]
	return b, nil
}

func (s *spooler) grow() {
	octets := hugepages.Make(slab * blockSize)
	for part := range slices.Chunk(octets, blockSize) {
		s.free = append(s.free, &block{octets: part})
	}
}

// leave gives a block back when its last user leaves it.
func (s *spooler) leave(b *block) {
	if b.users.Add(-1) > 0 {
		return
	}
	s.mu.Lock()
	s.free = append(s.free, b)
	s.mu.Unlock()
	s.budget.Release(1)
}

func (s *spooler) carver() carver { return carver{spooler: s, digest: newExactDigest()} }

// carver cuts the memory of one pipeline's messages out of blocks, small messages side by side.
type carver struct {
	*spooler
	moving  *moving // tells of large messages; nil: nobody does
	digest  exactDigest
	current *block // nil: none is begun
	used    int    // octets of it
}

// spool is one message held back, with its digest. It has one owner at a time, who frees it.
type spool struct {
	from   *spooler
	size   mail.Size
	digest mail.Digest
	blocks []*block
	parts  [][]byte // the octets, in order
	file   *os.File
	plan   amend.Plan // what is sent instead
	sent   sentForm   // of that
	under  *moving    // where it is counted while it moves; nil: nowhere
	passed atomic.Int64
	flying bool // its answer ends the counting
}

// sentForm is what is known of the octets that are sent instead of those that came.
type sentForm struct {
	size   mail.Size
	digest mail.Digest
}

// amend finds out what of the wanted changes the message needs, and what comes out.
func (sp *spool) amend(wanted amend.Changes) (err error) {
	if sp.plan, err = amend.Find(sp.body(), wanted); err != nil {
		return diskError(err)
	}
	if sp.plan.Changes == 0 {
		return nil
	}
	h := newExactDigest()
	n, err := io.Copy(h, sp.outgoing())
	if err != nil {
		return diskError(err)
	}
	sp.sent = sentForm{mail.Size(n), h.sum()}
	return nil
}

// asItWas takes back what amend has found.
func (sp *spool) asItWas() { sp.plan, sp.sent = amend.Plan{}, sentForm{} }

// outgoing gives the octets that are sent, from the start.
func (sp *spool) outgoing() io.Reader { return sp.plan.Reader(sp.body()) }

// leaving is outgoing for a message that is sent: it is counted on its way.
func (sp *spool) leaving() io.Reader {
	if sp.under == nil {
		if sp.plan.Changes == 0 && sp.file == nil {
			return &parts{left: sp.parts, passed: sp.leaveFirst} // an endpoint may take memory without a copy
		}
		return sp.outgoing()
	}
	return sp.under.leaving(sp, sp.outgoing())
}

func (sp *spool) sentSize() mail.Size {
	if sp.plan.Changes != 0 {
		return sp.sent.size
	}
	return sp.size
}

// take reads exactly size octets. An error of r comes back as it is; one of the disk has kind Internal.
func (c *carver) take(ctx context.Context, size mail.Size, r io.Reader) (*spool, error) {
	if size > inMemory {
		sp := &spool{from: c.spooler, size: size}
		r, done := c.moving.passing(sp, r)
		defer done()
		if err := c.takeFile(sp, r); err != nil {
			return nil, err
		}
		return sp, nil
	}
	sp := &spool{from: c.spooler, size: size}
	come, err := c.begin(ctx, int(size))
	if err != nil {
		return nil, err
	}
	defer come()
	c.digest.reset()
	for left := int(size); left > 0; {
		part, err := c.carve(ctx, sp, left)
		for piece := range slices.Chunk(part, stride) {
			if _, err = io.ReadFull(r, piece); err != nil {
				err = whole(err)
				break
			}
			_, _ = c.digest.Write(piece)
		}
		if err != nil {
			sp.free()
			return nil, err
		}
		left -= len(part)
		if left > 0 {
			runtime.Gosched() // a source that is fast never lets anybody else at the thread
		}
	}
	sp.digest = c.digest.sum()
	return sp, nil
}

// begin waits until a message of that size may come. One that the block at hand has no room for begins in a new one; the
// block at hand is given up before it waits for others.
func (c *carver) begin(ctx context.Context, size int) (come func(), err error) {
	if c.current != nil && size <= blockSize-c.used {
		return func() {}, nil
	}
	c.end()
	want := int64((size + blockSize - 1) / blockSize)
	if err := c.coming.Acquire(ctx, want); err != nil {
		return nil, err
	}
	return func() { c.coming.Release(want) }, nil
}

// carve gives the message the next piece of memory, of at most so many octets, and waits for it.
func (c *carver) carve(ctx context.Context, sp *spool, most int) ([]byte, error) {
	if c.current != nil && c.used == blockSize {
		c.end()
	}
	if c.current == nil {
		b, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		b.users.Store(1)
		c.current, c.used = b, 0
	}
	n := min(most, blockSize-c.used)
	part := c.current.octets[c.used : c.used+n]
	c.used += n
	c.current.users.Add(1)
	sp.blocks, sp.parts = append(sp.blocks, c.current), append(sp.parts, part)
	return part, nil
}

// end gives up the block at hand. Messages in it keep it.
func (c *carver) end() {
	if c.current != nil {
		c.leave(c.current)
		c.current = nil
	}
}

// takeFile fills sp from r, through a file. After an error nothing is left of it.
func (s *spooler) takeFile(sp *spool, r io.Reader) error {
	f, err := os.CreateTemp(s.dir, ".mailhaul-spool-*") // mode 0600
	if err != nil {
		return diskError(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close() // nothing was written yet
		return diskError(err)
	}
	sp.file = f
	h := newExactDigest()
	disk := &diskWriter{f}
	n, err := io.Copy(io.MultiWriter(h, disk), io.LimitReader(r, int64(sp.size)))
	if err == nil && n < int64(sp.size) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		sp.free()
		return whole(err)
	}
	sp.digest = h.sum()
	return nil
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
	if sp.file != nil {
		return io.NewSectionReader(sp.file, 0, int64(sp.size))
	}
	if len(sp.parts) == 1 {
		return bytes.NewReader(sp.parts[0])
	}
	return &parts{left: sp.parts}
}

// parts reads pieces of memory one after the other.
type parts struct {
	left   [][]byte
	at     int    // in the first piece
	passed func() // told when WriteTo is done with a piece; nil: nobody is
}

// Read gives what is left of the piece at hand.
func (p *parts) Read(b []byte) (int, error) {
	for len(p.left) > 0 && p.at == len(p.left[0]) {
		p.left, p.at = p.left[1:], 0
	}
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0][p.at:])
	p.at += n
	return n, nil
}

// Len is how many octets are left.
func (p *parts) Len() int {
	n := -p.at
	for _, part := range p.left {
		n += len(part)
	}
	return n
}

// WriteTo gives the pieces as they are, without a copy.
func (p *parts) WriteTo(w io.Writer) (sum int64, err error) {
	for ; len(p.left) > 0 && err == nil; p.left, p.at = p.left[1:], 0 {
		var n int
		n, err = w.Write(p.left[0][p.at:])
		sum += int64(n)
		if p.passed != nil {
			p.passed()
		}
	}
	return sum, err
}

// leaveFirst gives back the memory of the first part, which was sent: the next messages need it.
func (sp *spool) leaveFirst() {
	if len(sp.blocks) > 0 {
		sp.from.leave(sp.blocks[0])
		sp.blocks, sp.parts = sp.blocks[1:], sp.parts[1:]
	}
}

// free gives the memory or the disk space back. It may be called twice.
func (sp *spool) free() {
	if sp == nil {
		return
	}
	if !sp.flying {
		sp.rest()
	}
	for _, b := range sp.blocks {
		sp.from.leave(b)
	}
	sp.blocks, sp.parts = nil, nil
	if sp.file != nil {
		_ = sp.file.Close() // unlinked: nothing is kept of it
		sp.file = nil
	}
}
