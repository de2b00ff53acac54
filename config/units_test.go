package config

import (
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{"36MB": 36_000_000, "36MiB": 36 << 20, "1.5GB": 1_500_000_000, "10 kB": 10_000, "10KB": 10_000,
		"1B": 1, "2tb": 2e12, "150": 0, "": 0, "MB": 0, "-1MB": 0, "0MB": 0, "36 M B": 0, "36mib": 36 << 20, "1e3MB": 0, "9000000TB": 9e18, "9999999TB": 0} {
		if got, err := parseSize(s); got != want || (err != nil) != (want == 0) {
			t.Errorf("parseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestRates(t *testing.T) {
	for s, want := range map[string]int64{"400Mbit": 50_000_000, "400mbit/s": 50_000_000, "1Gbit": 125_000_000, "8bit": 1, "4bit": 0,
		"50MB/s": 50_000_000, "50MB": 50_000_000, "1MiB": 1 << 20, "fast": 0, "10": 0, "10Mbps": 0} {
		if got, err := parseRate(s); got != want || (err != nil) != (want == 0) {
			t.Errorf("parseRate(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestSpans(t *testing.T) {
	for s, want := range map[string]time.Duration{"60s": time.Minute, "15m": 15 * time.Minute, "15min": 15 * time.Minute, "1h30m": 90 * time.Minute,
		"2d": 48 * time.Hour, "500ms": 500 * time.Millisecond, "1.5h": 90 * time.Minute, "60": 0, "-5s": 0, "0s": 0, "soon": 0, "1000000000d": 0} {
		if got, err := parseSpan(s); got != want || (err != nil) != (want == 0) {
			t.Errorf("parseSpan(%q) = %s, %v; want %s", s, got, err, want)
		}
	}
}

func TestCuts(t *testing.T) {
	day := 24 * time.Hour
	for s, want := range map[string]time.Duration{"90d": 90 * day, "2w": 14 * day, "1y": 365 * day, "12h": 12 * time.Hour, " 90 d ": 90 * day, "0.5d": 12 * time.Hour} {
		if got, err := parseCut(s); got.Age != want || err != nil || !got.Moment.IsZero() {
			t.Errorf("parseCut(%q) = %+v, %v; want %s", s, got, err, want)
		}
	}
	utc := func(y int, m time.Month, d, h, min int) time.Time { return time.Date(y, m, d, h, min, 0, 0, time.UTC) }
	for s, want := range map[string]time.Time{
		"2026-06-01":                        utc(2026, 6, 1, 0, 0),
		"2026-06-01 Europe/Stockholm":       utc(2026, 5, 31, 22, 0),
		"2026-12-01 19:00":                  utc(2026, 12, 1, 19, 0),
		"2026-12-01 19:00 Europe/Stockholm": utc(2026, 12, 1, 18, 0),
		"2026-07-01 19:00 Europe/Stockholm": utc(2026, 7, 1, 17, 0),
		"2026-12-01 19:00 UTC":              utc(2026, 12, 1, 19, 0),
		"2026-12-01T19:00:00+02:00":         utc(2026, 12, 1, 17, 0),
		"2026-12-01T19:00:00Z":              utc(2026, 12, 1, 19, 0),
		"2026-12-01T19:00":                  utc(2026, 12, 1, 19, 0),
	} {
		if got, err := parseCut(s); !got.Moment.Equal(want) || err != nil || got.Age != 0 || got.Written != s {
			t.Errorf("parseCut(%q) = %+v, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"", "90", "3m", "3 months", "0d", "-5d", "201y", "2026-02-30", "2026-6-1", "26-06-01", "2026-06-01 25:00", "tomorrow",
		"2026-06-01 Local", "2026-06-01 ../../etc/passwd", "2026-06-01 19:00 Mars/Olympus", "2026-03-29 02:30 Europe/Stockholm", "12026-01-01", "0000-01-01"} {
		if got, err := parseCut(s); err == nil {
			t.Errorf("parseCut(%q) = %+v without error", s, got)
		}
	}
}

func FuzzUnits(f *testing.F) {
	for _, s := range []string{"36MB", "400Mbit/s", "1h30m", "90d", "2026-12-01 19:00 Europe/Stockholm", "2026-12-01T19:00:00Z", "1e9d", "9999999999999999999y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseSize(s); err == nil && n <= 0 {
			t.Errorf("size %q = %d", s, n)
		}
		if n, err := parseRate(s); err == nil && n <= 0 {
			t.Errorf("rate %q = %d", s, n)
		}
		if d, err := parseSpan(s); err == nil && d <= 0 {
			t.Errorf("span %q = %s", s, d)
		}
		c, err := parseCut(s)
		if err == nil && (c.IsZero() || c.Age < 0 || (c.Age == 0) == c.Moment.IsZero()) {
			t.Errorf("cut %q = %+v", s, c)
		}
	})
}
