package view

import (
	"fmt"
	"strings"
	"time"

	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// sentence says an event in words, without the mailbox's name in front; lines, the live screen and the "text" of JSON
// events share it. A Step has none.
func sentence(e executor.Event) string {
	switch e := e.(type) {
	case executor.PassStarted:
		if e.Mailboxes == 0 {
			return fmt.Sprintf("pass %s started: no mailbox can be worked on", Safe(e.Pass))
		}
		return fmt.Sprintf("pass %s started: %s, %s%s", Safe(e.Pass), Plural(e.Mailboxes, "mailbox"), messages(e.Planned),
			closing(", ", e))
	case executor.MailboxStarted:
		return "started: " + messages(e.Planned) + ", via " + Safe(e.Transport)
	case executor.Waiting:
		if e.Wait < time.Second {
			return "waits a moment: " + reason(e)
		}
		return "waits " + Duration(e.Wait) + ": " + reason(e)
	case executor.ConnectionsLowered:
		return loweredText(e)
	case executor.Progress:
		return progressText(e)
	case executor.MessageLeftOut:
		return fmt.Sprintf("message left out: folder \"%s\", UID %d, %s: %s", Safe(e.Folder), e.UID, Size(e.Bytes), e.Code)
	case executor.MessageFailed:
		return fmt.Sprintf("%s: folder \"%s\", UID %d: %s", fate(e.Code), Safe(e.Folder), e.UID, Safe(string(e.Code)))
	case executor.MessageChanged:
		return fmt.Sprintf("message changed: folder \"%s\", UID %d: %s", Safe(e.Folder), e.UID, strings.Join(e.Changes.Changes(), ", "))
	case executor.MailboxDone:
		return "done: " + doneText(e)
	case executor.MailboxFailed:
		return "blocked: " + stopped(e.Side, e.Code) + ": " + Safe(string(e.Code))
	case executor.Interrupted:
		return "interrupted: stops after the current messages; everything so far is kept"
	case executor.WindowClosed:
		return windowClosed(e)
	case executor.WindowOpened:
		return "window " + Safe(e.Window) + " opened"
	case executor.PassDone:
		return passDoneText(e)
	}
	return ""
}

// closing says when the first mailboxes are to stop and why, after a separator; empty where none is.
func closing(separator string, e executor.PassStarted) string {
	switch {
	case !e.Closes.After(e.Time):
		return ""
	case e.Spent:
		return separator + "--stop-after ends it " + Moment(e.Closes, e.Time)
	}
	return separator + "window closes " + Moment(e.Closes, e.Time)
}

func windowClosed(e executor.WindowClosed) string {
	text := fmt.Sprintf("window %s closed", Safe(e.Window))
	if e.Spent {
		text = "the time given by --stop-after is over"
	}
	if e.Mailboxes > 0 {
		text += fmt.Sprintf(": %s of %s done", Count(e.MailboxesDone), Plural(e.Mailboxes, "mailbox"))
	}
	if !e.Opens.IsZero() {
		text += ", continues " + Moment(e.Opens, e.Time)
	}
	return text
}

// Moment writes a time to come as people at a clock want it: the date only where it is not within the next day.
func Moment(at, now time.Time) string {
	if d := at.Sub(now); d >= 0 && d < 24*time.Hour {
		return at.Format("15:04")
	}
	return at.Format("2006-01-02 15:04")
}

// mailboxOf gives the mailbox an event is about; "" for the run as a whole.
func mailboxOf(e executor.Event) string {
	switch e := e.(type) {
	case executor.MailboxStarted:
		return e.Mailbox
	case executor.Waiting:
		return e.Mailbox
	case executor.MessageLeftOut:
		return e.Mailbox
	case executor.MessageFailed:
		return e.Mailbox
	case executor.MessageChanged:
		return e.Mailbox
	case executor.MailboxDone:
		return e.Mailbox
	case executor.MailboxFailed:
		return e.Mailbox
	}
	return ""
}

// stampOf gives time, run and pass of an event.
func stampOf(e executor.Event) executor.Stamp {
	switch e := e.(type) {
	case executor.PassStarted:
		return e.Stamp
	case executor.MailboxStarted:
		return e.Stamp
	case executor.Step:
		return e.Stamp
	case executor.Waiting:
		return e.Stamp
	case executor.ConnectionsLowered:
		return e.Stamp
	case executor.Progress:
		return e.Stamp
	case executor.MessageLeftOut:
		return e.Stamp
	case executor.MessageFailed:
		return e.Stamp
	case executor.MessageChanged:
		return e.Stamp
	case executor.MailboxDone:
		return e.Stamp
	case executor.MailboxFailed:
		return e.Stamp
	case executor.Interrupted:
		return e.Stamp
	case executor.WindowClosed:
		return e.Stamp
	case executor.WindowOpened:
		return e.Stamp
	case executor.PassDone:
		return e.Stamp
	}
	return executor.Stamp{}
}

// fate says what became of a message.
func fate(code mail.Code) string {
	switch code {
	case mail.CodeMessageMalformed, mail.CodeMessageRefused, mail.CodeMessageKeywords:
		return "message refused"
	case mail.CodeMessageTooLarge:
		return "message too large"
	case mail.CodeMessageDamaged:
		return "message damaged at the source"
	case mail.CodeMessageAmbiguous, mail.CodeMessageUnknown:
		return "message in doubt"
	}
	return "message failed"
}

// reason says why somebody waits.
func reason(e executor.Waiting) string {
	who := "the " + Safe(e.Side)
	if e.Side == "" {
		who = "the server"
	}
	if e.Kind == mail.Throttled && e.Code != mail.CodeIMAPConnections {
		return who + " asked for it"
	}
	if e.Code == mail.CodeM365Denied {
		return who + " " + cause(e.Code) + "; one that is new takes its time to count"
	}
	if why := cause(e.Code); why != "" {
		return who + " " + why
	}
	return Safe(string(e.Code))
}

// loweredText says how many connections a server is asked for from now on.
func loweredText(e executor.ConnectionsLowered) string {
	where := Safe(e.Endpoint)
	if e.Mailbox != "" {
		where += " for " + Safe(e.Mailbox)
	}
	return fmt.Sprintf("%s takes no more connections: goes on with %s, tries one more in %s", where, Count(e.Most), Duration(e.Again))
}

// stopped says why a mailbox stopped: "source refused the password".
func stopped(side string, code mail.Code) string {
	why := cause(code)
	if why == "" {
		why = "blocks the mailbox"
	}
	return strings.TrimSpace(Safe(side) + " " + why)
}

// doneText says what a mailbox got: "18,204 messages, 4.1 GB in 58m, 12 failed".
func doneText(e executor.MailboxDone) string {
	text := messages(e.Copied) + " in " + Duration(e.Elapsed)
	if e.Failed.Messages > 0 {
		text += ", " + Count(e.Failed.Messages) + " failed"
	}
	if e.LeftOut.Messages > 0 {
		text += ", " + Count(e.LeftOut.Messages) + " left out"
	}
	if e.Amended > 0 {
		text += ", " + Count(e.Amended) + " with other octets"
	}
	if e.FlagsChanged > 0 {
		text += ", " + Plural(e.FlagsChanged, "flag change")
	}
	return text
}

func passDoneText(e executor.PassDone) string {
	end := "finished"
	if e.Interrupted || e.Closed > 0 {
		end = "stopped"
	}
	text := fmt.Sprintf("pass %s %s: %s, %s complete", Safe(e.Pass), end, messages(e.Copied), Plural(e.Complete, "mailbox"))
	if e.Incomplete > 0 {
		text += ", " + Count(e.Incomplete) + " incomplete"
	}
	if e.Blocked > 0 {
		text += ", " + Count(e.Blocked) + " blocked"
	}
	return text
}

// progressText says how far a run is, as far as one event tells.
func progressText(e executor.Progress) string {
	return fmt.Sprintf("%s %d%%: %s, %s at work, %s", Safe(e.Pass), percent(e.Copied, e.Planned),
		outOf(e.Copied.Bytes, e.Planned.Bytes), Count(e.AtWork), Plural(e.Problems, "problem"))
}

// percent is how much is copied, by octets. It says 100 only when nothing is left.
func percent(copied, planned state.Count) int {
	part, whole := int64(copied.Bytes), int64(planned.Bytes)
	if whole <= 0 {
		part, whole = copied.Messages, planned.Messages
	}
	switch {
	case whole <= 0 || part >= whole:
		return 100
	case part < 0:
		return 0
	}
	return int(float64(part) / float64(whole) * 100)
}

// outOf writes "197.5 of 318.4 GB": both in the unit of the whole.
func outOf(part, whole mail.Size) string {
	text := Size(whole)
	unit, divisor := text[strings.IndexByte(text, ' ')+1:], mail.Size(1)
	for _, u := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if divisor *= 1000; u == unit {
			return fmt.Sprintf("%.1f of %s", float64(part)/float64(divisor), text)
		}
	}
	return fmt.Sprintf("%d of %s", part, text)
}

