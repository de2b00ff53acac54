package imap

import (
	"testing"
	"time"
)

// TestGroupsGrowWithTheServer: how large a group may be follows from what the answers tell, within its bounds; what says
// nothing of the rate changes nothing.
func TestGroupsGrowWithTheServer(t *testing.T) {
	const mib = 1 << 20
	f := newFlight(nil)
	now := time.Now()
	answered := func(octets int64, verb string, took time.Duration) {
		a := &attempt{parts: []part{{size: octets}}, begun: now}
		now = now.Add(took)
		f.measure(a, &response{verb: verb}, now)
	}
	want := func(least, most int64) {
		t.Helper()
		if got := f.groupOctets(); got < least || got > most {
			t.Errorf("a group may have %d octets, want %d to %d", got, least, most)
		}
	}
	want(groupOctets, groupOctets)
	answered(4*mib, "OK", 40*time.Millisecond) // 100 MiB a second
	want(25*mib, 25*mib)
	answered(64*mib, "NO", time.Microsecond)
	answered(measured-1, "OK", time.Microsecond)
	want(25*mib, 25*mib)
	for range 40 {
		answered(4*mib, "OK", 400*time.Millisecond) // 10 MiB a second: as much as it takes in that time is less than a group
	}
	want(groupOctets, groupOctets)
	for range 40 {
		answered(64*mib, "OK", 0) // at once
	}
	want(groupMost, groupMost)

	// An attempt that was on its way before the answer to the one before it has the time since then only.
	f = newFlight(nil)
	early := now
	answered(4*mib, "OK", time.Second)
	second := &attempt{parts: []part{{size: 10 * mib}}, begun: early}
	f.measure(second, &response{verb: "OK"}, now.Add(100*time.Millisecond))
	want(7*mib, 8*mib) // (3/4 of 4 and 1/4 of 100) MiB a second, a quarter of it
}

// TestPatienceIsBounded: the time that the answer to a group may take is that of its largest message, or of a small group.
func TestPatienceIsBounded(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		sizes []int64
		want  int64
	}{
		{[]int64{100}, 100},
		{[]int64{mib, mib}, 2 * mib},
		{[]int64{mib, mib, mib, mib, mib, mib}, groupOctets},
		{[]int64{mib, 16 * mib, mib}, 16 * mib},
	} {
		a := &attempt{}
		for _, size := range c.sizes {
			a.parts = append(a.parts, part{size: size})
		}
		if got := a.weight(); got != c.want {
			t.Errorf("%v weigh %d, want %d", c.sizes, got, c.want)
		}
	}
}
