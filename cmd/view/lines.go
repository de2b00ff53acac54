package view

import (
	"fmt"
	"time"

	"mailhaul/executor"
	"mailhaul/state/mail"
)

// heartbeat is how often lines say how far the run is.
const heartbeat = time.Minute

// Lines writes progress as lines: start and end of each mailbox, each problem once, one heartbeat a minute.
type Lines struct {
	o     Output
	loc   *time.Location
	quiet bool
	err   error

	began bool
	beat  time.Time // of the last heartbeat
	moved time.Time // when a part of a large message was read or sent last
	seen  map[problemKey]time.Time
	speed meter
}

// problemKey names a problem that is told once.
type problemKey struct {
	mailbox, folder string
	uid             mail.UID
	code            mail.Code
}

// NewLines writes to o, which is standard error, with clock times in loc.
func NewLines(o Output, loc *time.Location) *Lines {
	return &Lines{o: o, loc: loc, seen: map[problemKey]time.Time{}, speed: meter{span: 10 * time.Minute}}
}

// NewQuiet writes problems only.
func NewQuiet(o Output, loc *time.Location) *Lines {
	l := NewLines(o, loc)
	l.quiet = true
	return l
}

// Event writes the line of an event, if it has one. An error of writing ends the lines, never the run.
func (l *Lines) Event(e executor.Event) {
	text := l.text(e)
	if text == "" || l.err != nil {
		return
	}
	if name := mailboxOf(e); name != "" {
		text = Safe(name) + " " + text
	}
	stamp := stampOf(e).Time.In(l.loc)
	clock := stamp.Format(time.TimeOnly)
	if !l.began {
		clock, l.began = stamp.Format(time.RFC3339), true
	}
	l.err = l.o.put(clock + " " + text + "\n")
}

// text gives the sentence of an event, "" for what is not told.
func (l *Lines) text(e executor.Event) string {
	switch e := e.(type) {
	case executor.MessageFailed:
		if !l.news(problemKey{e.Mailbox, e.Folder, e.UID, e.Code}, e.Time, 0) {
			return ""
		}
		return sentence(e)
	case executor.MailboxFailed, executor.Interrupted, executor.WindowClosed:
		return sentence(e)
	case executor.Step:
		if e.Moving+e.Read > 0 {
			l.moved = e.Time
		}
		return ""
	case executor.MessageLeftOut, executor.MessageChanged:
		return ""
	case executor.Progress:
		l.speed.add(e.Time, e.Copied.Bytes)
		if l.quiet {
			return ""
		}
		return l.heartbeat(e)
	case executor.Waiting:
		// A busy server asks for a second again and again; once a minute is enough to know.
		if l.quiet || !l.news(problemKey{mailbox: e.Mailbox, code: e.Code}, e.Time, heartbeat) {
			return ""
		}
	case executor.PassStarted:
		l.beat = e.Time
		l.speed.add(e.Time, 0)
	}
	if l.quiet {
		return ""
	}
	return sentence(e)
}

// news tells whether a problem was not told before, or, with again, not within that time.
func (l *Lines) news(key problemKey, at time.Time, again time.Duration) bool {
	last, told := l.seen[key]
	if told && (again == 0 || at.Sub(last) < again) {
		return false
	}
	l.seen[key] = at
	return true
}

func (l *Lines) heartbeat(e executor.Progress) string {
	if e.Time.Sub(l.beat) < heartbeat {
		return ""
	}
	l.beat = e.Time
	text := fmt.Sprintf("%s %d%%: %s, %s, %s at work, %s", Safe(e.Pass), percent(e.Copied, e.Planned),
		outOf(e.Copied.Bytes, e.Planned.Bytes), perSecond(l.speed.rate(e.Time)), Count(e.AtWork), Plural(e.Problems, "problem"))
	left := e.Planned.Bytes - e.Copied.Bytes - e.Failed.Bytes
	if eta := l.speed.timeLeft(left, e.Time); eta != "" {
		text += ", " + eta
	} else if l.speed.idle > stall && e.Time.Sub(l.moved) > heartbeat {
		text += ", nothing moved for " + Duration(l.speed.idle)
	}
	return text
}

// Close gives the first error of writing.
func (l *Lines) Close() error { return l.err }
