package imap

import (
	"strings"
	"time"
)

// dateLayouts are those of RFC 9051 and what servers make of it; "_2" takes one digit, with or without a blank.
var dateLayouts = []string{"_2-Jan-2006 15:04:05 -0700", "2-Jan-2006 15:04:05 -0700", "_2-Jan-2006 15:04:05", "2-Jan-2006 15:04:05"}

// parseDate reads an INTERNALDATE. What can't be read, and the years before 1 that servers without a date give, are the
// zero Time.
func parseDate(text string) time.Time {
	text = strings.TrimSpace(text)
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return ownZone(t)
		}
	}
	return time.Time{}
}

// ownZone keeps the offset only: time.Parse takes the local zone where the offset fits it, and dates must not depend on
// the machine.
func ownZone(t time.Time) time.Time {
	_, offset := t.Zone()
	if offset == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("", offset))
}

// The years that a date on the wire can have: four digits, and zones must not carry it past them.
const (
	firstYear = 1
	lastYear  = 9999
)

// formatDate writes an INTERNALDATE for APPEND with a day of two digits, which all servers take. The zone is in whole
// minutes; years that the form can't hold become its first or last.
func formatDate(t time.Time) string {
	_, offset := t.Zone()
	if offset%60 != 0 || offset > 14*3600 || offset < -14*3600 {
		t = t.UTC()
	}
	if t.Year() < firstYear {
		t = time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if t.Year() > lastYear {
		t = time.Date(lastYear, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t.Format(`"02-Jan-2006 15:04:05 -0700"`)
}
