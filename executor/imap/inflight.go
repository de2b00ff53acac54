package imap

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mailhaul/state/fault"
	"mailhaul/state/mail"
)

// The window of appends that are written and not answered. Octets bound it, and it grows to cover bandwidth times round
// trip: whoever has filled it without being held up by the connection waits for answers that are on their way. The count
// only keeps a flood of tiny messages from becoming a flood of answers.
const (
	windowOctets  = 8 << 20
	windowLargest = 128 << 20
	windowCount   = 4096
)

// slowest is the rate below which an append is given up, in octets a second.
const slowest = 16 << 10

// attempt is one APPEND on its way: of one message, or of several (MULTIAPPEND, RFC 3502).
type attempt struct {
	tag   string
	parts []part
	begun time.Time // when the first message was written
	// unfinished is set while more messages may follow in the same command; an answer then is none to it.
	unfinished bool
	// written is when the last octet so far was handed over.
	written time.Time
	// consents are given when the server asked for the literal; answered is set when it has settled the attempt.
	consents int
	answered bool
}

// part is one message of an attempt.
type part struct {
	id, size int64
	// end is the place of the literal's last octet among all octets of the session; until the literal's length is
	// written it is beyond all of them.
	end int64
	// done hears what became of it.
	done func(mail.Appended)
}

// end is that of the last message: before it is passed on the server can't have the command.
func (a *attempt) end() int64 {
	if len(a.parts) == 0 {
		return math.MaxInt64
	}
	return a.parts[len(a.parts)-1].end
}

// open tells whether the attempt is not yet what an answer with this verb can be to. One message may be refused before its
// end (RFC 7888, 4), as if nothing could follow it; of several, nobody knows which ones the server has seen.
func (a *attempt) open(verb string) bool {
	return a.unfinished && (verb == "OK" || len(a.parts) > 1)
}

func (a *attempt) size() (octets int64) {
	for _, p := range a.parts {
		octets += p.size
	}
	return octets
}

// flight is the appends in flight: the writer adds to it, one goroutine reads their answers while there are any. That
// goroutine owns client.in while running is set; nobody else may read then.
type flight struct {
	c *client

	mu      sync.Mutex
	change  *sync.Cond
	queue   []*attempt // in the order they were written
	octets  int64
	window  int64 // octets that may be in flight
	open    int   // messages whose done has not returned
	running bool
	// halted is set after a BAD: nothing more is written until all that was passed on is answered.
	halted bool
	dead   error
	// rate is how many octets a second the server takes of late, by its answers, the last of which came at answered.
	rate     float64
	answered time.Time
	// single counts the messages to be sent alone, since one of a group was refused.
	single int

	// group is the writer's: the command that is open for more messages.
	group *group

	telling sync.Mutex // done is called by one goroutine at a time
}

func newFlight(c *client) *flight {
	f := &flight{c: c, window: windowOctets}
	f.change = sync.NewCond(&f.mu)
	return f
}

// errAnswered says that no further message can belong to an attempt.
var errAnswered = errors.New("the command was answered")

// join adds an attempt, or a further message to the one written last, and starts the reader of answers if it sleeps.
func (f *flight) join(a *attempt, m *mail.Outgoing, done func(mail.Appended)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead != nil {
		return f.dead
	}
	if a.answered {
		return errAnswered
	}
	if len(a.parts) == 0 {
		f.queue = append(f.queue, a)
		a.begun = time.Now()
	}
	a.parts = append(a.parts, part{id: m.ID, size: int64(m.Size), end: math.MaxInt64, done: done})
	f.octets += int64(m.Size)
	f.open++
	f.bear()
	if !f.running {
		f.running = true
		go f.listen() // ends when the queue is empty or the connection breaks; idle waits for it
	}
	return nil
}

// bear gives the answer that is due the time that its octets may take. Each answer gives the next one time of its own, so
// a server that hangs is noticed however much is in flight.
func (f *flight) bear() {
	due := int64(0)
	if len(f.queue) > 0 {
		due = f.queue[0].weight()
	}
	f.c.link.bear(time.Duration(due) * time.Second / slowest)
}

