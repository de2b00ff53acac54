package config

import (
	"fmt"
	"slices"
	"time"
)

// Window is a stretch of time on some days of the week in which mail may move, the block `window "NAME"`.
type Window struct {
	Name  string
	Days  [7]bool        // by time.Weekday: the days on which it opens
	From  int            // minutes after midnight
	To    int            // minutes after midnight; at or before From it means the next day; 24:00 is 1,440
	Zone  *time.Location // of Days, From and To; time.Local where none is written
	Range Range
}

// Windows are alternatives: mail may move while one of them is open. None at all means at any time.
type Windows []*Window

// Names lists the names of the windows.
func (ws Windows) Names() []string {
	names := make([]string, len(ws))
	for i, w := range ws {
		names[i] = w.Name
	}
	return names
}

// farthest is how many days ahead an opening is looked for: one that the clocks skip is on the same day next week.
const farthest = 15

// Next gives the first moment at or after t at which a window is open. It is t itself where there are no windows.
func (ws Windows) Next(t time.Time) time.Time {
	if len(ws) == 0 {
		return t
	}
	next := time.Time{}
	for _, w := range ws {
		if at := w.next(t); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// Until tells whether a window is open at t, and when the last one that follows without a gap closes. The zero Time
// means that it does not close within the next weeks.
func (ws Windows) Until(t time.Time) (time.Time, bool) {
	if len(ws) == 0 {
		return time.Time{}, true
	}
	end, open := t, false
	for limit := t.AddDate(0, 0, 2*farthest); ; open = true {
		later := end
		for _, w := range ws {
			if closes := w.until(end); closes.After(later) {
				later = closes
			}
		}
		switch {
		case !later.After(end):
			if !open {
				return time.Time{}, false
			}
			return end, true
		case later.After(limit):
			return time.Time{}, true
		}
		end = later
	}
}

// Next gives the first moment at or after t at which the window is open.
func (w *Window) Next(t time.Time) time.Time { return Windows{w}.Next(t) }

// Until tells whether the window is open at t, and when it closes: see Windows.Until.
func (w *Window) Until(t time.Time) (time.Time, bool) { return Windows{w}.Until(t) }

// next is zero where the window never opens.
func (w *Window) next(t time.Time) time.Time {
	for day := -1; day <= farthest; day++ {
		opens, closes, ok := w.on(t, day)
		switch {
		case !ok || !closes.After(t):
		case opens.After(t):
			return opens
		default:
			return t
		}
	}
	return time.Time{}
}

// until gives when the window that is open at t closes; zero if it is closed then.
func (w *Window) until(t time.Time) time.Time {
	last := time.Time{}
	for day := -2; day <= 1; day++ {
		if opens, closes, ok := w.on(t, day); ok && !opens.After(t) && closes.After(t) && closes.After(last) {
			last = closes
		}
	}
	return last
}

// on gives the opening that belongs to the day so many days after that of t; there is none on other days of the week, or
// where the clocks skip all of it.
func (w *Window) on(t time.Time, day int) (opens, closes time.Time, ok bool) {
	year, month, date := t.In(w.zone()).Date()
	noon := time.Date(year, month, date+day, 12, 0, 0, 0, time.UTC) // a calendar day; no clock changes there
	if !w.Days[noon.Weekday()] {
		return time.Time{}, time.Time{}, false
	}
	to := w.To
	if to <= w.From {
		to += 24 * 60
	}
	opens, closes = w.at(noon, w.From), w.at(noon, to)
	return opens, closes, closes.After(opens)
}

func (w *Window) zone() *time.Location {
	if w.Zone == nil {
		return time.Local
	}
	return w.Zone
}

// at gives the first moment at which clocks show so many minutes after the day's midnight, or, where they skip that time,
// the moment at which they do.
func (w *Window) at(day time.Time, minutes int) time.Time {
	year, month, date := day.Date()
	wanted := time.Date(year, month, date, 0, minutes, 0, 0, time.UTC)
	t := time.Date(year, month, date, 0, minutes, 0, 0, w.zone())
	begin, end := t.ZoneBounds()
	switch shown := wall(t); {
	case shown.After(wanted):
		return begin
	case shown.Before(wanted):
		return end
	case !begin.IsZero():
		// Clocks that go back show a time twice, and time.Date does not promise which it takes.
		_, now := t.Zone()
		_, earlier := begin.Add(-time.Nanosecond).Zone()
		first := t.Add(time.Duration(now-earlier) * time.Second)
		if first.Before(begin) && wall(first).Equal(wanted) {
			return first
		}
	}
	return t
}

// wall is what clocks show at t, as a moment of UTC.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// WindowsFor gives the windows in which a mailbox moves in this pass: its own, if it has any, or those of the pass.
func (p *Pass) WindowsFor(m *Mailbox) Windows {
	if m != nil && m.Windows != nil {
		return *m.Windows
	}
	return p.Windows
}

// Next gives the first moment at or after t at which the pass may work on the mailbox: not before its start, and in a
// window. It is the zero Time where that never comes.
func (p *Pass) Next(m *Mailbox, t time.Time) time.Time {
	if t.Before(p.Start) {
		t = p.Start
	}
	return p.WindowsFor(m).Next(t)
}

// dayWords are the weekdays as calendars list them.
func dayWords() []string { return append(slices.Clone(weekdays[1:]), weekdays[0]) }

// windows reads the window blocks.
func (l *loader) windows() {
	for _, n := range l.blocks(windowSpec) {
		l.config.Windows = append(l.config.Windows, l.window(n))
	}
}

// weekdays are the words of days, by time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (l *loader) window(n *node) *Window {
	w := &Window{Name: n.labels[0], Range: rangeOf(n.def), From: or(n, "from", 0), To: or(n, "to", 24*60),
		Zone: or(n, "timezone", time.Local)}
	days, written := get[[]item](n, "days")
	for i := range w.Days {
		w.Days[i] = !written
	}
	for _, d := range days {
		i := slices.Index(weekdays, d.text)
		if i < 0 {
			l.fail(CodeUnknown, n.at(d.rng), "there is no day %q", d.text).
				explain("Days: %s.", quoted(dayWords())).near(d.text, weekdays)
			continue
		}
		w.Days[i] = true
	}
	if written && len(days) == 0 {
		l.fail(CodeValue, n.place("days"), "the window opens on no day").explain("Leave days out for every day.")
	}
	if w.From == w.To && !n.bad("from") && !n.bad("to") {
		l.fail(CodeConflict, n.place("to"), "the window closes when it opens").
			explain("For the whole day leave both from and to out, or write from = \"00:00\" and to = \"24:00\".")
	}
	if w.From == 24*60 {
		l.fail(CodeValue, n.place("from"), "from can't be \"24:00\"").explain("Write \"00:00\", and the next day in days.")
	}
	return w
}

// windowsOf follows a list of names of windows; nil if it is not written.
func (l *loader) windowsOf(n *node, name string) *Windows {
	items, ok := get[[]item](n, name)
	if !ok {
		return nil
	}
	out := Windows{}
	known := map[string]*Window{}
	var names []string
	for _, w := range l.config.Windows {
		known[w.Name] = w
		names = append(names, w.Name)
	}
	for _, it := range items {
		switch w := known[it.text]; {
		case w != nil && slices.Contains(out, w):
			l.fail(CodeDuplicate, n.at(it.rng), "the window %q is named twice", it.text).explain("Remove one of them.")
		case w != nil:
			out = append(out, w)
		case l.broken[windowSpec.name]:
		default:
			f := l.fail(CodeReference, n.at(it.rng), "there is no window %q", it.text)
			if len(names) == 0 {
				f.explain("None is defined: write a block window %q { ... }.", it.text)
				continue
			}
			f.explain("%s", l.windowNames(it.rng.Filename)).near(it.text, names)
		}
	}
	return &out
}

// windowNames lists the windows as they are seen from a file.
func (l *loader) windowNames(file string) string {
	near, far := []string{}, []string{}
	for _, w := range l.config.Windows {
		near = append(near, fmt.Sprintf("%q (line %d)", w.Name, w.Range.Start.Line))
		far = append(far, fmt.Sprintf("%q (%s:%d)", w.Name, w.Range.File, w.Range.Start.Line))
	}
	if slices.ContainsFunc(l.config.Windows, func(w *Window) bool { return w.Range.File != file }) {
		return "Windows: " + list(far) + "."
	}
	return "Windows in this file: " + list(near) + "."
}
