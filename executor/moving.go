package executor

import (
	"io"
	"sync/atomic"
	"time"

	"mailhaul/state/mail"
)

// moving counts the large messages that are under way, so that a view does not stand still while one takes minutes. Small
// ones are told when they have landed, and cost nothing here. What is read and what is sent are two counts: a large message
// is read whole before it is sent, and only what has gone to the destination is progress.
type moving struct {
	sent    atomic.Int64 // octets that have gone to the destination
	read    atomic.Int64 // octets of the message that is read
	reading atomic.Int64 // its size; zero: none is read
	told    atomic.Int64 // when that was told last, in nanoseconds
	now     func() time.Time
	tell    func()
}

// tellEvery is how often it is told at most.
const tellEvery = 250 * time.Millisecond

// under gives what has gone to the destination, how much of the next message was read, and its size. The last octet of what
// was sent counts with its answer: without one nothing has landed.
func (m *moving) under() (sent, read, reading mail.Size) {
	return mail.Size(max(0, m.sent.Load()-1)), mail.Size(m.read.Load()), mail.Size(m.reading.Load())
}

// passing counts for a message what r gives; done ends that. Without m nothing is counted.
func (m *moving) passing(sp *spool, r io.Reader) (counted io.Reader, done func()) {
	if m == nil {
		return r, func() {}
	}
	sp.under = m
	m.reading.Store(int64(sp.size))
	m.told.Store(0) // the first octets are told at once
	return &passage{Reader: r, under: m, octets: &m.read}, func() {
		m.reading.Store(0)
		m.read.Store(0)
	}
}

// leaving counts for a message what r gives on its way to the destination.
func (m *moving) leaving(sp *spool, r io.Reader) io.Reader {
	m.told.Store(0) // likewise
	return &passage{Reader: r, under: m, octets: &m.sent, passed: &sp.passed}
}

// passage counts what is read through it.
type passage struct {
	io.Reader
	under  *moving
	octets *atomic.Int64 // of all messages that pass this way
	passed *atomic.Int64 // of this message; nil: nobody asks
}

// Read counts.
func (p *passage) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if p.octets.Add(int64(n)); p.passed != nil {
		p.passed.Add(int64(n))
	}
	m := p.under
	now, before := m.now().UnixNano(), m.told.Load()
	if now-before >= int64(tellEvery) && m.told.CompareAndSwap(before, now) {
		m.tell()
	}
	return n, err
}

// rest ends the counting of a message: it has landed and counts as copied, or it has not. It may be called twice.
func (sp *spool) rest() {
	if sp != nil && sp.under != nil {
		sp.under.sent.Add(-sp.passed.Swap(0))
	}
}
