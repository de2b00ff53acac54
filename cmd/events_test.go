package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/config"
)

// TestSurveyThatTakesItsTime: servers that do not answer are spoken of once after a while, quick ones never.
func TestSurveyThatTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, rec := view.Record(80, "")
		a := &app{term: term}
		told := func() int { return strings.Count(rec.Err.String(), "Still asking") }
		a.saySurvey(bothSides, 1)()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := told(); n != 0 {
			t.Errorf("told %d times of a survey that has ended", n)
		}
		end := a.saySurvey(bothSides, 3)
		time.Sleep(slowSurvey - time.Second)
		synctest.Wait()
		if n := told(); n != 0 {
			t.Errorf("told %d times too soon", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := told(); n != 1 {
			t.Errorf("told %d times, not once", n)
		}
		end()
		for _, line := range strings.Split(rec.Err.String(), "\n") {
			if len(line) > 80 {
				t.Errorf("%d columns: %q", len(line), line)
			}
		}
	})
}

// TestLargeStateIsSpokenOf: before a state file is tested that is so large that it takes a while, a person hears of it.
func TestLargeStateIsSpokenOf(t *testing.T) {
	for name, c := range map[string]struct {
		size  int64
		quiet bool
		want  string
	}{
		"small": {size: int64(largeState) - 1},
		"large": {size: int64(largeState), want: "Testing big.state, 64.0 MB ...\n"},
		"quiet": {size: int64(largeState), quiet: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "big.state")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, c.size); err != nil {
				t.Fatal(err)
			}
			term, rec := view.Record(80, "")
			a := &app{term: term, flags: globals{quiet: c.quiet}}
			a.tellLarge(&config.Config{Project: config.Project{State: path}})
			if got := rec.Err.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
