package imap_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/state/mail"
)

// none stands for a date that the source does not give.
const none = "0001-01-01T00:00:00Z"

// listedDates wants dates of a listing, as a server writes them, to be read as those on the right.
func listedDates(t *testing.T, dates map[string]string) {
	t.Helper()
	for text, want := range dates {
		f := newFake(t)
		f.on["EXAMINE"] = says("* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n")
		f.on["UID FETCH"] = says("* 1 FETCH (UID 1 INTERNALDATE " + text + " RFC822.SIZE 1)\r\n")
		got, err := list(t, f.source(t), mail.Query{})
		if err != nil || len(got) != 1 || got[0].InternalDate.Format(time.RFC3339) != want || got[0].Size != 1 {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
}

// appendedDates gives the dates that APPEND says for these.
func appendedDates(t *testing.T, dates ...time.Time) []string {
	t.Helper()
	f := newFake(t)
	var batch []mail.Outgoing
	for i, d := range dates {
		m := outgoing(int64(i), "x", mail.Flags{})
		m.InternalDate = d
		batch = append(batch, m)
	}
	if _, err := sendBatch(t, f.destination(t), batch); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, line := range f.commands() {
		if rest, is := strings.CutPrefix(line, `APPEND "INBOX" "`); is {
			date, _, _ := strings.Cut(rest, `"`)
			said = append(said, date)
		}
	}
	if len(said) != len(dates) {
		t.Fatalf("%d dates for %d messages", len(said), len(dates))
	}
	return said
}

// TestHardCase_D01_DateThatIsNone: Domino gives day 0 of the year 0 where it has no date, others what no calendar has. The
// message is listed all the same, as one without a date.
func TestHardCase_D01_DateThatIsNone(t *testing.T) {
	listedDates(t, map[string]string{`"00-Jan-0000 00:00:00 +0000"`: none, `"31-Foo-1996 02:44:25 -0700"`: none, `"31-Feb-1996 02:44:25 -0700"`: none, `""`: none})
}

// TestHardCase_D02_NoDate: servers answer NIL for INTERNALDATE or leave it out; clients skipped such mail. It is listed, and
// its octets are fetched.
func TestHardCase_D02_NoDate(t *testing.T) {
	listedDates(t, map[string]string{"NIL": none})
	for name, answer := range map[string]string{"NIL": "* 1 FETCH (UID 1 INTERNALDATE NIL BODY[] {3}\r\none)\r\n", "left out": "* 1 FETCH (UID 1 BODY[] {3}\r\none)\r\n"} {
		f := newFake(t)
		f.on["UID FETCH"] = says(answer)
		to := newSink()
		if err := f.source(t).Fetch(t.Context(), inbox, []mail.UID{1}, to); err != nil || to.bodies[1] != "one" {
			t.Errorf("%s: %v, %v", name, err, to.bodies)
		}
	}
}

// TestHardCase_D03_YearsOutOfRange: a year that a date type could not hold has cost other tools the whole mail. What four
// digits can say is kept on both sides; what they can't becomes the nearest that they can, in the command only.
func TestHardCase_D03_YearsOutOfRange(t *testing.T) {
	listedDates(t, map[string]string{`"01-Jan-1601 00:00:00 +0545"`: "1601-01-01T00:00:00+05:45",
		`"31-Dec-9999 23:59:59 -1200"`: "9999-12-31T23:59:59-12:00", `"01-Jan-0001 00:00:00 +0000"`: none})
	got := appendedDates(t, time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -12*3600)), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC))
	want := []string{"01-Jan-0001 00:00:00 +0000", "01-Jan-1601 00:00:00 +0000", "31-Dec-9999 23:00:00 -1200", "31-Dec-9999 23:59:59 +0000"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("APPEND says %q, want %q", got, want)
	}
}

// TestHardCase_D04_D05_DatesAreRead: days of one digit with or without a blank, months in any case and every zone that there
// is are read, quoted or as a literal.
func TestHardCase_D04_D05_DatesAreRead(t *testing.T) {
	listedDates(t, map[string]string{
		`" 7-Jul-1996 02:44:25 -0700"`:       "1996-07-07T02:44:25-07:00",
		`"7-Jul-1996 02:44:25 -0700"`:        "1996-07-07T02:44:25-07:00",
		`"07-jul-1996 02:44:25 +1400"`:       "1996-07-07T02:44:25+14:00",
		`"07-Jul-1996 02:44:25 +0400"`:       "1996-07-07T02:44:25+04:00",
		`"07-Jul-1996 02:44:25 -0000"`:       "1996-07-07T02:44:25Z",
		"{26}\r\n07-Jul-1996 02:44:25 -0700": "1996-07-07T02:44:25-07:00",
	})
}

// TestHardCase_D07_OldAndFarDates: dates before 1970 and after 2038 overflow where seconds are counted in 32 bits, months come
// out in the language of the machine, and a local zone with a missing hour shifts a date. What was listed is said again word
// for word, in English, on a machine whose zone has such hours.
func TestHardCase_D07_OldAndFarDates(t *testing.T) {
	const zone = "TZ=Europe/Stockholm"
	if !slices.Contains(os.Environ(), zone) {
		c := exec.Command(os.Args[0], "-test.run=^TestHardCase_D07_OldAndFarDates$") //nolint:gosec // this test again
		c.Env = append(os.Environ(), zone)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("in Stockholm: %v\n%s", err, out)
		}
		return
	}
	// The hour that Stockholm does not have, and the one that it has twice.
	written := []string{"29-Mar-2026 02:30:00 +0100", "25-Oct-2026 02:30:00 +0200", "25-Oct-2026 02:30:00 +0100"}
	for year := 1900; year < 2200; year += 23 {
		for month := time.January; month <= time.December; month++ {
			written = append(written, fmt.Sprintf("%02d-%s-%04d 02:30:00 %s", 28-int(month), month.String()[:3], year,
				[]string{"+0000", "+0100", "+0200", "-0330"}[month%4]))
		}
	}
	var answer strings.Builder
	for i, date := range written {
		fmt.Fprintf(&answer, "* %d FETCH (UID %d INTERNALDATE %q RFC822.SIZE 1)\r\n", i+1, i+1, date)
	}
	f := newFake(t)
	f.on["EXAMINE"] = says(fmt.Sprintf("* %d EXISTS\r\n* OK [UIDVALIDITY 7]\r\n", len(written)))
	f.on["UID FETCH"] = says(answer.String())
	listed, err := list(t, f.source(t), mail.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var dates []time.Time
	for _, m := range listed {
		dates = append(dates, m.InternalDate)
	}
	for i, said := range appendedDates(t, dates...) {
		if said != written[i] {
			t.Errorf("APPEND says %s, listed was %s", said, written[i])
		}
	}
}