// meter measures a rate over the time just gone by. While nothing moves, because a server is away say, its clock stands
// still: what was measured before holds again afterwards.
type meter struct {
	span    time.Duration
	samples []sampled
	began   time.Time     // when it was looked at first, without the times in which nothing moved
	seen    time.Time     // when it was looked at last
	idle    time.Duration // how long nothing has moved by then
}

// stall is how long nothing may move before a rate is no rate any more.
const stall = time.Minute

type sampled struct {
	at    time.Time
	bytes mail.Size
}

// add notes how much there is by now; not more than sixty notes are kept.
func (m *meter) add(at time.Time, bytes mail.Size) {
	before := m.seen
	if m.seen = at; before.IsZero() {
		m.began = at
	}
	if n := len(m.samples); n > 0 && bytes <= m.samples[n-1].bytes {
		m.idle += at.Sub(before)
		return
	}
	if m.idle > stall {
		m.began = m.began.Add(m.idle)
		for i := range m.samples {
			m.samples[i].at = m.samples[i].at.Add(m.idle)
		}
	}
	m.idle = 0
	if n := len(m.samples); n > 1 && at.Sub(m.samples[n-2].at) < m.span/60 {
		m.samples[n-1] = sampled{at, bytes}
		return
	}
	m.samples = append(m.samples, sampled{at, bytes})
	for len(m.samples) > 2 && at.Sub(m.samples[1].at) >= m.span {
		m.samples = m.samples[1:]
	}
}

