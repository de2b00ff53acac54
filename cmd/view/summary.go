package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailhaul/executor"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// Summary is what is told when a run has ended.
type Summary struct {
	Pass                             string
	Planned, Copied, Failed, LeftOut state.Count
	Adopted                          state.Count // the part of Copied that was there already
	Gone                             state.Count // no longer at the source when their turn came
	Complete, Incomplete, Blocked    int         // mailboxes
	FlagsChanged                     int64
	Amended                          int64 // messages that arrived with other octets
	Elapsed                          time.Duration
	Worked                           Worked // in all runs of the pass until it was finished, this one among them
	Interrupted                      bool
	Closed                           int       // mailboxes that wait for their window
	Spent                            bool      // no window has closed: the time that the user gave is over
	Over                             int       // mailboxes that a limit has left for the next run
	Opens                            time.Time // when it opens, in the zone to show; zero: not said
	// Deleted are the messages that the plan leaves behind because they are marked as deleted.
	Deleted state.Count
	// MaxSize is why messages were left out: they are over it; zero: not said.
	MaxSize   mail.Size
	Messages  []state.FailedMessage // what failed, for the causes
	Mailboxes []state.FailedMailbox // which mailboxes stopped as a whole
	Report    string                // path of a report; may be empty
	Next      string                // the command to go on with; may be empty
}

// Worked is how long a pass was worked on, over several openings of its windows.
type Worked struct {
	Took     time.Duration
	Openings int  // of windows; zero or one: it is not told
	Nights   bool // the windows go over midnight
}

// text says it as the plan says its estimate: "21h 06m of work in 2 nights".
func (w Worked) text() string {
	noun := "day"
	if w.Nights {
		noun = "night"
	}
	return Duration(w.Took) + " of work in " + Plural(w.Openings, noun)
}

// SummaryOf takes the numbers from the run's last event.
func SummaryOf(e executor.PassDone) Summary {
	return Summary{
		Pass: e.Pass, Planned: e.Planned, Copied: e.Copied, Adopted: e.Adopted, Gone: e.Gone, Failed: e.Failed, LeftOut: e.LeftOut, Complete: e.Complete,
		Incomplete: e.Incomplete, Blocked: e.Blocked, FlagsChanged: e.FlagsChanged, Amended: e.Amended, Elapsed: e.Elapsed,
		Interrupted: e.Interrupted, Closed: e.Closed,
	}
}

// PassSummary writes how a run ended: numbers, causes, and the command to go on with.
func PassSummary(o Output, s Summary) error {
	var b strings.Builder
	p := palette{o.Color}
	head := fmt.Sprintf("Pass \"%s\" finished: %s of work.", Safe(s.Pass), Duration(s.Elapsed))
	if s.Worked.Openings > 1 {
		head = fmt.Sprintf("Pass \"%s\" finished: %s.", Safe(s.Pass), s.Worked.text())
	}
	if s.Interrupted {
		head = fmt.Sprintf("Pass \"%s\" was interrupted after %s; everything so far is kept.", Safe(s.Pass), Duration(s.Elapsed))
		if s.Copied.Messages+s.FlagsChanged == 0 {
			head = fmt.Sprintf("Pass \"%s\" was interrupted after %s; nothing was copied yet.", Safe(s.Pass), Duration(s.Elapsed))
		}
	}
	if s.Spent && !s.Interrupted {
		head = fmt.Sprintf("Pass \"%s\" stopped after %s of work, as --stop-after says: %s not finished.", Safe(s.Pass),
			Duration(s.Elapsed), isAre(s.Closed, "mailbox"))
	} else if s.Closed > 0 && !s.Interrupted {
		head = fmt.Sprintf("Pass \"%s\" stopped after %s of work: %s.", Safe(s.Pass), Duration(s.Elapsed), waitFor(s.Closed))
		if !s.Opens.IsZero() {
			head += " It opens " + s.Opens.Format("2006-01-02 15:04") + "."
		}
	}
	b.WriteString(p.bold(strings.Join(wrap(head, o.Width), "\n")) + "\n\n")
	s.numbers(&b, o, p)
	s.causes(&b, o)
	s.end(&b, o)
	return o.put(b.String())
}

func waitFor(mailboxes int) string {
	if mailboxes == 1 {
		return "1 mailbox waits for its window"
	}
	return Plural(mailboxes, "mailbox") + " wait for their windows"
}

