package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// advice is an error that is a whole sentence for the user, shown as it is.
type advice string

func (a advice) Error() string { return string(a) }

// quantity is a number and a unit, "36MB" or "1.5 GiB".
var quantity = lazily(`^\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z/]*)\s*$`)

var sizeUnits = map[string]float64{
	"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// rateUnits give octets per second.
var rateUnits = map[string]float64{
	"bit": 1.0 / 8, "kbit": 1e3 / 8, "Mbit": 1e6 / 8, "Gbit": 1e9 / 8, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "MiB": 1 << 20, "GiB": 1 << 30,
}

var spanUnits = map[string]float64{
	"ms": float64(time.Millisecond), "s": float64(time.Second), "m": float64(time.Minute), "min": float64(time.Minute),
	"h": float64(time.Hour), "d": float64(24 * time.Hour),
}

var ageUnits = map[string]float64{
	"h": float64(time.Hour), "d": float64(24 * time.Hour), "w": float64(7 * 24 * time.Hour), "y": float64(365 * 24 * time.Hour),
}

const (
	errSize  = advice(`Write a number and a unit, as in "36MB". Units: B, kB, MB, GB, TB (thousands), KiB, MiB, GiB, TiB (1,024).`)
	errRate  = advice(`Write a number and a unit, as in "400Mbit" (per second). Units: bit, kbit, Mbit, Gbit, kB, MB, GB, MiB, GiB.`)
	errSpan  = advice(`Write a number and a unit, as in "60s" or "15m". Units: ms, s, m, h, d.`)
	errBound = advice(`Write an age as "90d" (units h, d, w, y), a date as "2026-06-01", or a moment as "2026-12-01 19:00 Europe/Stockholm".`)
)

const errMoment = advice(`Write a moment as "2026-12-01 19:00 Europe/Stockholm", or a date as "2026-12-01".`)

// readUnit reads a text as the kind; the error is a sentence for the user.
func readUnit(k kind, s string) (any, error) {
	switch k {
	case size:
		return parseSize(s)
	case rate:
		return parseRate(s)
	case span:
		return parseSpan(s)
	case clock:
		return parseClock(s)
	case zone:
		return zoneOf(s)
	case moment:
		t, err := parseMoment(s, time.Local)
		if errors.Is(err, errBound) {
			err = errMoment
		}
		return t, err
	default:
		return parseCut(s)
	}
}

// measure reads a number with one of the units; the result is positive and fits 63 bits.
func measure(s string, units map[string]float64, wrong error) (int64, error) {
	m := quantity().FindStringSubmatch(s)
	if m == nil {
		return 0, wrong
	}
	factor, ok := units[m[2]]
	if !ok {
		factor, ok = unitWithoutCase(m[2], units)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil || !ok {
		return 0, wrong
	}
	total := n * factor
	if total < 1 {
		return 0, advice("It must be more than nothing.")
	}
	if total >= math.MaxInt64 {
		return 0, advice("It is too large.")
	}
	return int64(math.Round(total)), nil
}

// unitWithoutCase accepts "36mb" and "400MBIT" where only one unit can be meant.
func unitWithoutCase(unit string, units map[string]float64) (float64, bool) {
	factor, found := 0.0, false
	for u, f := range units {
		if strings.EqualFold(u, unit) {
			if found && f != factor {
				return 0, false
			}
			factor, found = f, true
		}
	}
	return factor, found
}

// parseSize reads "36MB" as octets.
func parseSize(s string) (int64, error) { return measure(s, sizeUnits, errSize) }

// parseRate reads "400Mbit", "400Mbit/s" or "50MB/s" as octets per second.
func parseRate(s string) (int64, error) {
	return measure(strings.TrimSuffix(strings.TrimSpace(s), "/s"), rateUnits, errRate)
}

// parseSpan reads "60s"; also a sum as "1h30m".
func parseSpan(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	n, err := measure(s, spanUnits, errSpan)
	return time.Duration(n), err
}

// parseCut reads an age or a date.
func parseCut(s string) (Cut, error) {
	s = strings.TrimSpace(s)
	if m := quantity().FindStringSubmatch(s); m != nil {
		if strings.HasPrefix(strings.ToLower(m[2]), "m") {
			return Cut{}, advice(`Months are not all of one length. Write days: "90d".`)
		}
		n, err := measure(s, ageUnits, errBound)
		if err != nil {
			return Cut{}, err
		}
		if y := time.Duration(n).Hours() / 24 / 365; y > 200 {
			return Cut{}, advice("No mail is that old.")
		}
		return Cut{Written: s, Age: time.Duration(n)}, nil
	}
	t, err := parseMoment(s, time.UTC)
	return Cut{Written: s, Moment: t}, err
}

// layouts of dates.
var layouts = []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"}

// clockTime is a time of day.
var clockTime = lazily(`^([0-9]{1,2}):([0-9]{2})$`)

// parseClock reads "19:00" as minutes after midnight; "24:00" is the end of the day.
func parseClock(s string) (int, error) {
	wrong := advice(`Write hours and minutes from "00:00" to "24:00", as in "19:00".`)
	m := clockTime().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, wrong
	}
	hours, _ := strconv.Atoi(m[1]) // digits only
	minutes, _ := strconv.Atoi(m[2])
	if total := 60*hours + minutes; minutes < 60 && total <= 24*60 {
		return total, nil
	}
	return 0, wrong
}

// parseMoment reads RFC 3339, or a date with or without a time and an IANA zone: "2026-12-01 19:00 Europe/Stockholm".
func parseMoment(s string, unsaid *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return inRange(t)
	}
	zone, written := unsaid, s
	if at := strings.LastIndex(s, " "); at >= 0 && !strings.Contains(s[at:], ":") {
		loc, err := zoneOf(s[at+1:])
		if err != nil {
			return time.Time{}, err
		}
		zone, written = loc, strings.TrimSpace(s[:at])
	}
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, written, zone)
		if err != nil {
			continue
		}
		// time.Date moves a time that the clocks skip; nobody means that.
		if t.Format(layout) != written {
			return time.Time{}, advice("That time does not exist there: the clocks go forward over it.")
		}
		return inRange(t)
	}
	return time.Time{}, errBound
}

func zoneOf(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, advice(fmt.Sprintf("There is no time zone %q. Zones are named as in Europe/Stockholm or UTC.", name))
	}
	return loc, nil
}

// inRange keeps to years that INTERNALDATE can hold (RFC 9051, date-year is four digits).
func inRange(t time.Time) (time.Time, error) {
	if y := t.UTC().Year(); y < 1 || y > 9998 {
		return time.Time{}, advice("The year must have four digits.")
	}
	return t, nil
}
