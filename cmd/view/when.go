package view

import (
	"fmt"
	"strings"
	"time"

	"mailhaul/plan"
)

// May says in one sentence when a pass may run, with clock times in zone; empty: at any time, or without a zone.
func May(w *plan.When, zone *time.Location) string {
	if w == nil || zone == nil {
		return ""
	}
	now, later := "", ""
	if w.Open > 0 {
		now = "May run now"
		if w.Closes != nil {
			now += fmt.Sprintf(", until %s (%s)", clock(*w.Closes, zone), windowNames(w.Until))
		}
	}
	if w.Waiting > 0 {
		later = "at no time: its windows never open"
		if w.Opens != nil {
			later = fmt.Sprintf("from %s (%s)", clock(*w.Opens, zone), windowNames(w.By))
		}
	}
	switch {
	case later == "":
		return now + "."
	case now == "":
		return "May run " + later + "."
	}
	return fmt.Sprintf("%s; %s %s.", now, Plural(w.Waiting, "mailbox"), later)
}

func clock(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("2006-01-02 15:04 MST")
}

// windowNames writes `window "nights"`; no window is the start of the pass.
func windowNames(names []string) string {
	if len(names) == 0 {
		return "its start"
	}
	word := "window "
	if len(names) > 1 {
		word = "windows "
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + Safe(n) + `"`
	}
	return word + strings.Join(quoted, ", ")
}
