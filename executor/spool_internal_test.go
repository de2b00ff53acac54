package executor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"mailhaul/state/mail"
)

// whole fails unless every block of the budget can be had, and none of them twice.
func (s *spooler) whole(t *testing.T) {
	t.Helper()
	if !s.budget.TryAcquire(budgetBase) {
		t.Fatal("the budget is not whole")
	}
	if s.budget.TryAcquire(1) {
		t.Error("there is more than the budget: a block was given back twice")
	}
	s.budget.Release(budgetBase)
	if !s.coming.TryAcquire(budgetBase - atHandEach) {
		t.Error("what messages wanted while they came is not given back")
	} else {
		s.coming.Release(budgetBase - atHandEach)
	}
	seen := map[*block]bool{}
	for _, b := range s.free {
		if seen[b] {
			t.Fatal("a block is there twice")
		}
		if seen[b] = true; b.users.Load() != 0 {
			t.Errorf("a free block has %d users", b.users.Load())
		}
	}
}

// spooled takes messages of these sizes, and gives their octets too.
func (s *spooler) spooled(t *testing.T, sizes ...int) (all []*spool, octets [][]byte) {
	t.Helper()
	c := s.carver()
	defer c.end()
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range sizes {
		text := make([]byte, size)
		_, _ = random.Read(text) // never fails
		sp, err := c.take(t.Context(), mail.Size(size), bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		all, octets = append(all, sp), append(octets, text)
	}
	return all, octets
}

// reuser is a connection that takes so many octets. Before each write and after it others fill all memory that is free: what
// is given back before it was written shows.
type reuser struct {
	*testing.T
	*spooler
	got  bytes.Buffer
	left int
	most int // blocks that were free
}

var errCut = errors.New("cable cut")

func (r *reuser) Write(p []byte) (int, error) {
	r.reuse()
	p, cut := p[:min(len(p), r.left)], len(p) > r.left
	r.got.Write(p)
	r.left -= len(p)
	r.reuse()
	if cut {
		return len(p), errCut
	}
	return len(p), nil
}

func (r *reuser) reuse() {
	n := 0
	for n < budgetBase && r.budget.TryAcquire(1) {
		n++
	}
	r.budget.Release(int64(n))
	r.most = max(r.most, n)
	blocks := make([]*block, n)
	for i := range blocks {
		b, err := r.acquire(context.Background())
		if err != nil {
			r.Fatal(err)
		}
		blocks[i] = b
	}
	for _, b := range blocks {
		clear(b.octets)
		b.users.Store(1)
		r.leave(b)
	}
}

// TestMemoryComesBackWhileItIsSent: messages are sent, some of which share blocks, and the connection breaks at each place:
// what was written is what was taken, memory comes back with each part that was written, and at the end all of it, once.
func TestMemoryComesBackWhileItIsSent(t *testing.T) {
	sizes := []int{100, 3*blockSize + 5, 200_000, 0, blockSize, 2 * blockSize, 7, 60_000, 6 << 20}
	total := 0
	for _, size := range sizes {
		total += size
	}
	for _, limit := range []int{0, 1, 100, 101, blockSize, 2 * blockSize, 3*blockSize + 105, 5 * blockSize, 3 << 20, total - 1, total} {
		s := newSpooler(t.TempDir(), 1)
		all, octets := s.spooled(t, sizes...)
		to := &reuser{T: t, spooler: s, left: limit}
		var err error
		for _, sp := range all {
			if err == nil {
				_, err = io.Copy(to, sp.leaving())
			}
			if size := sp.sentSize(); size != sp.size {
				t.Errorf("a message of %d octets has %d when it is sent", sp.size, size)
			}
		}
		if cut := limit < total; errors.Is(err, errCut) != cut || err != nil && !cut {
			t.Errorf("cut at %d: %v", limit, err)
		}
		if !bytes.Equal(to.got.Bytes(), bytes.Join(octets, nil)[:limit]) {
			t.Errorf("cut at %d: other octets were written than taken", limit)
		}
		if to.reuse(); limit == total && to.most != budgetBase {
			t.Errorf("at most %d of %d blocks were free before the messages were freed", to.most, budgetBase)
		}
		for range 2 { // it may be freed twice
			for _, sp := range all {
				sp.free()
			}
		}
		s.whole(t)
	}
}

// TestMemoryStaysWhileItMayBeReadAgain: who reads a message in another way than to send it can begin again, and memory comes
// back with free only.
func TestMemoryStaysWhileItMayBeReadAgain(t *testing.T) {
	s := newSpooler(t.TempDir(), 1)
	all, octets := s.spooled(t, 100, blockSize+1, inMemory+1)
	for i, sp := range all {
		for range 2 {
			if got, err := io.ReadAll(sp.outgoing()); err != nil || !bytes.Equal(got, octets[i]) {
				t.Errorf("message %d: %d octets, %v", i, len(got), err)
			}
		}
		// An endpoint that takes no memory reads: nothing of that is given back before Append returns.
		if got, err := io.ReadAll(struct{ io.Reader }{sp.leaving()}); err != nil || !bytes.Equal(got, octets[i]) {
			t.Errorf("message %d is sent with %d octets, %v", i, len(got), err)
		}
		if got, err := io.ReadAll(sp.outgoing()); err != nil || !bytes.Equal(got, octets[i]) {
			t.Errorf("message %d: %d octets after it was read, %v", i, len(got), err)
		}
		sp.free()
	}
	s.whole(t)
}

// TestTakeCutOff: a body that ends early leaves nothing of its memory behind.
func TestTakeCutOff(t *testing.T) {
	s := newSpooler(t.TempDir(), 1)
	c := s.carver()
	for _, size := range []mail.Size{100, 3 * blockSize, inMemory, inMemory + 1} {
		if _, err := c.take(t.Context(), size, bytes.NewReader(make([]byte, size-1))); mail.KindOf(err) != mail.Transient {
			t.Errorf("%d octets: %v", size, err)
		}
	}
	c.end()
	s.whole(t)
}

// TestReadingGoesOnWhileMemoryIsScarce: with all but a block of the memory held by messages that wait to be sent, the next
// one comes as far as that block goes, and the rest with what is given back.
func TestReadingGoesOnWhileMemoryIsScarce(t *testing.T) {
	s := newSpooler(t.TempDir(), 1)
	held, _ := s.spooled(t, (budgetBase-1)/2*blockSize, (budgetBase-1-(budgetBase-1)/2)*blockSize)
	c := s.carver()
	arrived := make(chan int, 100)
	text := bytes.Repeat([]byte("x"), 8*blockSize)
	done := make(chan *spool)
	go func() {
		sp, err := c.take(context.Background(), mail.Size(len(text)), &teller{bytes.NewReader(text), arrived})
		if err != nil {
			t.Error(err)
		}
		c.end()
		done <- sp
	}()
	for n := 0; n < blockSize; {
		n += <-arrived
	}
	select {
	case <-arrived:
		t.Fatal("there was memory for more than one block")
	case <-time.After(20 * time.Millisecond):
	}
	held[0].free()
	sp := <-done
	if got, err := io.ReadAll(sp.body()); err != nil || !bytes.Equal(got, text) {
		t.Errorf("read %d octets (%v), want %d", len(got), err, len(text))
	}
	sp.free()
	held[1].free()
	s.whole(t)
}

// teller tells of each piece that was read.
type teller struct {
	io.Reader
	arrived chan int
}

func (c *teller) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if n > 0 {
		c.arrived <- n
	}
	return n, err
}

