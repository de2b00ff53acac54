package executor_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

var (
	seeds = flag.Int("seeds", 20, "how many random histories TestRandomHistories plays")
	seed  = flag.Uint64("seed", 0, "play only this history")
)

// TestRandomHistories plays migrations in which everything goes wrong at random: connections break in every way on both
// sides, the process dies at a write, UIDs are given anew, new mail comes. When the faults end, both sides are equal.
func TestRandomHistories(t *testing.T) {
	first, last := uint64(1), uint64(*seeds)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for s := first; s <= last; s++ {
		t.Run(fmt.Sprint("seed=", s), func(t *testing.T) {
			t.Parallel()
			h := history{newRig(t, "anna"), rand.New(rand.NewPCG(s, 0))}
			h.play()
		})
	}
}

type history struct {
	*rig
	rand *rand.Rand
}

func (h *history) play() {
	folders := []string{"INBOX", "INBOX/A", "Sent"}
	noUIDPlus := h.rand.IntN(3) == 0
	for range 3 + h.rand.IntN(3) {
		for range h.rand.IntN(25) {
			h.newMail(folders[h.rand.IntN(len(folders))])
		}
		if h.rand.IntN(4) == 0 && len(h.src().Messages("INBOX")) > 0 {
			h.t.Log("new UIDVALIDITY of INBOX at the source")
			h.src().ChangeUIDValidity("INBOX")
		}
		if h.rand.IntN(4) == 0 && len(h.dst().Messages("INBOX")) > 0 {
			h.t.Log("new UIDVALIDITY of INBOX at the destination")
			h.dst().ChangeUIDValidity("INBOX")
		}
		src, dst := h.sourceFaults(), h.destinationFaults(noUIDPlus)
		h.t.Logf("source %+v\ndestination %+v", src, dst)
		h.src().Set(src)
		h.dst().Set(dst)
		var left atomic.Int64
		left.Store(1 + h.rand.Int64N(15))
		if h.rand.IntN(2) == 0 {
			left.Store(1 << 30)
		}
		after := h.rand.IntN(2) == 0
		h.wrap = func(l *state.Ledger) executor.Ledger { return crashing{l, &left, after} }
		pass := []string{"prestage", "full", "retry"}[h.rand.IntN(3)]
		h.src().Forget()
		h.dst().Forget()
		_, out, err := h.apply(pass)
		h.t.Logf("%s: %v %+v", pass, err, out.PassDone)
		h.t.Logf("  source %v\n  destination %v", h.src().Calls(), h.dst().Calls())
		if err != nil && !errors.Is(err, errCrash) {
			h.t.Fatal(err)
		}
	}
	h.wrap = nil
	h.src().Mend()
	h.dst().Set(endpointtest.Faults{NoUIDPlus: noUIDPlus})
	h.untilDone()
	h.mustApply("retry")
	h.untilDone()
	h.sameMail()
}

// newMail adds a message; few dates and bodies, so that many are equal in one or both.
func (h *history) newMail(folder string) {
	h.src().Add(folder, endpointtest.Message{Date: epoch.AddDate(0, 0, -h.rand.IntN(200)/20*20),
		Octets: []byte(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", h.rand.IntN(4), h.rand.IntN(3)))})
}

func (h *history) sourceFaults() endpointtest.Faults {
	var f endpointtest.Faults
	switch h.rand.IntN(5) {
	case 0:
		f.FailAfterMessages = 1 + h.rand.IntN(20)
	case 1:
		f.ListFails = 1 + h.rand.IntN(10)
	case 2:
		f.SwallowBody = map[mail.UID]bool{mail.UID(1 + h.rand.IntN(20)): true}
	case 3:
		f.ShortBody = map[mail.UID]bool{mail.UID(1 + h.rand.IntN(20)): true}
	}
	return f
}

func (h *history) destinationFaults(noUIDPlus bool) endpointtest.Faults {
	f := endpointtest.Faults{NoUIDPlus: noUIDPlus, Drop: map[int]endpointtest.Drop{}, DropAnswer: map[int]bool{}}
	for range h.rand.IntN(4) {
		d := endpointtest.Drop{Kind: endpointtest.DropKind(h.rand.IntN(4))}
		if d.Kind == endpointtest.DropAfter && h.rand.IntN(2) == 0 {
			d.LateBy = time.Duration(h.rand.IntN(15)) * time.Millisecond
		}
		f.Drop[1+h.rand.IntN(30)] = d
	}
	if h.rand.IntN(3) == 0 {
		f.DropAnswer[1+h.rand.IntN(20)] = true
	}
	f.WrongUID = h.rand.IntN(8) == 0
	return f
}
