//go:build faults

package fault

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// armed is what the environment asks for, read when the first point or safety is reached.
var armed = sync.OnceValue(read)

type settings struct {
	mu    sync.Mutex
	crash Point
	left  int // until the point is reached for the n-th time
	hits  *os.File
	off   Safety
}

// read panics at a name that nobody knows: a test that asks for nothing must not pass.
func read() *settings {
	s := &settings{}
	if text := os.Getenv("MAILHAUL_CRASH"); text != "" {
		name, n, _ := strings.Cut(text, ":")
		left, err := strconv.Atoi(n)
		if s.crash, s.left = Point(name), left; err != nil || left < 1 || !slices.Contains(Points(), s.crash) {
			panic(fmt.Sprintf("MAILHAUL_CRASH=%s is not name:n with a registered name", text))
		}
	}
	s.off = Safety(os.Getenv("MAILHAUL_BUG"))
	if s.off != "" && !slices.Contains(Safeties(), s.off) {
		panic(fmt.Sprintf("MAILHAUL_BUG=%s is no registered name", s.off))
	}
	if name := os.Getenv("MAILHAUL_HITS"); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		s.hits = f
	}
	return s
}

// At is the point: where it was asked for, the process ends here.
func At(p Point) {
	s := armed()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hits != nil {
		if _, err := fmt.Fprintln(s.hits, p); err != nil {
			panic(err)
		}
	}
	if p != s.crash {
		return
	}
	if s.left--; s.left == 0 {
		die()
	}
}

// AtIf is the point where the condition holds.
func AtIf(there bool, p Point) {
	if there {
		At(p)
	}
}

// Off tells whether the safety is switched off.
func Off(s Safety) bool { return s == armed().off }

// die ends the process as kill -9 does: nothing deferred runs, nothing is flushed.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}
