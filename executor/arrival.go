package executor

import (
	"bytes"
	netmail "net/mail"
	"strings"
	"time"
)

// Some sources give no date of arrival, or one that no calendar has. Without one a server takes the moment of the copy, and
// mail of many years is all of one day. The header knows better: each server on the way has written when it took the
// message, the last one first, and its author when it was written.

// arrival gives the moment of arrival as the header of a message in hand has it: that of its first Received field, else that
// of its Date. The zero Time: there is none that can be read and is past.
func (sp *spool) arrival(now time.Time) time.Time {
	if sp == nil {
		return time.Time{}
	}
	var written time.Time
	for name, value := range fields(sp.head()) {
		switch {
		case strings.EqualFold(name, "received"):
			if t := past(value[strings.LastIndexByte(value, ';')+1:], now); !t.IsZero() {
				return t
			}
		case strings.EqualFold(name, "date") && written.IsZero():
			written = past(value, now)
		}
	}
	return written
}

// past reads a date of a header; the zero Time: it can't be read, or can't be true.
func past(text string, now time.Time) time.Time {
	t, err := netmail.ParseDate(strings.TrimSpace(text))
	if err != nil || t.After(now) || t.Year() < 1970 {
		return time.Time{}
	}
	_, offset := t.Zone()
	return t.In(time.FixedZone("", offset)) // not the machine's zone, where the offset is the same
}

// fields goes through the fields of a header, unfolded. A line that is no field is passed over.
func fields(head []byte) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for len(head) > 0 {
			var line []byte
			line, head, _ = bytes.Cut(head, []byte("\n"))
			text := string(bytes.TrimRight(line, "\r"))
			if text == "" {
				return
			}
			for len(head) > 0 && (head[0] == ' ' || head[0] == '\t') {
				line, head, _ = bytes.Cut(head, []byte("\n"))
				text += string(bytes.TrimRight(line, "\r"))
			}
			if name, value, is := strings.Cut(text, ":"); is && !yield(strings.TrimRight(name, " \t"), value) {
				return
			}
		}
	}
}
