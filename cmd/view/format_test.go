package view

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/state"
	"mailhaul/state/mail"
)

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 18204: "18,204", 1204118: "1,204,118",
		-1000: "-1,000", -999: "-999"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[mail.Size]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 48211: "48.2 kB", 62_100_000: "62.1 MB",
		999_949: "999.9 kB", 999_950: "1.0 MB", 4_100_000_000: "4.1 GB", 318_400_000_000: "318.4 GB", 1_500_000_000_000: "1.5 TB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[mail.Size]string{150 * mail.MB: "150 MB", 1_500_000: "1.5 MB", 36 * mail.MB: "36 MB"} {
		if got := Limit(n); got != want {
			t.Errorf("Limit(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "less than 1s", 12 * time.Second: "12s", time.Minute: "1m", 4*time.Minute + 10*time.Second: "4m 10s",
		72 * time.Second: "1m 12s", 58*time.Minute + 12*time.Second: "58m", time.Hour: "1h",
		59*time.Minute + 59600*time.Millisecond: "1h", 170 * time.Minute: "2h 50m", 21*time.Hour + 6*time.Minute: "21h 06m",
		50 * time.Hour: "50h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestOutOf(t *testing.T) {
	for _, c := range []struct {
		part, whole mail.Size
		want        string
	}{
		{197_500_000_000, 318_400_000_000, "197.5 of 318.4 GB"}, {7_700_000, 318_400_000_000, "0.0 of 318.4 GB"},
		{12, 900, "12 of 900 B"}, {0, 0, "0 of 0 B"}, {500, 1500, "0.5 of 1.5 kB"},
	} {
		if got := outOf(c.part, c.whole); got != c.want {
			t.Errorf("outOf(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

// TestPercent: 100 means that nothing is left.
func TestPercent(t *testing.T) {
	for _, c := range []struct {
		copied, planned state.Count
		want            int
	}{
		{state.Count{Messages: 9, Bytes: 999_999}, state.Count{Messages: 10, Bytes: 1_000_000}, 99},
		{state.Count{Messages: 10, Bytes: 1_000_000}, state.Count{Messages: 10, Bytes: 1_000_000}, 100},
		{state.Count{Messages: 1}, state.Count{Messages: 4}, 25},
		{state.Count{}, state.Count{}, 100},
		{state.Count{}, state.Count{Messages: 1, Bytes: 5}, 0},
	} {
		if got := percent(c.copied, c.planned); got != c.want {
			t.Errorf("percent(%v, %v) = %d, want %d", c.copied, c.planned, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    []string
	}{
		{"", 20, []string{""}},
		{"one two three", 20, []string{"one two three"}},
		{"one two three four", 13, []string{"one two three", "four"}},
		{"keep  two   blanks", 40, []string{"keep  two   blanks"}},
		{"abcdefghijklmnop q", 10, []string{"abcdefghij", "klmnop q"}},
		{"a 受信箱受信箱受信箱", 10, []string{"a", "受信箱受信", "箱受信箱"}},
		{"run: apply --pass full", 16, []string{"run: apply", "--pass full"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.text, c.columns)); diff != "" {
			t.Errorf("wrap(%q, %d) (-want +got):\n%s", c.text, c.columns, diff)
		}
	}
}

// TestMeter: a rate is of the time just gone by, and falls when nothing comes any more.
func TestMeter(t *testing.T) {
	start := at("2026-11-23 19:00:00")
	m := meter{span: time.Minute}
	for s := range 600 {
		m.add(start.Add(time.Duration(s)*time.Second), mail.Size(s)*mail.MB)
	}
	end := start.Add(599 * time.Second)
	if got := m.rate(end) / float64(mail.MB); got < 0.99 || got > 1.01 {
		t.Errorf("steady rate = %.3f MB/s, want 1", got)
	}
	if got := m.rate(end.Add(time.Minute)) / float64(mail.MB); got > 0.55 {
		t.Errorf("a minute after the last octet the rate is still %.3f MB/s", got)
	}
	if n := len(m.samples); n > 63 {
		t.Errorf("%d samples kept", n)
	}
	if got := new(meter).rate(end); got != 0 {
		t.Errorf("rate of nothing = %v", got)
	}
}

// TestTableKeepsWithin: whatever stands in the cells, no line is wider than the output and no cell is lost.
func TestTableKeepsWithin(t *testing.T) {
	long := strings.Repeat("x", 130) + "@contoso.example"
	for _, columns := range []int{40, 80} {
		tab := table{indent: 3, columns: []column{{head: "mailbox", min: 25}, {head: "n", right: true}, {head: "note", gap: 3}}}
		tab.add("+", nil, long, "12", "a note that is longer than the room beside the numbers")
		tab.add("!", nil, "short@contoso.example", "1,204,118", "note")
		var b strings.Builder
		tab.render(&b, columns, true)
		fits(t, b.String(), columns)
		flat := strings.NewReplacer("\n", "", " ", "").Replace(b.String())
		for _, cell := range []string{long, "1,204,118", "anotethatislongerthantheroombesidethenumbers"} {
			if !strings.Contains(flat, cell) {
				t.Errorf("%d columns: %q is lost in\n%s", columns, cell, b.String())
			}
		}
	}
}