// weight is how many octets count for the time that the answer may take. Only a server that was fast is given a large
// group: its answer may take as long as that to a small one.
func (a *attempt) weight() int64 {
	largest := int64(0)
	for _, p := range a.parts {
		largest = max(largest, p.size)
	}
	return max(largest, min(a.size(), groupOctets))
}

// full tells whether the window has no room; one message of any size is let in while there is any.
func (f *flight) full() bool { return f.octets >= f.window || len(f.queue) >= windowCount }

// listen reads answers until none is due.
func (f *flight) listen() {
	for {
		r, err := f.c.in.next()
		if err == nil {
			err = f.take(r)
		}
		if err != nil {
			f.fail(err)
		}
		f.mu.Lock()
		over := err != nil || len(f.queue) == 0
		if over {
			f.running = false
			f.change.Broadcast()
		}
		f.mu.Unlock()
		if over {
			return
		}
	}
}

// take acts on one response. Its error ends the session.
func (f *flight) take(r *response) error {
	switch {
	case r.kind == goOn:
		f.consent()
	case r.kind == tagged:
		return f.answer(r)
	case r.kind == untagged && r.verb == "BYE":
		return &byeError{status: r.status}
	case r.kind == untagged && r.verb == "BAD":
		return &badError{status: r.status}
	}
	return nil
}

// consent belongs to the attempt written last: nothing is written behind one that waits.
func (f *flight) consent() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.queue); n > 0 {
		f.queue[n-1].consents++
		f.change.Broadcast()
	}
}

// answer settles one attempt.
func (f *flight) answer(r *response) error {
	passed, now := f.c.link.passed(), time.Now()
	f.mu.Lock()
	at := f.index(r.tag)
	if at < 0 || f.halted && at > 0 {
		f.mu.Unlock()
		return errForeignTag
	}
	a := f.queue[at]
	if (a.open(r.verb) || r.verb == "OK" && a.end() > passed) && !fault.Off(fault.EarlyAnswer) {
		f.mu.Unlock()
		return errForeignTag // it can't have the whole command
	}
	f.queue = append(f.queue[:at], f.queue[at+1:]...)
	f.octets -= a.size()
	if r.verb != "OK" && len(a.parts) > 1 {
		f.single = singleAfterRefusal
	}
	f.halted = f.halted || r.verb == "BAD" && !fault.Off(fault.HaltAfterBad)
	a.answered = true
	took := max(1, now.Sub(a.written))
	f.measure(a, r, now)
	f.bear()
	f.change.Broadcast()
	all := f.judge(a, r.status, passed) // with the lock: the writer may still be at its literal
	f.mu.Unlock()
	for i := range all {
		all[i].Took = took
	}
	f.tell(a, all)
	return nil
}

// measured is the smallest attempt whose answer says something of the rate.
const measured = 256 << 10

// measure learns from an answer how fast the server takes mail. Answers come one after the other, so an attempt's own
// time begins with the answer before it.
func (f *flight) measure(a *attempt, r *response, now time.Time) {
	since := a.begun
	if f.answered.After(since) {
		since = f.answered
	}
	f.answered = now
	octets := a.size()
	if r.verb != "OK" || octets < measured {
		return
	}
	rate := float64(octets) / max(now.Sub(since), time.Microsecond).Seconds()
	if f.rate == 0 {
		f.rate = rate
	}
	f.rate += (rate - f.rate) / 4
}

// groupOctets is how large a group may be: what the server takes in groupTime.
func (f *flight) groupOctets() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(min(max(f.rate*groupTime.Seconds(), groupOctets), groupMost))
}

func (f *flight) index(tag string) int {
	for i, a := range f.queue {
		if a.tag == tag {
			return i
		}
	}
	return -1
}

// doubtful are the codes of a NO that may follow a commit: the server speaks of itself, not of the message.
var doubtful = map[string]bool{"UNAVAILABLE": true, "SERVERBUG": true, "INUSE": true}

