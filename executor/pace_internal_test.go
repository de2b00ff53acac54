package executor

import (
	"testing"
	"testing/synctest"
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

// TestPaceRefusedAtOnce: who is refused before anything was taken, since others have used the budget up, learns nothing from
// it: the time that was asked for is waited for, and no rate follows that would be kept to for ever.
func TestPaceRefusedAtOnce(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPace(func() time.Time { return now }, time.Second, state.Messages, 0)
	one := claim{who: "anna", amount: 1}
	if asked, err := p.wait(t.Context(), nil, one); asked != 0 || err != nil {
		t.Fatal(asked, err)
	}
	p.refused(300*time.Second, mail.CodeIMAPThrottled)
	if asked, err := p.wait(t.Context(), nil, one); asked != 300*time.Second || err != nil {
		t.Errorf("%v are to be waited for, want what was asked for: %v", asked, err)
	}
	now = now.Add(300 * time.Second)
	if n := p.group(256, func(int) float64 { return 1 }); n != 256 {
		t.Errorf("afterwards %d messages leave together, want all", n)
	}
	for range 600 {
		p.landed(1)
	}
	now = now.Add(300 * time.Second)
	p.refused(300*time.Second, mail.CodeIMAPThrottled)
	now = now.Add(600 * time.Second)
	if r := p.rateAt(now); r < 0.6 || r > 1 {
		t.Errorf("600 messages in 10 minutes, and 5 more to wait, give %.2f a second", r)
	}
}

// TestPaceMakesGoodWhatWasLate: timers that fire late on a busy machine cost nothing, and a long rest is not made good.
func TestPaceMakesGoodWhatWasLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now, time.Second, state.Messages, 0)
		p.limited, p.lessons, p.top, p.span, p.until = true, 5, 100, time.Hour, time.Now().Add(-2*time.Hour)
		began := time.Now()
		sent := func(while func() bool) (n int) {
			for ; while(); n++ {
				if _, err := p.wait(t.Context(), nil, claim{who: "anna", amount: 1}); err != nil {
					t.Fatal(err)
				}
				if n%10 == 9 {
					time.Sleep(60 * time.Millisecond)
				}
			}
			return n
		}
		if n := sent(func() bool { return time.Since(began) < 10*time.Second }); n < 970 || n > 990 {
			t.Errorf("%d messages in 10 s, want 98 a second", n)
		}
		time.Sleep(time.Hour)
		began = time.Now()
		if n := sent(func() bool { return time.Since(began) == 0 }); n > 2 {
			t.Errorf("%d messages leave at once after a rest", n)
		}
	})
}
