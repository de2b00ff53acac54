package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/config"
)

// TestWhenOf holds what is said of mailboxes whose windows are open, closed, other than the pass's, and switched off.
func TestWhenOf(t *testing.T) {
	at := func(s string) time.Time {
		when, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	ptr := func(s string) *time.Time { when := at(s); return &when }
	everyDay := [7]bool{true, true, true, true, true, true, true}
	nights := &config.Window{Name: "nights", Days: everyDay, From: 19 * 60, To: 6 * 60, Zone: time.UTC}
	noon := &config.Window{Name: "noon", Days: everyDay, From: 12 * 60, To: 13 * 60, Zone: time.UTC}
	pass := &config.Pass{Name: "full", Windows: config.Windows{nights}}
	later := &config.Pass{Name: "full", Windows: config.Windows{nights}, Start: at("2026-12-01 20:00")}
	usual, free := &config.Mailbox{}, &config.Mailbox{Windows: &config.Windows{}}
	lunch := &config.Mailbox{Windows: &config.Windows{noon}}
	skipped := &config.Mailbox{Skip: "x", Windows: &config.Windows{noon}}
	for name, c := range map[string]struct {
		pass  *config.Pass
		boxes []*config.Mailbox
		now   string
		want  *When
	}{
		"no window":        {&config.Pass{}, []*config.Mailbox{usual}, "2026-11-27 12:00", nil},
		"switched off":     {pass, []*config.Mailbox{free, skipped}, "2026-11-27 12:00", nil},
		"closed":           {pass, []*config.Mailbox{usual, usual}, "2026-11-27 12:00", &When{Waiting: 2, Opens: ptr("2026-11-27 19:00"), By: []string{"nights"}}},
		"open":             {pass, []*config.Mailbox{usual, usual}, "2026-11-27 23:00", &When{Open: 2, Closes: ptr("2026-11-28 06:00"), Until: []string{"nights"}}},
		"before its start": {later, []*config.Mailbox{usual}, "2026-11-27 23:00", &When{Waiting: 1, Opens: ptr("2026-12-01 20:00")}},
		"some": {pass, []*config.Mailbox{usual, lunch, free}, "2026-11-27 12:30",
			&When{Open: 2, Closes: ptr("2026-11-27 13:00"), Until: []string{"noon"}, Waiting: 1, Opens: ptr("2026-11-27 19:00"), By: []string{"nights"}}},
	} {
		if diff := cmp.Diff(c.want, WhenOf(c.pass, c.boxes, at(c.now))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
