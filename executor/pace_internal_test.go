package executor

import (
	"testing"
	"time"
)

// TestPaceLongAfterARefusal: the rate that grows without bound makes groups larger, and never single messages of them.
func TestPaceLongAfterARefusal(t *testing.T) {
	now := time.Unix(0, 0)
	p := &pace{now: func() time.Time { return now }, least: time.Second}
	for range 100 {
		p.landed()
	}
	p.reserve(100)
	now = now.Add(time.Second)
	p.refused(time.Second)
	for range 100_000 {
		now = now.Add(time.Second)
		if n := p.group(256); n == 1 && now.After(time.Unix(600, 0)) {
			t.Fatalf("%v after the refusal messages go one by one", now.Sub(time.Unix(1, 0)))
		}
		if wait, asked := p.reserve(1); wait < 0 || asked < 0 {
			t.Fatalf("wait %v, asked %v", wait, asked)
		}
	}
}

// TestPaceRefusedAtOnce: who is refused before anything was taken, since others have used the budget up, learns nothing from
// it: the time that was asked for is waited for, and no rate follows that would be kept to for ever.
func TestPaceRefusedAtOnce(t *testing.T) {
	now := time.Unix(0, 0)
	p := &pace{now: func() time.Time { return now }, least: time.Second}
	p.reserve(1)
	p.refused(300 * time.Second)
	if _, asked := p.reserve(1); asked != 300*time.Second {
		t.Errorf("%v are to be waited for, want what was asked for", asked)
	}
	now = now.Add(300 * time.Second)
	if n := p.group(256); n != 256 {
		t.Errorf("afterwards %d messages leave together, want all", n)
	}
	for range 600 {
		p.landed()
	}
	now = now.Add(300 * time.Second)
	p.refused(300 * time.Second)
	now = now.Add(600 * time.Second)
	if r := p.rate(now); r < 0.6 || r > 1 {
		t.Errorf("600 messages in 10 minutes, and 5 more to wait, give %.2f a second", r)
	}
}

// TestPaceMakesGoodWhatWasLate: timers that fire late on a busy machine cost nothing, and a long rest is not made good.
func TestPaceMakesGoodWhatWasLate(t *testing.T) {
	now := time.Unix(0, 0)
	p := &pace{now: func() time.Time { return now }, least: time.Second, limited: true, lessons: 5, top: 100, span: time.Hour,
		until: time.Unix(-7200, 0)}
	sent := 0
	for now.Before(time.Unix(10, 0)) {
		wait, _ := p.reserve(1)
		now = now.Add(wait)
		if sent++; sent%10 == 0 {
			now = now.Add(60 * time.Millisecond)
		}
	}
	if sent < 970 || sent > 990 {
		t.Errorf("%d messages in 10 s, want 98 a second", sent)
	}
	now = now.Add(time.Hour)
	atOnce := 0
	for wait, _ := p.reserve(1); wait == 0; wait, _ = p.reserve(1) {
		atOnce++
	}
	if atOnce > 110 {
		t.Errorf("%d messages leave at once after a rest", atOnce)
	}
}
