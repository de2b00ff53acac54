package config

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// exampleZones are the zones of the examples and of the help pages, and some with unusual clocks.
var exampleZones = []string{"Europe/Stockholm", "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
	"Africa/Casablanca", "Pacific/Apia"}

func zoneFor(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func everyDay() (days [7]bool) {
	for i := range days {
		days[i] = true
	}
	return days
}

// TestHardCase_R11_WindowClockChanges holds what a window does in the nights in which the clocks change.
func TestHardCase_R11_WindowClockChanges(t *testing.T) {
	const layout = "2006-01-02T15:04Z07:00"
	for _, c := range []struct {
		name, zone      string
		from, to        int
		at, next, until string
	}{
		{"over midnight", "Europe/Stockholm", 19 * 60, 6 * 60, "2026-12-01T12:00+01:00", "2026-12-01T19:00+01:00", "2026-12-02T06:00+01:00"},
		{"an hour less", "Europe/Stockholm", 19 * 60, 6 * 60, "2026-03-28T20:00+01:00", "2026-03-28T20:00+01:00", "2026-03-29T06:00+02:00"},
		{"an hour more", "Europe/Stockholm", 19 * 60, 6 * 60, "2026-10-24T20:00+02:00", "2026-10-24T20:00+02:00", "2026-10-25T06:00+01:00"},
		{"opens at a time that is skipped", "Europe/Stockholm", 150, 300, "2026-03-29T00:00+01:00", "2026-03-29T03:00+02:00", "2026-03-29T05:00+02:00"},
		{"closes at a time that is skipped", "Europe/Stockholm", 60, 150, "2026-03-29T00:00+01:00", "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"},
		{"skipped as a whole", "Europe/Stockholm", 130, 170, "2026-03-29T00:00+01:00", "2026-03-30T02:10+02:00", "2026-03-30T02:50+02:00"},
		{"a time that comes twice", "Europe/Stockholm", 150, 300, "2026-10-25T00:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T05:00+01:00"},
		{"closes at a time that comes twice", "Europe/Stockholm", 60, 150, "2026-10-25T00:00+02:00", "2026-10-25T01:00+02:00", "2026-10-25T02:30+02:00"},
		{"half an hour of change", "Australia/Lord_Howe", 60, 120, "2026-04-05T00:00+11:00", "2026-04-05T01:00+11:00", "2026-04-05T02:00+10:30"},
		{"to the end of the day", "UTC", 22 * 60, 24 * 60, "2026-01-01T23:00Z", "2026-01-01T23:00Z", "2026-01-02T00:00Z"},
	} {
		w := &Window{Days: everyDay(), From: c.from, To: c.to, Zone: zoneFor(t, c.zone)}
		at, err := time.Parse(layout, c.at)
		if err != nil {
			t.Fatal(err)
		}
		next := w.Next(at)
		until, open := w.Until(next)
		if got := next.In(w.Zone).Format(layout); got != c.next || !open {
			t.Errorf("%s: next = %s, open = %v, want %s", c.name, got, open, c.next)
		}
		if got := until.In(w.Zone).Format(layout); got != c.until {
			t.Errorf("%s: until = %s, want %s", c.name, got, c.until)
		}
	}
}

// inside is the simplest reading of a window, for comparison: what clocks and calendar show at t.
func inside(w *Window, t time.Time) bool {
	local := t.In(w.Zone)
	now, day := local.Hour()*60+local.Minute(), local.Weekday()
	if w.To > w.From {
		return w.Days[day] && now >= w.From && now < w.To
	}
	return w.Days[day] && now >= w.From || w.Days[(day+6)%7] && now < w.To
}

// TestWindowProperties walks through ten years in every zone, around each change of the clocks minute by minute, and
// holds Next and Until against each other and against the simplest reading.
func TestWindowProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range exampleZones {
		zone := zoneFor(t, name)
		for range 6 {
			w := &Window{From: r.IntN(24 * 60), To: 1 + r.IntN(24*60), Zone: zone}
			if w.From == w.To {
				w.To = 24 * 60
			}
			for i := range w.Days {
				w.Days[i] = r.IntN(2) == 0
			}
			w.Days[r.IntN(7)] = true
			first := time.Date(2024, 1, 1, 0, 0, 0, 0, zone)
			last := first.AddDate(10, 0, 0)
			for at := first; at.Before(last); at = at.Add(time.Duration(1+r.IntN(3*24*60)) * time.Minute) {
				checkWindow(t, w, at, true)
			}
			for at := first; !at.IsZero() && at.Before(last); {
				_, change := at.ZoneBounds()
				for m := -200; !change.IsZero() && m < 200; m += 7 {
					checkWindow(t, w, change.Add(time.Duration(m)*time.Minute), false)
				}
				at = change
			}
			if t.Failed() {
				t.Fatalf("window %+v in %s", w, name)
			}
		}
	}
}

