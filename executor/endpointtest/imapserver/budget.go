package imapserver

import (
	"sync"
	"time"
)

// Budget is what a throttled tenant allows: so many messages a second, and as many at once as were saved up. It is safe
// for use by several goroutines.
type Budget struct {
	PerSecond float64
	Burst     int

	mu      sync.Mutex
	began   time.Time
	last    time.Time
	saved   float64
	taken   int
	refused int
}

// Take takes messages out of the budget, or refuses all of them.
func (b *Budget) Take(now time.Time, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.began.IsZero() {
		b.began, b.saved = now, float64(b.Burst)
	} else {
		b.saved = min(float64(b.Burst), b.saved+b.PerSecond*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.saved < float64(n) {
		b.refused++
		return false
	}
	b.saved -= float64(n)
	b.taken += n
	return true
}

// Used tells which part of what the budget has allowed until its last message was taken, and how many requests it has
// refused for one that it took.
func (b *Budget) Used() (part, refusals float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	allowed := float64(b.Burst) + b.PerSecond*b.last.Sub(b.began).Seconds()
	return float64(b.taken) / allowed, float64(b.refused) / float64(b.taken)
}
