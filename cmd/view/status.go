package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// StatusRow is how one mailbox stands.
type StatusRow struct {
	Mailbox     string         `json:"mailbox"`
	Destination string         `json:"destination"`
	Pass        string         `json:"pass"` // the pass that ran last; empty: none yet
	Progress    state.Progress `json:"state"`
	Running     bool           `json:"running,omitempty"` // the run that is going on works on it
	Waiting     bool           `json:"waiting,omitempty"` // the run that is going on has not begun it yet
	// Interrupted says that the run which worked on it was killed.
	Interrupted bool `json:"interrupted,omitempty"`
	Verified    bool `json:"verified,omitempty"` // signed in on both sides, nothing copied yet
	More        bool `json:"more,omitempty"`     // complete in its pass, with work or passes to come
	// Uncounted says that nobody has counted its mail yet: its zeros mean nothing.
	Uncounted bool        `json:"uncounted,omitempty"`
	Copied    state.Count `json:"copied"`
	Left      state.Count `json:"left"` // known and not yet copied, for whichever pass
	LeftOut   state.Count `json:"left_out"`
	Failed    state.Count `json:"failed"`
	Side      string      `json:"side,omitempty"` // where a failed mailbox stopped
	Code      string      `json:"code,omitempty"` // and why
	Hint      string      `json:"hint,omitempty"` // filled in by StatusJSON
	Text      string      `json:"text,omitempty"` // the server's own words
}

// StatusView is how far everything is.
type StatusView struct {
	State string     // the state file's base name
	Run   *state.Run // the last run; nil: none yet
	Live  bool       // that run is going on now
	Undo  bool       // that run is an undo
	Next  string     // the command that takes up a run that did not come to its end
	Now   time.Time  // says what "today" is, and the zone of the times; zero: dates in full, UTC
	Rows  []StatusRow
	// Undoing are the mailboxes of which an undo has stopped in the middle.
	Undoing []string
	// Unmanaged says which mailboxes of the state file the configuration no longer has; empty: it has all.
	Unmanaged string
}

// Status writes how far everything is: on a terminal a line for each mailbox, then the sums; elsewhere a table for
// programs, with tabs between and the names of the columns first.
func Status(o Output, s StatusView) error {
	if !o.IsTerminal {
		return o.put(s.lines())
	}
	var b strings.Builder
	p := palette{o.Color}
	paragraph(&b, s.head(), "", o.Width)
	if len(s.Rows) == 0 {
		return o.put(b.String())
	}
	b.WriteByte('\n')
	t := table{indent: o.lead(), columns: []column{{head: "mailbox", min: 25}, {head: "pass"}, {head: "state"},
		{head: "copied", right: true}, {head: "left", right: true}, {head: "failed", right: true}, {head: "note", gap: 3}}}
	for _, r := range s.Rows {
		mark, word, paint := r.standing(o, p)
		note := ""
		if r.Code != "" && r.Progress == state.Failed {
			note = stopped(r.Side, mail.Code(r.Code))
		}
		pass := Safe(r.Pass)
		if pass == "" {
			pass = "-"
		}
		copied, left, failed := Count(r.Copied.Messages), Count(r.Left.Messages), Count(r.Failed.Messages)
		if r.Uncounted {
			copied, left, failed = "-", "-", "-"
		}
		t.add(mark, paint, Safe(r.Mailbox), pass, word, copied, left, failed, note)
	}
	t.render(&b, o.Width, true)
	b.WriteByte('\n')
	paragraph(&b, s.sums(), "", o.Width)
	if s.Unmanaged != "" {
		paragraph(&b, Safe(s.Unmanaged), "", o.Width)
	}
	return o.put(b.String())
}

