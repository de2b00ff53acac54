//go:build unix

package config

import (
	"syscall"
	"testing"
	"time"
)

// TestManyRows holds that a load takes time in proportion to its rows; BenchmarkRows tells how much. It is the processor's
// time, so that it does not matter who else keeps the machine busy.
func TestManyRows(t *testing.T) {
	took := map[int]time.Duration{}
	for _, n := range []int{5_000, 50_000} {
		dir := manyRows(t, n)
		begin := processorTime(t)
		c := mustLoad(t, dir)
		took[n] = processorTime(t) - begin
		if len(c.Mailboxes) != n || c.Mailboxes[77].Skip != "x" || c.Mailboxes[n-1].Range.Start.Line != n+1 {
			t.Errorf("%d mailboxes", len(c.Mailboxes))
		}
	}
	if took[50_000] > 50*took[5_000] {
		t.Errorf("5,000 rows took %s, 50,000 took %s", took[5_000], took[50_000])
	}
}

// processorTime is what this process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
