package executor_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// scene is a migration as it stands before the run that dies.
type scene struct {
	name string
	// set brings both sides there. f are the destination's faults during that run, beside its nature.
	set func(r *rig, f *endpointtest.Faults)
	// two mailboxes go into one destination.
	two bool
}

// drops are connections that break at the third and the eighth message.
func drops(kind endpointtest.DropKind) func(*rig, *endpointtest.Faults) {
	return func(r *rig, f *endpointtest.Faults) {
		r.fill("INBOX", 12)
		f.Drop = map[int]endpointtest.Drop{3: {Kind: kind}, 8: {Kind: kind}}
	}
}

// copied makes a scene of what happens after a first copy.
func copied(then func(r *rig, f *endpointtest.Faults)) func(*rig, *endpointtest.Faults) {
	return func(r *rig, f *endpointtest.Faults) {
		r.fill("INBOX", 10)
		r.fill("Work", 5)
		r.mustApply("full")
		r.newMail("since then")
		then(r, f)
	}
}

// source sets a fault of the source, beside mail in two folders.
func source(faults endpointtest.Faults) func(*rig, *endpointtest.Faults) {
	return func(r *rig, _ *endpointtest.Faults) {
		r.fill("INBOX", 12)
		r.fill("Work", 5)
		r.src().Set(faults)
	}
}

// refusing refuses messages until it has done so often enough.
func refusing(times int, err mail.Error) func(*rig, *endpointtest.Faults) {
	return func(r *rig, f *endpointtest.Faults) {
		r.fill("INBOX", 12)
		n := 0 // under the store's lock
		f.RefuseMessage = func(string, endpointtest.Message) *mail.Error {
			if n++; n > 4 && n <= 4+times {
				return &err
			}
			return nil
		}
	}
}

func freshScenes() []scene {
	return []scene{
		{name: "new mail", set: func(r *rig, _ *endpointtest.Faults) { r.fill("INBOX", 12); r.fill("INBOX/Projects", 5) }},
		{name: "many folders", set: func(r *rig, _ *endpointtest.Faults) {
			for i := range 6 {
				r.fill(fmt.Sprint("Folder ", i), 3)
			}
			r.src().Mkdir("Empty", mail.RoleNone)
			r.src().Mkdir("Gesendet", mail.RoleSent)
		}},
		{name: "equal mail", set: func(r *rig, _ *endpointtest.Faults) {
			for range 8 {
				r.src().Add("INBOX", letterOf(epoch, "the same"))
			}
		}},
		{name: "no UIDNEXT", set: func(r *rig, f *endpointtest.Faults) { r.fill("INBOX", 10); f.NoUIDNext = true }},
		{name: "some is there", set: func(r *rig, _ *endpointtest.Faults) {
			r.fill("INBOX", 10)
			for _, m := range r.src().Messages("INBOX")[:4] {
				r.dst().Add("INBOX", m)
			}
		}},
		{name: "newest first", set: func(r *rig, _ *endpointtest.Faults) { r.fill("INBOX", 12); r.config.Passes[1].Order = "newest-first" }},
		{name: "two mailboxes in one", two: true, set: func(r *rig, _ *endpointtest.Faults) {
			for _, s := range r.endpoints.Sources {
				for i := range 6 {
					s.Add("INBOX", letterOf(epoch, fmt.Sprint("equal ", i/2)))
				}
			}
		}},
		{name: "two folders in one", set: func(r *rig, _ *endpointtest.Faults) {
			r.config.Mailboxes[0].Folders.Merge = "allow"
			r.config.Mailboxes[0].Folders.Rename = []config.Rule{{Written: "x", Pattern: regexp.MustCompile("^Old$"), To: "INBOX"}}
			for i := range 6 {
				r.src().Add([]string{"INBOX", "Old"}[i%2], letterOf(epoch, fmt.Sprint("equal ", i/3)))
			}
		}},
	}
}

func faultScenes() []scene {
	mailError := func(kind mail.Kind, code mail.Code) mail.Error {
		return mail.Error{Op: "append message", Kind: kind, Code: code, Text: "no"}
	}
	return []scene{
		{name: "literal cut", set: drops(endpointtest.DropUnsent)},
		{name: "connection lost", set: drops(endpointtest.DropBefore)},
		{name: "answer lost", set: drops(endpointtest.DropAfter)},
		{name: "all answers lost", set: drops(endpointtest.DropAfterAll)},
		{name: "stored late", set: func(r *rig, f *endpointtest.Faults) {
			r.fill("INBOX", 12)
			f.Drop = map[int]endpointtest.Drop{4: {Kind: endpointtest.DropAfter, LateBy: 10 * time.Millisecond}}
		}},
		{name: "group refused", set: func(r *rig, f *endpointtest.Faults) {
			r.fill("INBOX", 12)
			f.DoubtAbsent = map[int]bool{2: true, 3: true, 4: true}
		}},
		{name: "stored and UNAVAILABLE", set: func(r *rig, f *endpointtest.Faults) {
			r.fill("INBOX", 12)
			f.DropAnswer = map[int]bool{2: true, 3: true, 9: true}
		}},
		{name: "refused once", set: refusing(1, mailError(mail.Malformed, mail.CodeMessageMalformed))},
		{name: "mailbox full", set: refusing(99, mailError(mail.Quota, mail.CodeQuotaFull))},
		{name: "folder gone", set: refusing(1, mailError(mail.Refused, mail.CodeIMAPFolderGone))},
		{name: "throttled", set: func(r *rig, f *endpointtest.Faults) {
			r.fill("INBOX", 12)
			f.ThrottleEvery, f.ThrottleWait = 5, time.Millisecond
		}},
		{name: "source breaks", set: source(endpointtest.Faults{FailAfterMessages: 5})},
		{name: "listing breaks", set: source(endpointtest.Faults{ListFails: 7})},
		{name: "no body", set: source(endpointtest.Faults{SwallowBody: map[mail.UID]bool{3: true}})},
		{name: "body cut each time", set: source(endpointtest.Faults{ShortBody: map[mail.UID]bool{4: true}})},
		{name: "mail vanishes", set: source(endpointtest.Faults{VanishDuring: func(s *endpointtest.Store, folder string, uid mail.UID) {
			if uid == 3 {
				s.Remove(folder, 5)
			}
		}})},
	}
}

