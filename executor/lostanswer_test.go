package executor_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/imapserver"
)

// every plays each fault at each APPEND of each kind of server, and cuts at each octet; otherwise some are chosen.
var every = flag.Bool("every", false, "play every fault and cut at every octet; takes long")

// The folder of these tests has 20 messages of three sizes, below and above what LITERAL- lets pass; two more are in
// another folder.
const wireMessages = 20

// server is a kind of destination.
type server struct {
	name    string
	profile imapserver.Profile
}

// honest are the kinds of servers that store what they say they store.
func honest() []server {
	all := imapserver.Dovecot()
	rewriting := all
	rewriting.Rewrite = trace
	single := all.Without("MULTIAPPEND")
	return []server{
		{"MULTIAPPEND", all},
		{"single APPENDs", single},
		{"no UIDPLUS", single.Without("UIDPLUS")},
		{"MULTIAPPEND without UIDPLUS", all.Without("UIDPLUS")},
		{"LITERAL-", single.Without("LITERAL+").With("LITERAL-")},
		{"synchronizing, no UIDPLUS", single.Without("LITERAL+", "UIDPLUS", "CONDSTORE")},
		{"rewriting", rewriting},
	}
}

// chosen are every second of them, or all with -every.
func chosen() (some []server) {
	for n, s := range honest() {
		if *every || n%2 == 0 {
			some = append(some, s)
		}
	}
	return some
}

// trace adds trace headers at the top and moves the first line, which is one too, to the end of the header, as a server
// does that delivers what it is given: h0 is another one then, and h1 the same.
func trace(octets []byte) []byte {
	first, rest, _ := strings.Cut(string(octets), "\r\n")
	header, body, _ := strings.Cut(rest, "\r\n\r\n")
	return []byte("Return-Path: <>\r\nReceived: from client\r\n by server; now\r\n" + header + "\r\n" + first + "\r\n\r\n" + body)
}

// faulty is a lane's fault: what goes wrong with which APPEND command.
type faulty struct {
	append int
	kind   imapserver.Kind
}

// strikes lists a fault at every stride-th APPEND command that there can be; -every makes it every one.
func strikes(p imapserver.Profile, stride int, kinds ...imapserver.Kind) (all []faulty) {
	if *every {
		stride = 1
	}
	for _, kind := range kinds {
		for i := 1; i <= commands(p); i += stride {
			all = append(all, faulty{i, kind})
		}
	}
	return all
}

// commands is how many APPENDs a lane takes at most. With MULTIAPPEND every third message is large, which ends groups.
func commands(p imapserver.Profile) int {
	if slices.Contains(p.After, "MULTIAPPEND") {
		return 10
	}
	return wireMessages + 2
}

// struckWire makes a wire with a lane for each fault.
func struckWire(t *testing.T, p imapserver.Profile, faults []faulty) *wire {
	sizes := wireSizes{300, 2000, 5000}
	if slices.Contains(p.After, "MULTIAPPEND") {
		sizes[2] = 66_000
	}
	var names []string
	for _, f := range faults {
		names = append(names, fmt.Sprintf("%s append %d", kinds[f.kind], f.append))
	}
	w := newWire(t, imapserver.Dovecot(), p, names...)
	for n, l := range w.lanes {
		l.fill(wireMessages, sizes)
		l.dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{faults[n].append: faults[n].kind}, Reset: n%3 == 2})
	}
	return w
}

var kinds = map[imapserver.Kind]string{imapserver.Swallow: "answer swallowed", imapserver.BreakBefore: "broken before storing",
	imapserver.ByeInside: "BYE inside", imapserver.Refuse: "NO", imapserver.Unavailable: "stored and UNAVAILABLE"}

// struck tells how many lanes had their fault: where there are groups some may have none, as it is timing that makes them.
func (w *wire) struck() int {
	w.t.Helper()
	n := 0
	for _, l := range w.lanes {
		n += l.dst.Struck()
	}
	if groups := slices.Contains(w.destination.Profile().After, "MULTIAPPEND"); n == 0 || !groups && n != len(w.lanes) {
		w.t.Errorf("%d faults struck in %d lanes", n, len(w.lanes))
	}
	return n
}

