package graph

import (
	"context"
	"sync"
	"time"
)

// window keeps what is used within a span of time below a limit. It is safe for use by several goroutines.
type window struct {
	most int64
	span time.Duration

	mu   sync.Mutex
	used []use // oldest first
	sum  int64
}

// use is what was used within one step of time.
type use struct {
	at time.Time
	n  int64
}

// steps is how finely a window looks at time.
const steps = 300

func newWindow(most int64, span time.Duration) *window { return &window{most: most, span: span} }

// take waits until n more may be used, and uses them. More than the limit is let through alone.
func (w *window) take(ctx context.Context, n int64) error {
	for {
		wait := w.try(time.Now(), n)
		if wait <= 0 {
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// try uses n if that is possible now; else it gives the time until there may be room.
func (w *window) try(now time.Time, n int64) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	step := w.span / steps
	for len(w.used) > 0 && now.Sub(w.used[0].at) >= w.span+step {
		w.sum -= w.used[0].n
		w.used = w.used[1:]
	}
	if w.sum > 0 && w.sum+n > w.most {
		return max(time.Millisecond, w.used[0].at.Add(w.span+step).Sub(now))
	}
	w.sum += n
	if last := len(w.used) - 1; last >= 0 && now.Sub(w.used[last].at) < step {
		w.used[last].n += n
		return 0
	}
	w.used = append(w.used, use{now, n})
	return 0
}
