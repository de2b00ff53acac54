package view

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// CheckTally counts messages by what a comparison of both sides found.
type CheckTally struct {
	Source      int64 `json:"source"`      // at the source
	Destination int64 `json:"destination"` // at the destination
	Same        int64 `json:"same"`
	Rewritten   int64 `json:"rewritten"` // of Same: in another form, as the destination does
	Missing     int64 `json:"missing"`
	Extra       int64 `json:"extra"`
	Twice       int64 `json:"twice"`
	Differs     int64 `json:"differs"`
	Altered     int64 `json:"altered"`  // of Differs: other octets or another size
	Reformed    int64 `json:"reformed"` // of Differs: in another form, and nothing of the content is lost
	Unreadable  int64 `json:"unreadable"`
	LeftOut     int64 `json:"left_out"`
	Deleted     int64 `json:"deleted"` // of LeftOut: marked as deleted
	Bodies      int64 `json:"bodies"`  // of Source: compared whole
}

// CheckFolder is one folder of a comparison.
type CheckFolder struct {
	Source      []string `json:"source,omitempty"`
	Destination string   `json:"destination,omitempty"`
	LeftOut     string   `json:"left_out,omitempty"` // the rule
	Problem     string   `json:"problem,omitempty"`  // why it was not compared
	Absent      bool     `json:"absent,omitempty"`   // the destination has no such folder
	// Unlisted are messages that the server counts there and that were not looked at one by one.
	Unlisted int64      `json:"unlisted,omitempty"`
	Tally    CheckTally `json:"messages"`
}

// CheckMessage is one message and what it came to.
type CheckMessage struct {
	Mailbox           string     `json:"mailbox"`
	Sign              string     `json:"sign"` // = same, - missing, + extra, 2 twice, ~ differs, ! unreadable, . left out
	Folder            string     `json:"folder,omitempty"`
	DestinationFolder string     `json:"destination_folder"`
	UID               mail.UID   `json:"uid,omitempty"`
	DestinationUID    mail.UID   `json:"destination_uid,omitempty"`
	Date              *time.Time `json:"date,omitempty"`
	Bytes             mail.Size  `json:"bytes"`
	What              []string   `json:"what,omitempty"`
	By                string     `json:"by,omitempty"` // what both copies have in common: octets, canonical, parts, headers
	// Fails says that it is a loss, a duplicate or a doubt.
	Fails bool `json:"fails"`
}

// CheckMailbox is what a comparison found of one mailbox.
type CheckMailbox struct {
	Mailbox     string        `json:"mailbox"`
	Destination string        `json:"destination"`
	Whole       bool          `json:"whole"` // nothing is lost, double or in doubt
	Skipped     string        `json:"skipped,omitempty"`
	Shared      bool          `json:"shared,omitempty"` // other mailboxes have the same destination
	Tally       CheckTally    `json:"messages"`
	Folders     []CheckFolder `json:"folders"`
	// Problem is why the mailbox could not be compared to its end.
	Problem *plan.Problem `json:"problem,omitempty"`
	// Found are messages that are not the same, those that fail first; More counts the ones beyond.
	Found []CheckMessage `json:"found"`
	More  int64          `json:"more"`
}

// CheckTotal sums a comparison.
type CheckTotal struct {
	Mailboxes int        `json:"mailboxes"`
	Whole     int        `json:"whole"`
	Skipped   int        `json:"skipped"`
	Tally     CheckTally `json:"messages"`
}

// CheckJSON writes a whole comparison as one document.
func CheckJSON(w io.Writer, total CheckTotal, mailboxes []CheckMailbox) error {
	if mailboxes == nil {
		mailboxes = []CheckMailbox{}
	}
	return document(w, struct {
		Mailboxes []CheckMailbox `json:"mailboxes"`
		Total     CheckTotal     `json:"total"`
	}{mailboxes, total})
}

// CheckMessageLine writes one line of JSON for a file of findings.
func CheckMessageLine(w io.Writer, m CheckMessage) error { return checkLine(w, "message", m) }

