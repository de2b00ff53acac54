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
