package executor

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestShareIsFair lets mailboxes with pieces of very different sizes, and with one connection or several, work over one
// bounded line in simulated time: while both have work each gets its share, and together they use all that there is.
func TestShareIsFair(t *testing.T) {
	const perSecond = 1_000_000
	synctest.Test(t, func(t *testing.T) {
		s := NewShare(perSecond)
		var work sync.WaitGroup
		took := make([]int, 4)
		var mu sync.Mutex
		end := time.Now().Add(100 * time.Second)
		for i, c := range []struct{ piece, connections int }{{128 << 10, 1}, {128 << 10, 4}, {1000, 1}, {3_000_000, 1}} {
			part := s.Of(fmt.Sprint(i))
			for range c.connections {
				work.Go(func() {
					for {
						if err := part.WaitN(t.Context(), c.piece); err != nil || time.Now().After(end) {
							return
						}
						mu.Lock()
						took[i] += c.piece
						mu.Unlock()
					}
				})
			}
		}
		work.Wait()
		sum := 0
		for i, n := range took {
			sum += n
			if share := float64(n) / (25 * perSecond); share < 0.87 || share > 1.13 {
				t.Errorf("mailbox %d got %.2f of its share: %v", i, share, took)
			}
		}
		if sum < 98*perSecond || sum > 104*perSecond {
			t.Errorf("%d octets in 100 s, where %d a second are allowed", sum, perSecond)
		}
	})
}

// TestShareOfTheLastOne: when the small mailboxes are done the large one has all; who was away comes back without a claim
// to what it did not take.
func TestShareOfTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewShare(1000)
		done := map[string]time.Duration{}
		var mu sync.Mutex
		var work sync.WaitGroup
		began := time.Now()
		for mailbox, pieces := range map[string]int{"small": 100, "middle": 300, "large": 1000} {
			work.Go(func() {
				for range pieces {
					if err := s.Of(mailbox).WaitN(t.Context(), 100); err != nil {
						t.Error(err)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				done[mailbox] = time.Since(began).Round(time.Second)
			})
		}
		work.Wait()
		// 10,000 each with three at work, 20,000 more with two, and the rest alone; a second's worth was saved up.
		want := map[string]time.Duration{"small": 29 * time.Second, "middle": 69 * time.Second, "large": 139 * time.Second}
		for mailbox, at := range want {
			if d := done[mailbox] - at; d < -3*time.Second || d > time.Second { // the first second's worth is the first one's
				t.Errorf("%s is done after %v, want %v", mailbox, done[mailbox], at)
			}
		}
	})
}