func checkWindow(t *testing.T, w *Window, at time.Time, plainly bool) {
	t.Helper()
	next := w.Next(at)
	until, open := w.Until(at)
	begin, end := at.ZoneBounds()
	far := func(b time.Time) bool { return b.IsZero() || at.Sub(b).Abs() > 24*time.Hour }
	switch {
	case next.IsZero() || next.Before(at):
		t.Errorf("next of %s is %s", at, next)
	case open != next.Equal(at):
		t.Errorf("%s: open = %v, next = %s", at, open, next)
	case open && (!until.After(at) || until.Sub(at) > 7*25*time.Hour):
		t.Errorf("%s: until = %s", at, until)
	case open && until.Equal(w.Next(until)):
		t.Errorf("%s: it closes at %s, and is open then", at, until)
	case plainly && far(begin) && far(end) && open != inside(w, at):
		t.Errorf("%s: open = %v, and clocks say %v", at, open, !open)
	}
	if _, opened := w.Until(next); !opened {
		t.Errorf("%s: next is %s, and it is closed then", at, next)
	}
	if !open { // nothing is missed between
		middle := at.Add(next.Sub(at) / 2)
		if _, early := w.Until(middle); early && middle.Before(next) {
			t.Errorf("%s: next is %s, but it is open at %s", at, next, middle)
		}
	}
}

// TestWindowsTogether holds that windows that touch are one, and that none means always.
func TestWindowsTogether(t *testing.T) {
	night := &Window{Days: everyDay(), From: 19 * 60, To: 6 * 60, Zone: time.UTC}
	morning := &Window{Days: everyDay(), From: 6 * 60, To: 8 * 60, Zone: time.UTC}
	day := &Window{Days: everyDay(), From: 8 * 60, To: 19 * 60, Zone: time.UTC}
	at := time.Date(2026, 1, 1, 20, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		ws    Windows
		hours float64
		open  bool
	}{
		{"none", nil, 0, true}, {"night", Windows{night}, 10, true}, {"night and morning", Windows{morning, night}, 12, true},
		{"always", Windows{day, morning, night}, 0, true}, {"day", Windows{day}, 0, false},
	} {
		until, open := c.ws.Until(at)
		if open != c.open || c.hours > 0 && until.Sub(at).Hours() != c.hours || c.hours == 0 && !until.IsZero() {
			t.Errorf("%s: until = %s, %v", c.name, until, open)
		}
	}
	if next := (Windows{day, morning}).Next(at); next.Hour() != 6 || next.Day() != 2 {
		t.Errorf("next = %s", next)
	}
}

// TestWindowsOfMailbox holds the precedence of windows: mailbox block, users block, pass; an empty list switches them off.
func TestWindowsOfMailbox(t *testing.T) {
	c := mustLoad(t, project(t, "users.csv", twoUsers+"carla@old.example,pw,carla@new.example\n", "a.hcl",
		strings.Replace(base, "csv ", "windows = [\"two\"]\n  csv ", 1)+`
window "one" {
  days     = ["sat"]
  from     = "10:00"
  to       = "12:00"
  timezone = "UTC"
}
window "two" {
  from     = "19:00"
  to       = "06:00"
  timezone = "Europe/Stockholm"
}
mailbox "anna@old.example" { windows = [] }
mailbox "bo@old.example" { windows = ["one"] }
pass "full" {
  start   = "2026-12-02 12:00 UTC"
  windows = ["one"]
}
`))
	full, early := c.Passes[1], time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var got []string
	for _, m := range c.Mailboxes {
		got = append(got, full.Next(m, early).UTC().Format("02 15:04"))
	}
	if want := []string{"02 12:00", "05 10:00", "02 18:00"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("next = %v, want %v", got, want)
	}
	if got := full.Next(nil, early).Format("02 15:04"); got != "05 10:00" {
		t.Errorf("the pass itself begins on %s", got)
	}
}

// FuzzWindow reads times of day, zones and moments as a file may hold them, and asks the window that comes out.
func FuzzWindow(f *testing.F) {
	f.Add("19:00", "06:00", "Europe/Stockholm", "2026-12-01 19:00 Europe/Stockholm", int64(1_800_000_000), uint8(62))
	f.Add("00:00", "24:00", "UTC", "2026-12-01", int64(0), uint8(127))
	f.Add("2:30", "2:31", "America/New_York", "2026-03-29T02:30", int64(1_711_846_800), uint8(1))
	f.Add("24:01", "-1:00", "../etc", "0000-00-00", int64(-1), uint8(0))
	f.Fuzz(func(t *testing.T, from, to, zone, moment string, unix int64, days uint8) {
		if m, err := parseMoment(moment, time.UTC); err == nil && (m.UTC().Year() < 1 || m.UTC().Year() > 9998) {
			t.Errorf("%q is in the year %d", moment, m.UTC().Year())
		}
		w := &Window{}
		var err error
		if w.From, err = parseClock(from); err != nil {
			return
		}
		if w.To, err = parseClock(to); err != nil || w.From == w.To || w.From == 24*60 || days&127 == 0 {
			return
		}
		if w.Zone, err = zoneOf(zone); err != nil || unix < -1<<31 || unix > 1<<36 {
			return
		}
		for i := range w.Days {
			w.Days[i] = days&(1<<i) != 0
		}
		at := time.Unix(unix, 0)
		next := w.Next(at)
		if next.IsZero() {
			return // the clocks skip it for weeks on end; Apia left a day out
		}
		if _, open := w.Until(next); !open || next.Before(at) {
			t.Errorf("next of %s in %+v is %s, open %v", at, w, next, open)
		}
	})
}