// judge makes outcomes of a tagged answer (invariants I3 and I4 of package executor). A NO to several messages proves
// nothing of any one of them.
func (f *flight) judge(a *attempt, st status, passed int64) []mail.Appended {
	all := make([]mail.Appended, len(a.parts))
	v, uids := appendUIDs(st, len(a.parts))
	for i, p := range a.parts {
		out := mail.Appended{ID: p.id, Outcome: mail.Landed, UIDValidity: v, UID: uids[i]}
		if st.verb != "OK" {
			err := f.c.classify("append message", st, atAppend)
			out = mail.Appended{ID: p.id, Outcome: mail.Absent, Err: err}
			group := len(a.parts) > 1 && !fault.Off(fault.RefusedGroup)
			if group && (err.Kind == mail.Malformed || err.Kind == mail.TooLarge) {
				err.Kind = mail.Refused // one of them is so, and nobody knows which: each is to be tried alone
			}
			itself := doubtful[st.code] && !fault.Off(fault.DoubtfulRefusal)
			if st.verb == "NO" && (itself || group) && p.end <= passed {
				out.Outcome = mail.Unknown
			}
		}
		all[i] = out
	}
	return all
}

// appendUIDs reads "validity uid-set" (RFC 4315), n UIDs in the order of the messages. Nothing is believed yet: the
// caller compares. Where there are not just n, or they do not ascend, none is known.
func appendUIDs(st status, n int) (mail.UIDValidity, []mail.UID) {
	none := make([]mail.UID, n)
	words := strings.Fields(st.args)
	if st.code != "APPENDUID" || len(words) != 2 {
		return 0, none
	}
	v, err := strconv.ParseUint(words[0], 10, 32)
	if err != nil {
		return 0, none
	}
	var uids []mail.UID
	for _, r := range strings.Split(words[1], ",") {
		first, last, isRange := strings.Cut(r, ":")
		if !isRange {
			last = first
		}
		from, errFrom := strconv.ParseUint(first, 10, 32)
		to, errTo := strconv.ParseUint(last, 10, 32)
		if errFrom != nil || errTo != nil || to < from || to-from >= uint64(n-len(uids)) {
			return 0, none
		}
		for u := from; u <= to; u++ {
			uids = append(uids, mail.UID(u))
		}
	}
	if len(uids) != n || !slices.IsSorted(uids) {
		return 0, none
	}
	return mail.UIDValidity(v), uids
}

// fail ends the session and settles all attempts: those whose last octet was never passed on are absent, of the others
// nothing is known.
func (f *flight) fail(err error) {
	f.mu.Lock()
	if f.dead == nil {
		f.dead = f.c.explain("append message", err)
	}
	why := f.dead // the first reason: what kill does to the other goroutine is none
	f.mu.Unlock()
	f.c.kill(why)
	passed := f.c.link.passed() // final: kill lets nothing more pass
	f.mu.Lock()
	queue := f.queue
	f.queue, f.octets = nil, 0
	fates := make([][]mail.Appended, len(queue))
	for i, a := range queue {
		fates[i] = a.lost(why, passed) // with the lock: the writer may still be at a literal
	}
	f.change.Broadcast()
	f.mu.Unlock()
	for i, a := range queue {
		f.tell(a, fates[i])
	}
}

// lost makes outcomes of a session that ended before the answer.
func (a *attempt) lost(why error, passed int64) []mail.Appended {
	all := make([]mail.Appended, len(a.parts))
	for i, p := range a.parts {
		all[i] = mail.Appended{ID: p.id, Outcome: mail.Unknown, Err: why}
		if p.end > passed || fault.Off(fault.LostAnswer) {
			all[i].Outcome = mail.Absent
		}
	}
	return all
}

func (f *flight) tell(a *attempt, all []mail.Appended) {
	f.telling.Lock()
	for i, out := range all {
		a.parts[i].done(out)
	}
	f.telling.Unlock()
	f.mu.Lock()
	f.open -= len(all)
	f.change.Broadcast()
	f.mu.Unlock()
}

// idle waits until every attempt is settled and the reader of answers has gone.
func (f *flight) idle() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.open > 0 || f.running {
		f.change.Wait()
	}
	return f.dead
}
