package cmd

import (
	"runtime"
	"testing"
)

// TestThreads: a single mailbox gets half of what there is, several as many as they are, and a number that somebody has
// chosen stands.
func TestThreads(t *testing.T) {
	defer runtime.SetDefaultGOMAXPROCS()
	for mailboxes, want := range map[int]int{0: 2, 1: 2, 3: 3, 9: 4} {
		runtime.GOMAXPROCS(4)
		end := (&app{}).threads(mailboxes)
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%d mailboxes have %d threads of 4", mailboxes, got)
		}
		end()
		runtime.GOMAXPROCS(4)
		(&app{io: Process{Environ: []string{"GOMAXPROCS=4"}}}).threads(mailboxes)()
		if got := runtime.GOMAXPROCS(0); got != 4 {
			t.Errorf("a chosen number becomes %d", got)
		}
	}
}
