package cmd

import (
	"testing"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/state"
)

// TestWorkedIn: the runs of a pass that went on with each other are summed, and the nights among them counted.
func TestWorkedIn(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	everyDay := [7]bool{true, true, true, true, true, true, true}
	nights := config.Windows{{Name: "nights", Days: everyDay, From: 19 * 60, To: 6 * 60, Zone: time.UTC}}
	runs := []state.Run{
		{ID: "a", Pass: "full", Started: at("2026-11-20 19:00"), Ended: at("2026-11-20 22:00"), ExitCode: exitStopped},
		{ID: "b", Pass: "full", Started: at("2026-11-21 19:00"), Ended: at("2026-11-21 20:00"), ExitCode: exitIncomplete}, // it was finished
		{ID: "c", Pass: "prestage", Started: at("2026-11-22 19:00"), Ended: at("2026-11-22 20:00")},
		{ID: "d", Pass: "full", Started: at("2026-11-23 19:00"), Ended: at("2026-11-23 23:00"), ExitCode: exitInterrupted},
		{ID: "e", Pass: "full", Started: at("2026-11-24 01:00"), Ended: at("2026-11-24 06:00"), ExitCode: exitStopped}, // the same night
		{ID: "f", Pass: "retry", Started: at("2026-11-24 08:00"), Ended: at("2026-11-24 09:00")},
		{ID: "g", Pass: "full", Started: at("2026-11-24 19:00")}, // it was killed
		{ID: "h", Pass: "full", Started: at("2026-11-24 20:00"), Ended: at("2026-11-25 02:06")},
		{ID: "i", Pass: "full", Started: at("2026-11-25 19:00"), Ended: at("2026-11-25 19:01")},
	}
	for id, want := range map[string]view.Worked{
		"h": {Took: 15*time.Hour + 6*time.Minute, Openings: 2, Nights: true},
		"i": {Took: time.Minute, Openings: 1, Nights: true},
		"b": {Took: 4 * time.Hour, Openings: 2, Nights: true},
	} {
		if got := workedIn(runs, id, nights); got != want {
			t.Errorf("run %s: %+v, want %+v", id, got, want)
		}
	}
}
