package executor

import (
	"io"
	"sync/atomic"
	"time"

	"mailhaul/state/mail"
)

// moving counts what has passed of the large messages that are under way, so that a view does not stand still while one
// takes minutes. Small ones are told when they have landed, and cost nothing here.
type moving struct {
	octets atomic.Int64 // fetched and sent: each octet passes twice
	told   atomic.Int64 // when that was told last, in nanoseconds
	now    func() time.Time
	tell   func()
}

// tellEvery is how often it is told at most.
const tellEvery = 250 * time.Millisecond

// under is how much of what is under way counts as moved: both passages are half of it each, and it is never all, because
// no answer has come.
func (m *moving) under() mail.Size { return mail.Size(m.octets.Load() * 49 / 100) }

// passing counts for a message what r gives. Without m nothing is counted.
func (m *moving) passing(sp *spool, r io.Reader) io.Reader {
	if m == nil {
		return r
	}
	sp.under = m
	return &passage{Reader: r, sp: sp}
}

// passage counts what is read through it.
type passage struct {
	io.Reader
	sp *spool
}

// Read counts.
func (p *passage) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	m := p.sp.under
	p.sp.passed.Add(int64(n))
	m.octets.Add(int64(n))
	now, before := m.now().UnixNano(), m.told.Load()
	if now-before >= int64(tellEvery) && m.told.CompareAndSwap(before, now) {
		m.tell()
	}
	return n, err
}

// rest ends the counting of a message: it has landed and counts as copied, or it has not. It may be called twice.
func (sp *spool) rest() {
	if sp != nil && sp.under != nil {
		sp.under.octets.Add(-sp.passed.Swap(0))
	}
}
