package executor

import (
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestPaceLongAfterARefusal: the rate that grows without bound makes groups larger, and never single messages of them.
func TestPaceLongAfterARefusal(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPace(func() time.Time { return now }, time.Second, state.Messages, 0)
	for range 100 {
		p.landed(1)
	}
	now = now.Add(time.Second)
	p.refused(time.Second, mail.CodeIMAPThrottled)
	for range 100_000 {
		now = now.Add(time.Second)
		if n := p.group(256, func(int) float64 { return 1 }); n == 1 && now.After(time.Unix(600, 0)) {
			t.Fatalf("%v after the refusal messages go one by one", now.Sub(time.Unix(1, 0)))
		}
		if r := p.rateAt(now); r <= 0 {
			t.Fatalf("the rate is %v", r)
		}
	}
}
