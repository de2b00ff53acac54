package view

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mailhaul/executor"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// board is what the live screen shows, as data: events go in on one goroutine, frames come out on another.
type board struct {
	mu            sync.Mutex
	o             Output
	p             palette
	now           func() time.Time
	loc           *time.Location
	height        int
	pass          string
	planned       state.Count
	ended         state.Count // copied by mailboxes that are no longer at work
	counted       executor.Progress
	mailboxes     int
	finished      int       // of the mailboxes
	closes        time.Time // when the first of them stops for its window; zero: none does
	spent         bool      // it is not a window but the time that the user gave
	problems      int
	atWork        []*worker // in the order they started, so that lines keep their place
	told          map[problemKey]bool
	speed, longer meter // the rate shown, and the one that the time left is told from
	waiting       *pause
	interrupted   bool
	over          bool
}

// worker is one mailbox at work.
type worker struct {
	name, folder  string
	done, planned int64 // messages of the folder
	copied        state.Count
	moving        mail.Size // what has gone to the destination of large messages that have not landed
	read, reading mail.Size // how much of a large message is read, and its size
	speed         meter
	waiting       *pause
}

// pause is a wait with its end.
type pause struct {
	until time.Time
	why   string
}

func newBoard(t *Terminal) *board {
	o := t.Err
	return &board{o: o, p: palette{o.Color}, now: t.Now, loc: t.Location, height: 24, told: map[problemKey]bool{},
		speed: meter{span: 30 * time.Second}, longer: meter{span: 10 * time.Minute}}
}

func (b *board) resize(columns, rows int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.o.Width, b.height = max(columns, 20), rows
}

// end marks the last frame: the bar stays, the rest goes.
func (b *board) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// take notes an event and gives the line that scrolls away above the block, if it has one.
func (b *board) take(e executor.Event) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case executor.PassStarted:
		b.pass, b.planned, b.mailboxes, b.closes, b.spent = e.Pass, e.Planned, e.Mailboxes, e.Closes, e.Spent
		b.measure(e.Time)
	case executor.MailboxStarted:
		b.atWork = append(b.atWork, &worker{name: e.Mailbox, speed: meter{span: 30 * time.Second}})
	case executor.Step:
		b.step(e)
	case executor.Waiting:
		b.wait(e)
	case executor.Progress:
		b.counted, b.mailboxes = e, e.Mailboxes
		b.problems = max(b.problems, e.Problems)
		b.measure(e.Time)
	case executor.MessageFailed:
		b.problems++
		return b.messageFailed(e)
	case executor.MailboxDone:
		b.finished++
		b.leave(e.Mailbox, e.Copied)
		return b.scrolled(e.Failed.Messages == 0, e.Mailbox, strings.TrimPrefix(sentence(e), "done: "))
	case executor.MailboxFailed:
		b.problems++
		if b.find(e.Mailbox) != nil { // else the plan has it blocked, and it was never to be at work
			b.finished++
		}
		b.leave(e.Mailbox, e.Copied)
		return b.scrolled(false, e.Mailbox, sentence(e))
	case executor.Interrupted:
		b.interrupted = true
	case executor.WindowClosed, executor.WindowOpened:
		return sentence(e)
	case executor.ConnectionsLowered:
		return b.o.harden(" " + strings.Join(wrap(sentence(e), b.o.Width-3), "\n   "))
	case executor.PassDone:
		b.counted.Copied, b.planned = e.Copied, e.Planned
		b.atWork = nil
	}
	return ""
}

func (b *board) find(mailbox string) *worker {
	if i := slices.IndexFunc(b.atWork, func(w *worker) bool { return w.name == mailbox }); i >= 0 {
		return b.atWork[i]
	}
	return nil
}

func (b *board) step(e executor.Step) {
	w := b.find(e.Mailbox)
	if w == nil {
		return
	}
	w.folder, w.done, w.planned, w.copied, w.waiting = e.Folder, e.FolderDone, e.FolderPlanned, e.Copied, nil
	w.moving, w.read, w.reading = e.Moving, e.Read, e.Reading
	w.speed.add(e.Time, e.Copied.Bytes+e.Moving)
	b.waiting = nil
	b.measure(e.Time)
}

func (b *board) wait(e executor.Waiting) {
	p := &pause{until: e.Time.Add(e.Wait), why: reason(e)}
	if e.Mailbox == "" {
		b.waiting = p
	} else if w := b.find(e.Mailbox); w != nil {
		w.waiting = p
	}
}

// leave takes a mailbox from the board and keeps what it copied.
func (b *board) leave(mailbox string, copied state.Count) {
	b.atWork = slices.DeleteFunc(b.atWork, func(w *worker) bool { return w.name == mailbox })
	b.ended = b.ended.Add(copied)
}

// messageFailed tells the first failure of a mailbox for a cause; the others are counted, and summed up at its end.
func (b *board) messageFailed(e executor.MessageFailed) string {
	key := problemKey{mailbox: e.Mailbox, code: e.Code}
	if b.told[key] {
		return ""
	}
	b.told[key] = true
	return b.scrolled(false, e.Mailbox, sentence(e)+"; the rest goes on")
}

// scrolled writes the lines of what scrolls away. They are the only place on the screen where a failure is told, so they
// are never cut.
func (b *board) scrolled(good bool, mailbox, text string) string {
	mark := b.p.red("!")
	if good {
		mark = b.p.green(b.o.signs().done)
	}
	lines := wrap(pad(Safe(mailbox), 25)+"  "+text, b.o.Width-6)
	return b.o.harden(" " + mark + " " + strings.Join(lines, "\n     "))
}