// CheckMailboxLines writes a line of JSON for each folder of a mailbox, and one for the mailbox.
func CheckMailboxLines(w io.Writer, m CheckMailbox) error {
	for _, f := range m.Folders {
		line := struct {
			Mailbox string `json:"mailbox"`
			CheckFolder
		}{m.Mailbox, f}
		if err := checkLine(w, "folder", line); err != nil {
			return err
		}
	}
	m.Folders, m.Found, m.More = []CheckFolder{}, []CheckMessage{}, 0 // these have lines of their own
	return checkLine(w, "mailbox", m)
}

func checkLine(w io.Writer, kind string, v any) error {
	inner, err := encode(v, "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `{"type":%q,%s`, kind, strings.TrimPrefix(string(inner), "{"))
	return err
}

// Check writes what a comparison found of one mailbox: a line, and below it what is not the same.
func Check(o Output, m CheckMailbox) error {
	var b strings.Builder
	p := palette{o.Color}
	mark, paint, text := o.signs().done, p.green, m.Tally.words()
	switch {
	case m.Skipped != "":
		mark, paint, text = ".", p.dim, "skipped: "+Safe(m.Skipped)
	case !m.Whole:
		mark, paint = "!", p.red
	}
	if m.Problem != nil && m.Tally == (CheckTally{}) {
		text = "not compared"
	}
	name := VerifyRow{Mailbox: m.Mailbox, Destination: m.Destination}.name()
	lines := wrap(pad(name, 25)+"  "+text, o.Width-o.lead())
	b.WriteString(paint(pad(" "+mark, o.lead())+lines[0]) + "\n")
	rest := m.notes()
	if len(lines) > 1 {
		rest = append([]string{strings.Join(lines[1:], " ")}, rest...)
	}
	for _, l := range rest {
		paragraph(&b, l, "     ", o.Width)
	}
	m.list(&b, o)
	return o.put(b.String())
}

// notes are what is to be said of the mailbox and its folders.
func (m CheckMailbox) notes() []string {
	var lines []string
	if m.Problem != nil {
		lines = append(lines, problem(*m.Problem)+": "+Safe(string(m.Problem.Code)))
		if m.Problem.Text != "" && cause(m.Problem.Code) != "" {
			lines = append(lines, "More exactly: \""+Safe(m.Problem.Text)+"\"")
		}
		if m.Tally.Source > 0 {
			lines = append(lines, "The folders before that were compared.")
		}
	}
	if m.Shared {
		lines = append(lines, "? Other mailboxes go to the same destination: their mail counts as extra here, and equal "+
			"copies can't be told from mail that is there twice.")
	}
	for _, f := range m.Folders {
		if note := f.note(); note != "" {
			lines = append(lines, note)
		}
	}
	return lines
}

func (f CheckFolder) note() string {
	source, destination := Safe(strings.Join(f.Source, ", ")), Safe(f.Destination)
	switch {
	case f.Problem != "" && source == "":
		return "! " + destination + ": not compared: " + Safe(f.Problem)
	case f.Problem != "":
		return "! " + source + ": not compared: " + Safe(f.Problem) + f.unlisted()
	case f.LeftOut != "":
		return ". " + source + ": left out, " + Safe(f.LeftOut) + f.unlisted()
	case f.Absent:
		return "? " + source + ": the destination has no folder " + destination
	case source == "" && f.Tally.Extra > 0:
		return "+ " + destination + ": only at the destination, " + Plural(f.Tally.Extra, "message")
	}
	return ""
}

// unlisted says how much was not looked at.
func (f CheckFolder) unlisted() string {
	if f.Unlisted == 0 {
		return ""
	}
	return " (" + Plural(f.Unlisted, "message") + ")"
}

// words says what was found: "3 missing, 1 twice; 1,200 messages the same".
func (t CheckTally) words() string {
	bad := tallied([]number{{t.Missing, "missing"}, {t.Twice, "twice"}, {t.Altered, "altered"}, {t.Unreadable, "unreadable"}})
	rest := tallied([]number{{t.LeftOut - t.Deleted, "left out"}, {t.Deleted, "marked as deleted"}, {t.Reformed, "in another form"},
		{t.Differs - t.Altered - t.Reformed, "with other date or flags"}, {t.Extra, "extra"}})
	same := Plural(t.Same, "message") + " the same"
	if t.Rewritten > 0 {
		same += " (" + Count(t.Rewritten) + " in the destination's own form)"
	}
	text := strings.Join(append([]string{same}, rest...), ", ")
	if len(bad) > 0 {
		text = strings.Join(bad, ", ") + "; " + text
	}
	if t.Bodies < t.Source && t.Bodies+t.Missing+t.LeftOut+t.Unreadable < t.Source {
		text += "; " + t.depth()
	}
	return text
}

// depth says what was not looked at.
func (t CheckTally) depth() string {
	if t.Bodies == 0 {
		return "compared by headers only"
	}
	return Count(t.Bodies) + " of " + Count(t.Source) + " compared whole, the others by headers"
}

type number struct {
	n    int64
	word string
}

// tallied writes the numbers that are not zero.
func tallied(all []number) []string {
	var parts []string
	for _, n := range all {
		if n.n > 0 {
			parts = append(parts, Count(n.n)+" "+n.word)
		}
	}
	return parts
}

// list writes the messages that are not the same.
func (m CheckMailbox) list(b *strings.Builder, o Output) {
	p := palette{o.Color}
	t := table{indent: 8, columns: []column{{min: 12}, {right: true}, {}, {right: true}, {gap: 3}}}
	for _, f := range m.Found {
		paint := p.dim
		switch {
		case f.Fails:
			paint = p.red
		case f.Sign == "~":
			paint = p.yellow
		}
		folder, uid := f.Folder, f.UID
		if f.UID == 0 {
			folder, uid = f.DestinationFolder, f.DestinationUID
		}
		date := "no date"
		if f.Date != nil {
			date = f.Date.Format("2006-01-02 15:04")
		}
		t.add("    "+f.Sign, paint, Safe(folder), "UID "+strconv.FormatUint(uint64(uid), 10), date, Size(f.Bytes), f.words())
	}
	t.render(b, o.Width, false)
	if m.More > 0 {
		paragraph(b, fmt.Sprintf("and %s more; --out FILE gets all of them", Count(m.More)), "        ", o.Width)
	}
}

func (f CheckMessage) words() string {
	what := Safe(strings.Join(f.What, ", "))
	switch f.Sign {
	case "-":
		if what != "" {
			return "missing, " + what
		}
		return "missing"
	case "+":
		return "extra"
	case "2":
		return "twice"
	case "~":
		return "differs: " + what
	case "!":
		return "unreadable at the " + what
	}
	return "left out: " + what
}

// CheckSummary writes the last lines of a comparison.
func CheckSummary(o Output, t CheckTotal) error {
	text := fmt.Sprintf("%s: %s whole", Plural(t.Mailboxes, "mailbox"), Count(t.Whole))
	if not := t.Mailboxes - t.Whole - t.Skipped; not > 0 {
		text += ", " + Count(not) + " not"
	}
	if t.Skipped > 0 {
		text += ", " + Count(t.Skipped) + " skipped"
	}
	var b strings.Builder
	b.WriteByte('\n')
	if t.Whole == 0 && t.Tally == (CheckTally{}) {
		paragraph(&b, text+". Nothing could be compared.", "", o.Width)
		return o.put(b.String())
	}
	paragraph(&b, text+". "+Plural(t.Tally.Source, "message")+" at the source: "+t.Tally.words()+".", "", o.Width)
	return o.put(b.String())
}

// KeepFound puts a message into a list of at most `most`, those that fail first; it gives the list and whether one is
// left off.
func KeepFound(list []CheckMessage, m CheckMessage, most int) ([]CheckMessage, bool) {
	if len(list) < most {
		return append(list, m), false
	}
	if m.Fails {
		if at := slices.IndexFunc(list, func(o CheckMessage) bool { return !o.Fails }); at >= 0 {
			list[at] = m
		}
	}
	return list, true
}