// rate is octets per second; zero where it can't be told yet.
func (m *meter) rate(now time.Time) float64 {
	if len(m.samples) < 2 || m.idle > min(stall, m.span) {
		return 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	elapsed := max(now.Sub(first.at), last.at.Sub(first.at)).Seconds()
	if elapsed < 1 {
		return 0
	}
	return float64(last.bytes-first.bytes) / elapsed
}

// age is how long has been measured, also before the span; while nothing moves it stands still.
func (m *meter) age(now time.Time) time.Duration {
	if m.began.IsZero() {
		return 0
	}
	return now.Sub(m.began)
}

// perSecond writes a rate: "4.3 MB/s".
func perSecond(rate float64) string { return Size(mail.Size(rate)) + "/s" }

// What a measurement says of the time left: nothing before it is settled, nothing of what takes more than farthest times as
// long as it did, and of more than far times only one figure.
const (
	settled  = 20 * time.Second
	far      = 10
	farthest = 100
)

// timeLeft writes "about 20h left" from what was measured so far; "" where that does not tell.
func (m *meter) timeLeft(left mail.Size, now time.Time) string {
	rate, measured := m.rate(now), m.age(now)
	if rate < 1 || left <= 0 || measured < settled {
		return ""
	}
	seconds := float64(left) / rate
	if seconds > farthest*measured.Seconds() {
		return ""
	}
	d, unit := time.Duration(seconds*float64(time.Second)), time.Minute
	if d >= 10*time.Hour {
		unit = time.Hour
	}
	if d > far*measured {
		unit = plan.OneFigure(d)
	}
	if d < time.Minute {
		return "less than 1m left"
	}
	return "about " + Duration(d.Round(unit)) + " left"
}
