package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// FailureList is what failed, as `mailhaul failures` shows it.
type FailureList struct {
	Messages  []state.FailedMessage
	Mailboxes []state.FailedMailbox
	// Passes names the pass of a run, for messages.
	Passes map[string]string
}

// Failures writes what failed: on a terminal grouped by cause with the servers' own words and what to do, elsewhere one
// line each with tabs between, the names of the columns first.
func Failures(o Output, f FailureList) error {
	if !o.IsTerminal {
		return o.put(f.lines("\t", func(s string) string { return Safe(s) }))
	}
	return o.put(f.grouped(o))
}

// FailuresCSV writes what failed as CSV: every cell quoted, none a formula.
func FailuresCSV(w io.Writer, f FailureList) error {
	quote := func(s string) string { return `"` + strings.ReplaceAll(cell(s), `"`, `""`) + `"` }
	_, err := io.WriteString(w, strings.ReplaceAll(f.lines(",", quote), "\n", "\r\n"))
	return err
}

// lines writes the failures as a table for programs.
func (f FailureList) lines(separator string, set func(string) string) string {
	var b strings.Builder
	for _, r := range append([][]string{{"code", "kind", "state", "mailbox", "destination", "folder", "destination_folder",
		"uid", "bytes", "date", "attempts", "text", "hint", "side", "pass"}}, f.records()...) {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = set(c)
		}
		b.WriteString(strings.Join(cells, separator) + "\n")
	}
	return b.String()
}

func (f FailureList) records() [][]string {
	var all [][]string
	for _, m := range f.Mailboxes {
		all = append(all, []string{string(m.Code), m.Kind.String(), "blocked", m.Name, m.Destination, "", "", "", "", "", "",
			m.Text, Hint(string(m.Code)), m.Side, m.Pass})
	}
	for _, m := range f.Messages {
		date := ""
		if !m.InternalDate.IsZero() {
			date = m.InternalDate.Format(time.RFC3339)
		}
		all = append(all, []string{string(m.Code), m.Kind.String(), stateWord(m.State), m.Mailbox, m.Destination, m.SourceFolder,
			m.TargetFolder, strconv.FormatUint(uint64(m.UID), 10), strconv.FormatInt(int64(m.Size), 10), date,
			strconv.Itoa(m.Attempt), m.Text, Hint(string(m.Code)), sideOf(m.Code), f.Passes[m.Run]})
	}
	return all
}

// stateWord names where a failed message stands.
func stateWord(s state.State) string {
	switch s {
	case state.StateRefused:
		return "refused"
	case state.StateAmbiguous:
		return "ambiguous"
	case state.StateDamaged:
		return "damaged"
	case state.StateIntent, state.StateUnknown:
		return "unknown"
	case state.StateLeftOut:
		return "left out"
	}
	return "open"
}

// grouped writes the failures for people.
func (f FailureList) grouped(o Output) string {
	var b strings.Builder
	if len(f.Messages) == 0 && len(f.Mailboxes) == 0 {
		return "Nothing failed.\n"
	}
	var parts []string
	doubt := f.doubts()
	if n := len(f.Messages) - doubt; n > 0 {
		parts = append(parts, Plural(n, "message")+" failed")
	}
	if doubt > 0 {
		parts = append(parts, Plural(doubt, "message")+" in doubt")
	}
	if n := len(f.Mailboxes); n > 0 {
		parts = append(parts, Plural(n, "mailbox")+" blocked")
	}
	b.WriteString(strings.Join(parts, ", ") + ".\n")
	for _, code := range f.codes() {
		f.group(&b, o, code)
	}
	return b.String()
}

// doubts counts the messages of which it is not known yet whether they arrived: they have not failed, and status counts them
// as left.
func (f FailureList) doubts() (n int) {
	for _, m := range f.Messages {
		if m.State.Doubt() {
			n++
		}
	}
	return n
}