// TestReadersDoNotWaitForEachOther: more mailboxes read large messages at once than there is memory for, and each is sent
// when it is whole. Whoever held a part and waited for the rest must get it.
func TestReadersDoNotWaitForEachOther(t *testing.T) {
	s := newSpooler(t.TempDir(), 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var readers errgroup.Group
	for range 8 {
		readers.Go(func() error {
			c := s.carver()
			defer c.end()
			for range 10 {
				small, err := c.take(ctx, 10, slow{size: 10})
				if err != nil {
					return err
				}
				large, err := c.take(ctx, inMemory, slow{size: inMemory})
				if err != nil {
					return err
				}
				large.free()
				small.free()
			}
			return nil
		})
	}
	if err := readers.Wait(); err != nil {
		t.Error(err)
	}
}

// slow lets others in between its reads.
type slow struct{ size int }

func (s slow) Read(p []byte) (int, error) {
	runtime.Gosched()
	return min(len(p), s.size), nil
}

// TestSlowSourcesShareTheMemory: while one mailbox's source is in the middle of a large message, another's comes too.
func TestSlowSourcesShareTheMemory(t *testing.T) {
	s := newSpooler(t.TempDir(), 2)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	first, second := s.carver(), s.carver()
	const size = inMemory
	_, err := first.take(ctx, size, meanwhile(func() {
		sp, err := second.take(ctx, size, slow{size: size})
		if err != nil {
			t.Errorf("a second message can't come: %v", err)
		}
		sp.free()
	}))
	if err == nil {
		t.Error("the source that was cut off is not told of")
	}
	first.end()
	second.end()
}

// meanwhile is a source that has something done at its first octet, and ends.
type meanwhile func()

func (m meanwhile) Read([]byte) (int, error) {
	m()
	return 0, io.EOF
}