// copied is how much is copied by now: the events of single mailboxes are younger than the run's own count, and know of the
// large messages under way. What has gone to the destination counts; what was only read does not.
func (b *board) copied() state.Count {
	sum := b.ended
	for _, w := range b.atWork {
		sum = sum.Add(w.copied)
		sum.Bytes += w.moving
	}
	if b.counted.Copied.Bytes > sum.Bytes {
		return b.counted.Copied
	}
	return sum
}

func (b *board) measure(at time.Time) {
	bytes := b.copied().Bytes
	b.speed.add(at, bytes)
	b.longer.add(at, bytes)
}

// frame draws the block at the bottom, one string a line, none wider than the window.
func (b *board) frame() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pass == "" {
		return nil
	}
	now := b.now()
	lines := []string{"", b.bar()}
	if b.over {
		lines = append(lines, "") // the library erases the last line when it ends
	} else {
		lines = append(lines, b.numbers(now))
		if rows := b.rows(now); len(rows) > 0 {
			lines = append(append(lines, ""), rows...)
		}
		lines = append(lines, b.footer())
	}
	for i, l := range lines {
		lines[i] = b.o.harden(b.o.cut(l, b.o.Width-1))
	}
	return lines
}

// bar writes "prestage ━━━━━━──── 62%   197.5 of 318.4 GB"; the bar takes the room that is left, at most 42 columns.
func (b *board) bar() string {
	copied := b.copied()
	share := percent(copied, b.planned)
	head := Safe(b.pass) + " "
	tail := fmt.Sprintf(" %d%%   %s", share, outOf(copied.Bytes, b.planned.Bytes))
	room := min(42, b.o.Width-1-width(head)-width(tail))
	if room < 4 {
		return head + tail
	}
	full, s := room*share/100, b.o.signs()
	return head + b.p.green(strings.Repeat(s.full, full)) + b.p.dim(strings.Repeat(s.rest, room-full)) + tail
}

func (b *board) numbers(now time.Time) string {
	parts := []string{perSecond(b.speed.rate(now))}
	copied := b.copied()
	left := b.planned.Bytes - copied.Bytes - b.counted.Failed.Bytes
	if eta := b.longer.timeLeft(left, now); eta != "" {
		parts = append(parts, eta)
	} else if b.longer.idle > stall && !slices.ContainsFunc(b.atWork, func(w *worker) bool { return w.reading > 0 }) {
		parts = append(parts, "nothing moved for "+Duration(b.longer.idle))
	}
	done := max(b.finished, b.counted.MailboxesDone)
	parts = append(parts, fmt.Sprintf("%s of %s", Count(done), Plural(b.mailboxes, "mailbox")), Plural(b.problems, "problem"))
	switch {
	case b.closes.IsZero():
	case b.spent:
		parts = append(parts, "--stop-after ends "+Moment(b.closes.In(b.loc), now))
	default:
		parts = append(parts, "window closes "+Moment(b.closes.In(b.loc), now))
	}
	line := " " + strings.Join(parts, "   ")
	if width(line) >= b.o.Width {
		line = " " + strings.NewReplacer("window closes", "closes", "--stop-after ends", "stops").Replace(strings.Join(parts, "  "))
	}
	return line
}

// rows writes the mailboxes at work, as many as the window has room for.
func (b *board) rows(now time.Time) []string {
	const others = 7 // the lines of the block that are no mailbox, and one of the shell
	most := max(1, b.height-others)
	shown := b.atWork
	if len(shown) > most {
		shown = shown[:max(1, most-1)]
	}
	t := table{indent: 1, columns: []column{{}, {}, {right: true}, {gap: 4}}}
	for _, w := range shown {
		t.add("", nil, b.o.cut(Safe(w.name), b.o.Width*2/5), b.o.cut(Safe(w.folder), b.o.Width/4), w.counts(), w.doing(now))
	}
	var text strings.Builder
	// Wider than the window on purpose: frame cuts each line, a table would break it.
	t.render(&text, 1000, false)
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if len(shown) == 0 {
		lines = nil
	}
	if more := len(b.atWork) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf(" ... %s more at work", Count(more)))
	}
	return lines
}

func (w *worker) counts() string {
	if w.folder == "" {
		return ""
	}
	planned := Count(w.planned)
	return padLeft(Count(w.done), width(planned)) + " of " + planned
}

// doing is the rate, or what the mailbox waits for, or how far a large message is read, which is before it can be sent.
func (w *worker) doing(now time.Time) string {
	if w.waiting != nil && now.Before(w.waiting.until) {
		return "waiting " + Duration(w.waiting.until.Sub(now)) + ": " + w.waiting.why
	}
	if w.reading > 0 && w.moving == 0 {
		return "reading " + outOf(w.read, w.reading)
	}
	if rate := w.speed.rate(now); rate >= 1 {
		return perSecond(rate)
	}
	return ""
}

func (b *board) footer() string {
	now := b.now()
	switch {
	case b.interrupted:
		return " Stopping after the current messages; all is kept. Ctrl-C again stops at once."
	case b.waiting != nil && now.Before(b.waiting.until):
		return " Waiting " + Duration(b.waiting.until.Sub(now)) + ": " + b.waiting.why + ". Ctrl-C stops; everything so far is kept."
	}
	return " Ctrl-C stops after the current messages; everything so far is kept."
}
