package executor_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

var (
	seeds = flag.Int("seeds", 20, "how many random histories TestRandomHistories plays")
	seed  = flag.Uint64("seed", 0, "play only this history")
	from  = flag.Uint64("from", 1, "play histories from this one on")
)

// TestRandomHistories plays migrations in which everything goes wrong at random: connections break in every way on both
// sides, the process dies at a write, UIDs are given anew, folders are renamed and merged, two mailboxes go into one, the
// state file is lost, people change flags and delete mail, and strangers' mail arrives. When the faults end, the
// destination holds every message as often as the sources do, and nothing is claimed twice.
func TestRandomHistories(t *testing.T) {
	first, last := *from, *from+uint64(*seeds)-1
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for s := first; s <= last; s++ {
		t.Run(fmt.Sprint("seed=", s), func(t *testing.T) {
			t.Parallel()
			newHistory(t, rand.New(rand.NewPCG(s, 0))).play()
		})
	}
}

// history is one migration. What kind of world it plays in is drawn once, what happens in each round anew.
type history struct {
	*rig
	rand  *rand.Rand
	names []string // of the source mailboxes; all go into the destination of the first
	// The destination's and the source's nature.
	nature, sourceNature endpointtest.Faults
	folders              []string
	merged               bool // Sent goes into INBOX
	renamed              bool
	dateless             map[string]bool // once computed, at the end
	renames              bool            // Sent gets another name: what was copied stays where it is, for no other folder to take and no new state to find
	loses                bool            // the state file is lost now and then
	deletes              bool            // the user deletes at the destination
	unique               int
	deleted, strange     []endpointtest.Message
}

func newHistory(t *testing.T, r *rand.Rand) *history {
	h := &history{rand: r, names: []string{"anna"}, folders: []string{"INBOX", "INBOX/A", "Sent"}}
	if h.one(3) {
		h.names = append(h.names, "bo")
	}
	h.rig = newRig(t, h.names...)
	for _, m := range h.config.Mailboxes {
		m.Destination.Address = "anna"
		h.endpoints.Destinations[m.Name()] = h.endpoints.Destinations["anna"]
	}
	h.nature = endpointtest.Faults{NoUIDPlus: h.one(2), NoUIDNext: h.one(8), ForgetDates: h.one(10)}
	h.sourceNature = endpointtest.Faults{NoModSeq: h.one(3), NoUIDNext: h.one(8)}
	if h.merged = h.one(3); h.merged {
		for _, m := range h.config.Mailboxes {
			m.Folders.Merge = "allow"
			m.Folders.Rename = []config.Rule{{Written: "sent", Pattern: regexp.MustCompile("^Sent$"), To: "INBOX"}}
		}
	}
	h.loses = !h.nature.ForgetDates && h.one(5)
	h.renames = len(h.names) == 1 && !h.merged && !h.loses
	h.deletes = !h.loses && h.one(2)
	return h
}

// one is true one time in n.
func (h *history) one(n int) bool { return h.rand.IntN(n) == 0 }

func (h *history) pick(list []string) string { return list[h.rand.IntN(len(list))] }

func (h *history) play() {
	h.t.Logf("%v nature %s source %s merged %v loses %v deletes %v", h.names, said(h.nature), said(h.sourceNature), h.merged, h.loses, h.deletes)
	for range 3 + h.rand.IntN(3) {
		h.live()
		h.fault()
		h.run(h.pick([]string{"prestage", "full", "retry"}))
	}
	h.wrap = nil
	h.mend()
	h.resend = true
	for range 8 {
		h.mustApply("full")
		h.mustApply("retry")
	}
	if p, out, err := h.apply("full"); err != nil || !p.Empty() {
		h.t.Errorf("not done: %v, %+v, %+v; last events %v", err, p.Total, out.PassDone, h.events)
	}
	h.compare()
}

// live is what people and servers do between two runs.
func (h *history) live() {
	for _, name := range h.names {
		src := h.endpoints.Sources[name]
		for range h.rand.IntN(25) {
			h.newMail(src, h.pick(h.folders))
		}
		renumbered := h.one(4)
		if box := h.pick(h.folders); renumbered && len(src.Messages(box)) > 0 {
			h.t.Logf("new UIDVALIDITY of %s at the source %s", box, name)
			src.ChangeUIDValidity(box)
			h.renames = false // a new name as well, before a listing saw this, would make it another folder
		}
		if !renumbered && h.renames && h.one(6) && slices.Contains(src.Folders(), "Sent") {
			h.t.Log("Sent is renamed")
			src.Rename("Sent", "Outbox")
			h.renamed = true
			h.folders[2] = "Outbox"
		}
		h.changeFlags(src)
	}
	dst := h.dst()
	if box := h.pick(dst.Folders()); h.one(4) && len(dst.Messages(box)) > 0 {
		h.t.Logf("new UIDVALIDITY of %s at the destination", box)
		dst.ChangeUIDValidity(box)
	}
	for range h.rand.IntN(4) {
		m := h.message()
		m.Octets = append(m.Octets, fmt.Sprintf("a stranger's %d\r\n", h.rand.IntN(1e9))...)
		h.strange = append(h.strange, m)
		dst.Add(h.pick(dst.Folders()), m)
	}
	h.deleteSome()
	if h.loses && h.one(3) {
		h.t.Log("the state file is lost")
		h.path += "x"
	}
}