func laterScenes() []scene {
	return []scene{
		{name: "flags changed", set: copied(func(r *rig, _ *endpointtest.Faults) {
			r.src().SetFlags("Work", 2, mail.ParseFlags([]string{`\Seen`, `\Flagged`}))
		})},
		{name: "new UIDs at the source", set: copied(func(r *rig, _ *endpointtest.Faults) { r.src().ChangeUIDValidity("INBOX") })},
		{name: "new UIDs at the destination", set: copied(func(r *rig, _ *endpointtest.Faults) { r.dst().ChangeUIDValidity("INBOX") })},
		{name: "destination began anew", set: copied(func(r *rig, _ *endpointtest.Faults) {
			r.dst().Renumber("INBOX", validity(r.t, r.dst(), "INBOX"))
		})},
		{name: "state lost", set: copied(func(r *rig, _ *endpointtest.Faults) { r.path += ".new" })},
		{name: "answer lost later", set: copied(func(_ *rig, f *endpointtest.Faults) {
			f.Drop = map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter}}
		})},
	}
}

// TestScenesCrash lets a run die at a write to the ledger in each of thirty scenes, with and without UIDPLUS: before the
// write is durable, or after, with nobody told. What comes next reaches the right end (I1 to I6), and then nothing is sent.
// Each scene plays one moment, or all of them with -every.
func TestScenesCrash(t *testing.T) {
	all := slices.Concat(freshScenes(), faultScenes(), laterScenes())
	if len(all) != 30 {
		t.Errorf("%d scenes", len(all))
	}
	for i, s := range all {
		for _, noUIDPlus := range []bool{false, true} {
			if !*every && noUIDPlus != (i%2 == 1) {
				continue
			}
			t.Run(fmt.Sprintf("%s, uidplus %v", s.name, !noUIDPlus), func(t *testing.T) {
				t.Parallel()
				writes := s.play(t, noUIDPlus, 1<<30, false)
				if !*every {
					s.play(t, noUIDPlus, 1+int64(i)*3%writes, i%4 < 2)
					return
				}
				for n := int64(1); n <= writes; n++ {
					s.play(t, noUIDPlus, n, false)
					s.play(t, noUIDPlus, n, true)
				}
			})
		}
	}
}

// play lets the run die at its n-th write, judges what comes after, and gives how many writes there were.
func (s scene) play(t *testing.T, noUIDPlus bool, n int64, after bool) int64 {
	var r *rig
	if s.two {
		r = merged(t, "anna", "bo")
	} else {
		r = newRig(t, "anna")
	}
	nature := endpointtest.Faults{NoUIDPlus: noUIDPlus}
	faults := nature
	r.dst().Set(nature)
	s.set(r, &faults)
	r.dst().Set(faults)
	var left atomic.Int64
	left.Store(n)
	r.wrap = func(l *state.Ledger) executor.Ledger { return crashing{l, &left, after} }
	if _, _, err := r.apply("full"); err != nil && !errors.Is(err, errCrash) {
		t.Fatalf("write %d: %v", n, err)
	}
	r.wrap = nil
	r.dst().Set(nature)
	for _, src := range r.endpoints.Sources {
		src.Mend()
	}
	r.endsRight(fmt.Sprintf("write %d, after %v", n, after))
	return n - left.Load()
}

// endsRight applies full and retry until nothing is left, and wants every message there once, and then nothing sent.
func (r *rig) endsRight(when string) {
	r.t.Helper()
	done := false
	for n := 0; n < 6 && !done; n++ {
		r.mustApply("retry")
		p, out, err := r.apply("full")
		done = err == nil && p.Total.Todo.Messages == 0 && out.Blocked+out.Incomplete == 0
	}
	if !done {
		r.t.Errorf("%s: not done; last events %v", when, r.events[max(0, len(r.events)-3):])
	}
	r.union()
	r.dst().Forget()
	r.mustApply("full")
	if n := appended(r.dst()); n > 0 {
		r.t.Errorf("%s: with everything copied %d messages were sent", when, n)
	}
	if r.t.Failed() {
		r.t.Log(when)
	}
}
