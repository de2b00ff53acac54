package view

import (
	"fmt"
	"strings"
	"time"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// RunError is an error at run time as people see it.
type RunError struct {
	Summary  string // one sentence without a full stop
	Code     mail.Code
	Names    []string // the mailboxes it is about
	Snippets []config.Snippet
	// Detail says what that means, whether the rest goes on and what to do. Lines that begin with two blanks are
	// commands and keep their shape.
	Detail string
	// More is the last line; empty: "More: mailhaul explain CODE" where there is a Code.
	More string
}

// codeColumn is where the code of an error ends, however wide the terminal is: the eye looks for it there.
const codeColumn = 80

// WriteError writes a run-time error, its code at the end of the first line.
func WriteError(o Output, e RunError) error {
	var b strings.Builder
	e.head(&b, o)
	if len(e.Names) > 0 {
		b.WriteByte('\n')
		paragraph(&b, nameList(e.Names), "  ", o.Width)
	}
	if len(e.Snippets) > 0 {
		b.WriteByte('\n')
		snippets(&b, o, e.Snippets)
	}
	for _, text := range []string{e.Detail, e.more()} {
		if text != "" {
			b.WriteByte('\n')
			paragraph(&b, text, "  ", o.Width)
		}
	}
	return o.put(b.String())
}

// head writes the summary and the code, which moves to a line of its own where the summary leaves no room.
func (e RunError) head(b *strings.Builder, o Output) {
	p, code := palette{o.Color}, Safe(string(e.Code))
	headline(b, o, p.red("Error:"), Safe(e.Summary))
	if code == "" {
		return
	}
	room := min(o.Width, codeColumn) - width("Error: "+Safe(e.Summary))
	if room < width(code)+2 {
		b.WriteString("  " + p.dim(code) + "\n")
		return
	}
	text := strings.TrimSuffix(b.String(), "\n") + strings.Repeat(" ", room-width(code)) + p.dim(code) + "\n"
	b.Reset()
	b.WriteString(text)
}

func (e RunError) more() string {
	if e.More == "" && e.Code != "" {
		return "More: mailhaul explain " + string(e.Code)
	}
	return e.More
}

// nameList joins names with commas; of many it gives the first ten.
func nameList(names []string) string {
	const most = 10
	shown := names[:min(len(names), most)]
	list := make([]string, len(shown))
	for i, n := range shown {
		list[i] = Safe(n)
	}
	text := strings.Join(list, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %s more", Count(more))
	}
	return text
}

// Holder is who holds the lock of a state file.
type Holder struct {
	ID      string // what `state unlock --force` asks for
	User    string
	Host    string
	PID     int
	Started time.Time
	// Running tells whether the process was seen to run; Known is false where that can't be told: another machine.
	Running, Known bool
}

// Locked makes the error of a state file that another mailhaul works with. now and its zone say what "today" is.
func Locked(stateFile string, h Holder, now time.Time) RunError {
	detail := fmt.Sprintf("Started %s by %s on %s, process %d", moment(h.Started, now), Safe(h.User), Safe(h.Host), h.PID)
	switch {
	case h.Known && h.Running:
		detail += ", still running."
	case h.Known:
		detail += ", which runs no more."
	default:
		detail += "."
	}
	detail += "\nWatch it with:  mailhaul status"
	more := "If that machine is gone for good:  mailhaul state unlock --force " + Safe(h.ID)
	if h.Known && h.Running {
		more = "" // a lock that somebody holds now is not to be broken
	}
	return RunError{
		Summary: "another mailhaul is working with " + Safe(stateFile), Code: mail.CodeStateLocked,
		Detail: detail, More: more,
	}
}

// moment writes a time as people say it: "19:00 today", "19:00 yesterday", "2026-11-20 19:00".
func moment(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	t = t.In(now.Location())
	switch days := t.Format(time.DateOnly); days {
	case now.Format(time.DateOnly):
		return t.Format("15:04") + " today"
	case now.AddDate(0, 0, -1).Format(time.DateOnly):
		return t.Format("15:04") + " yesterday"
	}
	return t.Format("2006-01-02 15:04")
}