// message makes one; few dates and bodies, so that many are equal in one or both.
func (h *history) message() endpointtest.Message {
	m := endpointtest.Message{Date: epoch.AddDate(0, 0, -h.rand.IntN(200)/20*20),
		Octets: []byte(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", h.rand.IntN(4), h.rand.IntN(3)))}
	if h.one(30) && !h.nature.ForgetDates { // where no date is kept, a message without one can't be told from its equals
		m.Date = time.Time{}
	}
	return m
}

func (h *history) newMail(src *endpointtest.Store, folder string) {
	m := h.message()
	if h.one(3) {
		h.unique++
		m.Octets = append(m.Octets, fmt.Sprintf("unique %d\r\n", h.unique)...)
	}
	src.Add(folder, m)
}

func isUnique(m endpointtest.Message) bool { return strings.Contains(string(m.Octets), "unique") }

// changeFlags changes flags of messages that have no equal: of equal ones it can't be told whose copy is which.
func (h *history) changeFlags(src *endpointtest.Store) {
	for _, f := range src.Folders() {
		for _, m := range src.Messages(f) {
			if isUnique(m) && h.one(6) {
				src.SetFlags(f, m.UID, mail.Flags{System: mail.System(h.rand.IntN(16))})
			}
		}
	}
}

// deleteSome deletes copies at the destination, unless one of them may be the answer to an open doubt: that is beyond
// what can be promised.
func (h *history) deleteSome() {
	if !h.deletes || h.doubts() > 0 {
		return
	}
	for _, f := range h.dst().Folders() {
		for _, m := range h.dst().Messages(f) {
			if isUnique(m) && h.one(10) {
				h.deleted = append(h.deleted, m)
				h.dst().Remove(f, m.UID)
			}
		}
	}
}

// doubts counts the open ones.
func (h *history) doubts() (n int64) {
	l, err := state.Open(h.t.Context(), h.path, state.Options{Version: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	totals, err := l.Totals(h.t.Context())
	for _, t := range totals {
		n += t.Doubt.Messages
	}
	if err := errors.Join(err, l.Close()); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *history) mend() {
	for _, name := range h.names {
		h.endpoints.Sources[name].Set(h.sourceNature)
	}
	h.dst().Set(h.nature)
}

func (h *history) fault() {
	h.mend()
	name := h.pick(h.names)
	src, dst := h.sourceFaults(), h.destinationFaults()
	h.endpoints.Sources[name].Set(src)
	h.dst().Set(dst)
	h.t.Logf("source %s %s\ndestination %s", name, said(src), said(dst))
	var left atomic.Int64
	left.Store(1 + h.rand.Int64N(25))
	if h.one(2) {
		left.Store(1 << 30)
	}
	after := h.one(2)
	h.wrap = func(l *state.Ledger) executor.Ledger { return crashing{l, &left, after} }
}

// said names the faults that are switched on.
func said(f endpointtest.Faults) string {
	on := []string{}
	for v, i := reflect.ValueOf(f), 0; i < v.NumField(); i++ {
		if x := v.Field(i); !x.IsZero() && !(x.Kind() == reflect.Map && x.Len() == 0) {
			on = append(on, fmt.Sprintf("%s:%+v", v.Type().Field(i).Name, x))
		}
	}
	return "{" + strings.Join(on, " ") + "}"
}

func (h *history) run(pass string) {
	h.src().Forget()
	h.dst().Forget()
	_, out, err := h.apply(pass)
	h.t.Logf("%s: %v %+v", pass, err, out.PassDone)
	h.t.Logf("  source %v\n  destination %v", h.src().Calls(), h.dst().Calls())
	if err != nil && !errors.Is(err, errCrash) {
		h.t.Fatal(err)
	}
}

func (h *history) sourceFaults() endpointtest.Faults {
	f := h.sourceNature
	switch h.rand.IntN(6) {
	case 0:
		f.FailAfterMessages = 1 + h.rand.IntN(20)
	case 1:
		f.ListFails = 1 + h.rand.IntN(10)
	case 2:
		f.SwallowBody = map[mail.UID]bool{mail.UID(1 + h.rand.IntN(20)): true}
	case 3:
		f.ShortBody = map[mail.UID]bool{mail.UID(1 + h.rand.IntN(20)): true}
	case 4:
		n := h.rand.IntN(40)
		f.VanishDuring = func(s *endpointtest.Store, folder string, _ mail.UID) {
			if n--; n == 0 && !h.renames { // new UIDs and a new name between two listings are another folder
				s.ChangeUIDValidity(folder)
			}
		}
	}
	return f
}

func (h *history) destinationFaults() endpointtest.Faults {
	f := h.nature
	f.Drop, f.DropAnswer, f.DoubtAbsent = map[int]endpointtest.Drop{}, map[int]bool{}, map[int]bool{}
	for range h.rand.IntN(4) {
		d := endpointtest.Drop{Kind: endpointtest.DropKind(h.rand.IntN(4))}
		if d.Kind == endpointtest.DropAfter && !h.loses && h.one(2) {
			d.LateBy = time.Duration(h.rand.IntN(15)) * time.Millisecond
		}
		f.Drop[1+h.rand.IntN(30)] = d
	}
	if h.one(3) {
		first := h.rand.IntN(20)
		for n := range 1 + h.rand.IntN(6) {
			f.DropAnswer[first+n] = true
		}
	}
	if h.one(3) {
		first := h.rand.IntN(20)
		for n := range 1 + h.rand.IntN(6) {
			f.DoubtAbsent[first+n] = true
		}
	}
	if h.one(6) {
		n := h.rand.IntN(20)
		f.Meanwhile = func(s *endpointtest.Store, folder string) {
			if n--; n == 0 {
				s.ChangeUIDValidity(folder)
			}
		}
	}
	// A lie can be told by the date of the message that is really there, and by UIDNEXT.
	f.WrongUID = h.one(8) && !h.nature.ForgetDates && !h.nature.NoUIDNext
	return f
}

// tally names a message as it must be found at the destination.
func (h *history) tally(m endpointtest.Message) string {
	date := ""
	if !h.nature.ForgetDates && !h.undated()[string(m.Octets)] {
		date = m.Date.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s %q", date, m.Octets)
}

// carriesFlags tells whether every change of flags must arrive: not where the state was lost and with it what had been
// written, nor where
// dates don't tell which copy is which once UIDs are given anew, nor for copies in a folder that their pair has left.
func (h *history) carriesFlags() bool {
	return !h.loses && !h.renamed && !h.nature.ForgetDates
}

// undated are the octets of messages of which one has no date: its copy got the moment of its copying, or it shares the
// copies of its equals.
func (h *history) undated() map[string]bool {
	if h.dateless != nil {
		return h.dateless
	}
	all := map[string]bool{}
	for _, name := range h.names {
		src := h.endpoints.Sources[name]
		for _, f := range src.Folders() {
			for _, m := range src.Messages(f) {
				if m.Date.IsZero() {
					all[string(m.Octets)] = true
				}
			}
		}
	}
	h.dateless = all
	return all
}

// compare holds the destination against the sources: every message as often, in whatever folder, with its flags.
func (h *history) compare() {
	flags := map[string]mail.Flags{}
	count := map[string]int{}
	for _, name := range h.names {
		src := h.endpoints.Sources[name]
		for _, f := range src.Folders() {
			for _, m := range src.Messages(f) {
				count[h.tally(m)]--
				flags[string(m.Octets)] = m.Flags
			}
		}
	}
	for _, m := range h.strange {
		count[h.tally(m)]--
	}
	for _, m := range h.deleted {
		count[h.tally(m)]++
	}
	for _, f := range h.dst().Folders() {
		for _, m := range h.dst().Messages(f) {
			count[h.tally(m)]++
			if isUnique(m) && h.carriesFlags() && !m.Flags.Equal(flags[string(m.Octets)]) {
				h.t.Errorf("flags of %q are %v, at the source %v", m.Octets, m.Flags, flags[string(m.Octets)])
			}
		}
	}
	for m, n := range count {
		if n != 0 {
			h.t.Errorf("%d too many of %s", n, m)
		}
	}
	if h.t.Failed() && *seed != 0 {
		h.dump()
	}
	h.checkState()
}

// dump tells all that a person needs to find out what went wrong in one history.
func (h *history) dump() {
	l, err := state.Open(h.t.Context(), h.path, state.Options{Version: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	defer l.Close()
	all := []state.State{0, 1, 2, 3, 10, 11, 12, 13, 14, 20, 21, 22}
	boxes, _ := l.Mailboxes(h.t.Context())
	for _, b := range boxes {
		folders, _ := l.Folders(h.t.Context(), b.ID)
		for _, f := range folders {
			h.t.Logf("%s pair %+v", b.Name, f)
			rows, _ := l.Select(h.t.Context(), state.Query{Folder: f.ID, States: all, Limit: 1000})
			for _, r := range rows {
				h.t.Logf("  %d %v %v %s flags %v state %d attempt %d duid %d u0 %d v0 %d lost %d", r.UID, r.H0, r.Size, r.InternalDate.UTC().Format(time.RFC3339), r.Flags, r.State, r.Attempt, r.DestinationUID, r.U0, r.V0, r.Degraded)
			}
		}
	}
	show := func(s *endpointtest.Store) {
		for _, f := range s.Folders() {
			for _, m := range s.Messages(f) {
				h.t.Logf("  %s %d %s %s %q", f, m.UID, m.Date.UTC().Format(time.RFC3339), m.Flags, m.Octets)
			}
		}
	}
	for _, n := range h.names {
		h.t.Logf("source %s", n)
		show(h.endpoints.Sources[n])
	}
	h.t.Log("destination")
	show(h.dst())
}