func (s Summary) numbers(b *strings.Builder, o Output, p palette) {
	t := table{indent: 3, columns: []column{{min: 8}, {right: true, min: 9, gap: 3}, {gap: 1}, {right: true, min: 8, gap: 3},
		{right: true, gap: 3}, {gap: 1}}}
	count := func(label string, paint func(string) string, c state.Count, mailboxes int, word string) {
		number := Count(mailboxes)
		if mailboxes < 0 {
			number = ""
		}
		t.add("", paint, label, Count(c.Messages), noun(c.Messages, "message"), Size(c.Bytes), number, word)
	}
	count("copied", p.green, s.Copied, s.Complete, noun(int64(s.Complete), "mailbox")+" complete")
	if s.Adopted.Messages > 0 {
		t.add("", nil, "of these", Count(s.Adopted.Messages), noun(s.Adopted.Messages, "message"), Size(s.Adopted.Bytes))
		t.rows[len(t.rows)-1].tail = "were there already"
	}
	if s.Amended > 0 {
		t.add("", nil, "changed", Count(s.Amended), noun(s.Amended, "message"))
		t.rows[len(t.rows)-1].tail = "receipt disarmed or repaired"
	}
	if s.FlagsChanged > 0 {
		t.add("", nil, "flags", Count(s.FlagsChanged), noun(s.FlagsChanged, "change"))
	}
	if s.Failed.Messages > 0 || s.Incomplete > 0 {
		count("failed", p.red, s.Failed, s.Incomplete, noun(int64(s.Incomplete), "mailbox")+" incomplete")
	}
	if s.Gone.Messages > 0 {
		t.add("", nil, "gone", Count(s.Gone.Messages), noun(s.Gone.Messages, "message"), Size(s.Gone.Bytes))
		t.rows[len(t.rows)-1].tail = "no longer at the source"
	}
	if s.LeftOut.Messages > 0 {
		t.add("", nil, "left out", Count(s.LeftOut.Messages), noun(s.LeftOut.Messages, "message"), Size(s.LeftOut.Bytes))
		if s.MaxSize > 0 {
			last := &t.rows[len(t.rows)-1]
			last.tail = "over " + Limit(s.MaxSize)
		}
	}
	if s.Deleted.Messages > 0 {
		t.add("", nil, "skipped", Count(s.Deleted.Messages), noun(s.Deleted.Messages, "message"), Size(s.Deleted.Bytes))
		t.rows[len(t.rows)-1].tail = "marked as deleted at the source"
	}
	if s.Blocked > 0 {
		t.add("", p.red, "blocked", Count(s.Blocked), noun(int64(s.Blocked), "mailbox"))
	}
	if left := s.left(); (s.Interrupted || s.Closed > 0) && left.Messages > 0 {
		t.add("", nil, "left", Count(left.Messages), noun(left.Messages, "message"), Size(left.Bytes))
	}
	t.render(b, o.Width, false)
	if s.Worked.Openings > 1 && !s.Interrupted && s.Closed == 0 {
		paragraph(b, "These numbers are the last run's. All together:  mailhaul status", "   ", o.Width)
	}
	if s.Over > 0 {
		paragraph(b, isAre(s.Over, "mailbox")+" left for the next run, as --limit says.", "   ", o.Width)
	}
}

// left is what was planned and neither copied nor failed.
func (s Summary) left() state.Count {
	return state.Count{Messages: s.Planned.Messages - s.Copied.Messages - s.Failed.Messages,
		Bytes: max(0, s.Planned.Bytes-s.Copied.Bytes-s.Failed.Bytes)}
}

// noun gives "message" or "messages" without the number.
func noun(n int64, word string) string {
	_, word, _ = strings.Cut(Plural(n, word), " ")
	return word
}

// causes writes why messages failed, which are in doubt, and why mailboxes are blocked, the commonest cause first. What is in
// doubt has not failed: it counts as left.
func (s Summary) causes(b *strings.Builder, o Output) {
	var failed, doubt []blame
	for _, m := range s.Messages {
		if m.State.Doubt() {
			doubt = append(doubt, blame{m.Code, m.Mailbox})
		} else {
			failed = append(failed, blame{m.Code, m.Mailbox})
		}
	}
	causes(b, o, "Why messages failed", failed)
	causes(b, o, "Messages in doubt", doubt)
	whyBlocked(b, o, blocksOf(s.Mailboxes))
}

// blame is one thing that failed: why, and in which mailbox.
type blame struct {
	code    mail.Code
	mailbox string
}

func causes(b *strings.Builder, o Output, title string, all []blame) {
	if len(all) == 0 {
		return
	}
	count, names := map[mail.Code]int{}, map[mail.Code][]string{}
	for _, x := range all {
		count[x.code]++
		if !slices.Contains(names[x.code], x.mailbox) {
			names[x.code] = append(names[x.code], x.mailbox)
		}
	}
	b.WriteString("\n" + title + "\n")
	t := table{indent: 3, columns: []column{{right: true, min: 2}, {min: 19}, {min: 22}, {}}}
	for _, code := range byCount(count) {
		who := Safe(names[code][0])
		if n := len(names[code]); n > 1 {
			who = Plural(n, "mailbox")
		}
		t.add("", nil, Count(count[code]), Safe(string(code)), who, Hint(string(code)))
	}
	t.render(b, o.Width, false)
}

// byCount sorts codes by how often they come, then by name.
func byCount(count map[mail.Code]int) []mail.Code {
	var codes []mail.Code
	for code := range count {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b mail.Code) int {
		return cmp.Or(count[b]-count[a], strings.Compare(string(a), string(b)))
	})
	return codes
}

func (s Summary) end(b *strings.Builder, o Output) {
	failed := len(s.Messages) > 0 || len(s.Mailboxes) > 0 || s.Failed.Messages > 0 || s.Blocked > 0
	if s.Report == "" && s.Next == "" && !failed {
		return
	}
	b.WriteByte('\n')
	if s.Report != "" {
		b.WriteString("Report: " + Safe(s.Report) + "\n")
	}
	switch first := "(or first: mailhaul failures)"; {
	case s.Next != "" && failed && len("Next:   ")+width(s.Next)+8+len(first) <= o.Width:
		b.WriteString("Next:   " + pad(Safe(s.Next), 34) + first + "\n")
	case s.Next != "" && failed:
		b.WriteString("Next:   " + Safe(s.Next) + "\n        " + first + "\n")
	case s.Next != "":
		b.WriteString("Next:   " + Safe(s.Next) + "\n")
	case failed:
		b.WriteString("Next:   mailhaul failures\n")
	}
}
