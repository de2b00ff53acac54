package imapserver

import (
	"strings"
	"sync"
	"time"
)

// Crowd is a limit of connections. It is safe for use by several goroutines.
type Crowd struct {
	// Most is how many connections there may be at once, of each user with PerUser.
	Most    int
	PerUser bool
	// Words refuse one more: a BYE in place of the greeting, or a NO to the sign-in.
	Words string

	mu      sync.Mutex
	there   map[string]int
	highest int
	refused int
}

// leaving is how long somebody who has just said goodbye may take to be gone.
const leaving = 250 * time.Millisecond

// atGreeting tells whether it is the greeting that refuses.
func (w *Crowd) atGreeting() bool { return strings.HasPrefix(w.Words, "BYE") }

// come takes a place, or refuses one. leave gives it back.
func (w *Crowd) come(user string) (leave func(), ok bool) {
	if !w.PerUser {
		user = ""
	}
	for until := time.Now().Add(leaving); !w.take(user); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refused++
			return nil, false
		}
	}
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.there[user]--
	}), true
}

func (w *Crowd) take(user string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.there == nil {
		w.there = map[string]int{}
	}
	if w.there[user] >= w.Most {
		return false
	}
	w.there[user]++
	w.highest = max(w.highest, w.there[user])
	return true
}

// Counted tells how many were there at most, and how many were refused, since it was asked last.
func (w *Crowd) Counted() (highest, refused int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	highest, refused = w.highest, w.refused
	w.highest, w.refused = 0, 0
	return highest, refused
}