// codes lists the causes, the one with most failures first.
func (f FailureList) codes() []mail.Code {
	count := map[mail.Code]int{}
	for _, m := range f.Mailboxes {
		count[m.Code]++
	}
	for _, m := range f.Messages {
		count[m.Code]++
	}
	return byCount(count)
}

// group writes one cause: what it is, whom it hits, what the servers said, what to do.
func (f FailureList) group(b *strings.Builder, o Output, code mail.Code) {
	p := palette{o.Color}
	title := Safe(string(code))
	if why := cause(code); why != "" {
		title += ": " + blamed(code) + " " + why
	}
	b.WriteString("\n" + p.bold(strings.Join(wrap(title, o.Width), "\n")) + "\n")
	f.stoppedMailboxes(b, o, code)
	f.failedMessages(b, o, code)
	todo := "To do: " + Hint(string(code)) + "."
	if Hint(string(code)) == "" {
		todo = "More: mailhaul explain " + Safe(string(code))
	}
	paragraph(b, todo, "   ", o.Width)
}

// sideOf is the side that failed a message: only one that the source does not hand over whole is the source's.
func sideOf(code mail.Code) string {
	if code == mail.CodeMessageDamaged {
		return "source"
	}
	return "destination"
}

// blamed is the side that a code is about, where the code alone tells it.
func blamed(code mail.Code) string {
	switch {
	case code == mail.CodeMessageDamaged:
		return "the source"
	case strings.HasPrefix(string(code), "MESSAGE-"), strings.HasPrefix(string(code), "QUOTA-"):
		return "the destination"
	}
	return "the server"
}

func (f FailureList) stoppedMailboxes(b *strings.Builder, o Output, code mail.Code) {
	t := table{indent: 3, columns: []column{{}, {}, {}}}
	heard := words{}
	for _, m := range f.Mailboxes {
		if m.Code == code {
			t.add("", nil, Safe(m.Name), Safe(m.Side), "blocked in pass "+Safe(m.Pass))
			heard.add(m.Text)
		}
	}
	shorten(&t, "mailboxes")
	t.render(b, o.Width, false)
	heard.write(b, o, code, "   ")
}

func (f FailureList) failedMessages(b *strings.Builder, o Output, code mail.Code) {
	t := table{indent: 3, columns: []column{{}, {}, {right: true}, {right: true}, {}}}
	heard := words{}
	for _, m := range f.Messages {
		if m.Code != code {
			continue
		}
		date := "no date"
		if !m.InternalDate.IsZero() {
			date = m.InternalDate.Format(time.DateOnly)
		}
		t.add("", nil, Safe(m.Mailbox), o.cut(Safe(m.SourceFolder), o.Width/4), fmt.Sprintf("UID %d", m.UID), Size(m.Size), date)
		heard.add(m.Text)
	}
	shorten(&t, "messages")
	t.render(b, o.Width, false)
	heard.write(b, o, code, "   ")
}

// shorten keeps the first lines of a long table; the whole list is what a pipe gets.
func shorten(t *table, what string) {
	if more := len(t.rows) - many; more > 1 {
		t.rows = append(t.rows[:many], row{text: fmt.Sprintf("... %s more %s (all of them: mailhaul failures --csv)", Count(more), what)})
	}
}

// words are the reasons of failures with one code, servers' words mostly, each text once, with how often it came.
type words map[string]int

func (w words) add(text string) {
	if text = strings.TrimSpace(text); text != "" {
		w[text]++
	}
}

// write quotes the commonest three; a server that puts an id in each answer would fill the screen.
func (w words) write(b *strings.Builder, o Output, code mail.Code, indent string) {
	const most = 3
	var texts []string
	for text := range w {
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(x, y string) int { return cmp.Or(w[y]-w[x], strings.Compare(x, y)) })
	for i, text := range texts {
		if i == most {
			b.WriteString(indent + "... " + Plural(len(texts)-most, "other reason") + "\n")
			return
		}
		paragraph(b, said(code, text), indent, o.Width)
	}
}