// TestHardCase_P01_EveryFault breaks each APPEND of a folder in each way, at each kind of server. What is lost is the
// answer, the command, the connection or the server's word; the mail must be there once. It holds I2, I3 and I5: nothing
// is sent a second time before it is known to be absent, and what a server has stored is found, equal messages counted.
func TestHardCase_P01_EveryFault(t *testing.T) {
	for n, s := range honest() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			stride := 1
			if n > 2 {
				stride = 3
			}
			faults := strikes(s.profile, stride, imapserver.Swallow)
			if n%3 == 0 || *every {
				faults = append(faults, strikes(s.profile, 5, imapserver.BreakBefore, imapserver.ByeInside, imapserver.Refuse, imapserver.Unavailable)...)
			}
			w := struckWire(t, s.profile, faults)
			w.further = n%2 == 1
			w.untilDone()
			t.Logf("%d faults", w.struck())
			w.sameMail()
		})
	}
}

// TestHardCase_P03_LateCommit stores what lost its answer only after the first look for it, but within the grace time. It
// holds I3: one look that finds nothing proves nothing.
func TestHardCase_P03_LateCommit(t *testing.T) {
	for _, s := range chosen() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.profile.LateBy = 100 * time.Millisecond
			w := struckWire(t, s.profile, strikes(s.profile, 5, imapserver.Swallow))
			w.grace = 2 * time.Second
			w.untilDone()
			w.struck()
			w.destination.Settle()
			w.sameMail()
		})
	}
}

// TestHardCase_P03_CommitAfterTheGrace is the honest limit: what is stored after the grace time is there twice. The run
// comes to its end all the same, and `mailhaul check` names every one of them, and nothing else.
func TestHardCase_P03_CommitAfterTheGrace(t *testing.T) {
	for _, s := range chosen() {
		if s.profile.Rewrite != nil {
			continue // check tells rewritten copies apart by their canonical form, which its own tests prove
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.profile.Held = true
			w := struckWire(t, s.profile, strikes(s.profile, 5, imapserver.Swallow))
			w.untilDone()
			struck := w.struck()
			w.sameMail()
			for _, l := range w.lanes {
				l.dst.Release()
			}
			if missing, twice := w.checkNames(); missing != 0 || twice < struck {
				t.Errorf("%d missing and %d twice after %d late commits", missing, twice, struck)
			}
			w.untilDone()
		})
	}
}

// TestHardCase_P04_OKWithoutStoring: a server that answers OK and stores nothing can't be found out by the copy. The run
// ends, nothing is sent again, and `mailhaul check` names every message that is missing.
func TestHardCase_P04_OKWithoutStoring(t *testing.T) {
	for _, s := range chosen()[:2] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.profile.ForgetEvery = 7
			w := newWire(t, imapserver.Dovecot(), s.profile, "anna")
			w.lanes[0].fill(wireMessages, wireSizes{300, 2000, 5000})
			w.untilDone()
			if missing, twice := w.checkNames(); missing != (wireMessages+2)/7 || twice != 0 {
				t.Errorf("%d missing and %d twice, want every seventh missing", missing, twice)
			}
		})
	}
}

// TestHardCase_M05_Deduplicating: a server folds equal messages and says OK. The run ends, what is folded is not sent
// again and again, and `mailhaul check` names it; with an answer lost too.
func TestHardCase_M05_Deduplicating(t *testing.T) {
	for _, s := range chosen()[:2] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.profile.Deduplicate = true
			w := struckWire(t, s.profile, strikes(s.profile, 5, imapserver.Swallow))
			w.untilDone()
			// Of the 20 messages every fifth is the one before once more.
			if missing, twice := w.checkNames(); missing != len(w.lanes)*wireMessages/5 || twice != 0 {
				t.Errorf("%d missing and %d twice", missing, twice)
			}
			for _, l := range w.lanes {
				if n := l.dst.Counts().Appended; n > 3*wireMessages {
					t.Errorf("%s: %d messages were sent", l.name, n)
				}
			}
		})
	}
}