// lines writes the rows as a table for programs. What nobody has counted yet is empty.
func (s StatusView) lines() string {
	var b strings.Builder
	b.WriteString("mailbox\tdestination\tpass\tstate\tcopied\tcopied_bytes\tleft\tleft_bytes\tleft_out\tfailed\tside\tcode\ttext\n")
	for _, r := range s.Rows {
		_, word, _ := r.standing(Output{}, palette{})
		cells := []string{r.Mailbox, r.Destination, r.Pass, word}
		for _, n := range []int64{r.Copied.Messages, int64(r.Copied.Bytes), r.Left.Messages, int64(r.Left.Bytes), r.LeftOut.Messages,
			r.Failed.Messages} {
			number := strconv.FormatInt(n, 10)
			if r.Uncounted {
				number = ""
			}
			cells = append(cells, number)
		}
		for i, c := range append(cells, r.Side, r.Code, r.Text) {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(Safe(c))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s StatusView) head() string {
	if s.Run == nil {
		return Safe(s.State) + ": no run yet. Begin with:  mailhaul plan"
	}
	now, what, goOn := s.Now, fmt.Sprintf("pass \"%s\"", Safe(s.Run.Pass)), " Go on with:  "+Safe(s.Next)
	if s.Undo {
		what, goOn = "an undo", "\n"+s.finishUndo()
	}
	took := Duration(s.Run.Ended.Sub(s.Run.Started))
	switch {
	case s.Live:
		return fmt.Sprintf("%s: run %s, %s, at work since %s.", Safe(s.State), Safe(s.Run.ID), what, moment(s.Run.Started, now))
	case s.Run.Ended.IsZero():
		return fmt.Sprintf("%s: run %s, %s, was interrupted: killed, or power lost.\nIt began %s.%s", Safe(s.State), Safe(s.Run.ID),
			what, moment(s.Run.Started, now), goOn)
	case s.Run.ExitCode == interrupted:
		return fmt.Sprintf("%s: run %s, %s, was interrupted %s after %s.\n%s", Safe(s.State), Safe(s.Run.ID),
			what, moment(s.Run.Ended, now), took, strings.TrimSpace(goOn))
	}
	text := fmt.Sprintf("%s: last run %s, %s, ended %s after %s.", Safe(s.State), Safe(s.Run.ID), what, moment(s.Run.Ended, now), took)
	if len(s.Undoing) > 0 {
		text += fmt.Sprintf("\nAn undo of %s has stopped in the middle.\n%s", nameList(s.Undoing), s.finishUndo())
	}
	return text
}

// finishUndo says how an undo that stopped in the middle is brought to an end.
func (s StatusView) finishUndo() string {
	names := "MAILBOX..."
	if n := len(s.Undoing); n > 0 && n <= 3 {
		names = Safe(strings.Join(s.Undoing, " "))
	}
	return "Finish the undo with:  mailhaul undo " + names + "\nOr bring back what it took:  " + Safe(s.Next)
}

// interrupted is the exit code of a run that was interrupted.
const interrupted = 130

// standing gives the sign, the word and the colour of a mailbox.
func (r StatusRow) standing(o Output, p palette) (mark, word string, paint func(string) string) {
	switch {
	case r.Running:
		return "~", "running", p.yellow
	case r.Waiting:
		return "", "waiting", p.dim
	case r.Interrupted:
		return "~", "interrupted", p.yellow
	case r.Progress == state.Complete && r.More:
		return "~", "pass done", p.yellow
	case r.Progress == state.Complete:
		return o.signs().done, "complete", p.green
	case r.Progress == state.Incomplete:
		return "!", "incomplete", p.red
	case r.Progress == state.Failed:
		return "!", "blocked", p.red
	case r.Verified:
		return "", "verified", p.dim
	case r.Pass != "" || r.Copied.Messages > 0:
		return "~", "not finished", p.yellow
	}
	return "", "not started", p.dim
}

func (s StatusView) sums() string {
	var copied, left, leftOut, failed state.Count
	words := map[string]int{}
	uncounted := 0
	for _, r := range s.Rows {
		if r.Uncounted {
			uncounted++
		}
		copied, left, leftOut, failed = copied.Add(r.Copied), left.Add(r.Left), leftOut.Add(r.LeftOut), failed.Add(r.Failed)
		_, word, _ := r.standing(Output{}, palette{})
		words[word]++
	}
	var parts []string
	for _, word := range []string{"complete", "pass done", "incomplete", "blocked", "running", "waiting", "interrupted", "not finished", "verified",
		"not started"} {
		if n := words[word]; n > 0 {
			if word == "pass done" {
				word = "with their pass done and more to come"
			}
			parts = append(parts, Count(n)+" "+word)
		}
	}
	text := Plural(len(s.Rows), "mailbox") + ": " + strings.Join(parts, ", ") + ".\n"
	text += fmt.Sprintf("Copied: %s. %s.", messages(copied), s.left(left, uncounted))
	if leftOut.Messages > 0 {
		text += " Left out: " + messages(leftOut) + "."
	}
	if failed.Messages > 0 {
		text += " Failed: " + Plural(failed.Messages, "message") + ", see:  mailhaul failures"
	}
	return text
}

// left says how much is known to be left, and for how many mailboxes nothing is known.
func (s StatusView) left(known state.Count, uncounted int) string {
	switch {
	case uncounted == 0:
		return "Left: " + messages(known)
	case uncounted == len(s.Rows):
		return "Nothing is counted yet: the first plan does that"
	}
	return fmt.Sprintf("Left: %s, and all of %s not counted yet", messages(known), Plural(uncounted, "mailbox"))
}
