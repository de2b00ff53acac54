package executor_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state"
	"mailhaul/state/mail"
	samplemail "mailhaul/testdata/mail"
)

// samples gives awkward messages by their names.
func samples(t *testing.T, names ...string) (all [][]byte) {
	t.Helper()
	for _, s := range samplemail.All() {
		if slices.Contains(names, s.Name) {
			all = append(all, s.Octets)
		}
	}
	if len(all) != len(names) {
		t.Fatalf("%d samples of %q", len(all), names)
	}
	return all
}

// arrive copies messages from one IMAP server to another through the real client, at a server that takes groups and at one
// that does not. The answer to one is lost, then the state file. In the end each is there once, octet for octet.
func arrive(t *testing.T, messages ...[]byte) {
	t.Helper()
	for _, p := range []imapserver.Profile{imapserver.Dovecot(), imapserver.Dovecot().Without("MULTIAPPEND", "LITERAL+")} {
		w := newWire(t, imapserver.Dovecot(), p, "anna")
		for i, octets := range messages {
			w.lanes[0].src.Add("INBOX", imapserver.Message{Date: epoch.AddDate(-1, 0, i), Octets: octets})
		}
		w.lanes[0].dst.Set(imapserver.Faults{Append: map[int]imapserver.Kind{1: imapserver.Swallow}})
		w.untilDone()
		w.sameMail()
		w.path += ".new"
		w.untilDone()
		w.sameMail()
		if n := w.lanes[0].dst.Counts(); len(w.lanes[0].dst.Messages("INBOX")) != len(messages) || n.Appended != 0 {
			t.Errorf("%d messages are there, want %d; %d were sent again", len(w.lanes[0].dst.Messages("INBOX")), len(messages), n.Appended)
		}
	}
}

// TestHardCase_M06_NothingButHeaders: a message without a body, or even without the empty line before it, has been refused or
// taken for damage. It arrives as it is; refused, with repair, with the empty line that it lacks.
func TestHardCase_M06_NothingButHeaders(t *testing.T) {
	t.Parallel()
	mended(t, append(samples(t, "headers-only"), []byte("Subject: no line end"))...)
	arrive(t, append(samples(t, "empty-body", "headers-only"), []byte("\r\n"), []byte("Subject: no line end"))...)
}

// TestHardCase_M08_EmptyLineFirst: a message that begins with an empty line has no headers; one tool's parser crashed over
// it. The copy parses nothing, and the digests take it for what it is.
func TestHardCase_M08_EmptyLineFirst(t *testing.T) {
	t.Parallel()
	arrive(t, append(samples(t, "leading-empty-line", "no-headers", "one-octet"), []byte("\n"), []byte("\r\n\r\nSubject: body\r\n\r\n"))...)
}

// TestHardCase_M11_EightBitHeaders: raw octets beyond ASCII in a header are not what the standard wants and what much old
// mail has. They are sent as they are.
func TestHardCase_M11_EightBitHeaders(t *testing.T) {
	t.Parallel()
	arrive(t, samples(t, "latin1-header", "utf8-header")...)
}

// TestHardCase_M12_BrokenHeaders: a line of an mbox file first, a line without a colon in the middle, a field folded where
// none may be: nothing of that is repaired before somebody refuses it.
func TestHardCase_M12_BrokenHeaders(t *testing.T) {
	t.Parallel()
	var more [][]byte
	for _, header := range []string{"From a@b Mon Jan  1 00:00:00 2001", ">From x", " folded before anything", "Subject : blank", "Subject: x\r\n\r \tCR",
		":no name", "Sub ject: x", "Subject: x\r\n ", "X-\x01: control"} {
		more = append(more, []byte(header+"\r\nTo: b@x.example\r\n\r\nText.\r\n"))
	}
	arrive(t, append(samples(t, "mbox-from-line", "header-without-colon"), more...)...)
}

// TestHardCase_M19_BrokenMIME: a boundary that never comes, one that is used twice, charsets that nobody knows. The copy does
// not look at the structure.
func TestHardCase_M19_BrokenMIME(t *testing.T) {
	t.Parallel()
	arrive(t, append(samples(t, "missing-boundary", "nested-rfc822"),
		[]byte("Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\r\nx\r\n----\r\n"),
		[]byte("Content-Type: text/plain; charset=\"\xed\xa0\x80\"\r\n\r\n\xed\xa0\x80\r\n"),
		[]byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n--a--\r\n"))...)
}

// TestHardCase_M21_SignedMailIsNotTouched: any octet that is changed within what is signed breaks the signature, and an
// attachment of Outlook's own kind is as brittle. Such mail arrives octet for octet; refused, it is named and not repaired.
func TestHardCase_M21_SignedMailIsNotTouched(t *testing.T) {
	t.Parallel()
	arrive(t, append(samples(t, "signed"),
		[]byte("Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+IgAA\r\n"))...)
	signed := "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" + overlong + "\x00bare\n--b--\r\n"
	r := newRig(t, "anna")
	r.config.Mailboxes[0].Messages.Repair = true
	r.src().Add("INBOX", endpointtest.Message{Date: epoch, Octets: []byte(signed)})
	r.dst().Set(endpointtest.Faults{RefuseMessage: refuseOverlong})
	if out := r.mustApply("full"); out.Failed.Messages != 1 || out.Amended != 0 || appended(r.dst()) != 1 {
		t.Errorf("outcome %+v, sent %d times", out.PassDone, appended(r.dst()))
	}
}

// TestHardCase_D08_NoDateHeader: mail whose Date header is missing or can't be read has been skipped or got today's. It
// arrives with its octets and the date of its arrival.
func TestHardCase_D08_NoDateHeader(t *testing.T) {
	t.Parallel()
	arrive(t, append(samples(t, "invalid-date"), []byte("Subject: none\r\n\r\nText.\r\n"), []byte("Date: (Invalid)\r\nSubject: x\r\n\r\nText.\r\n"))...)
}

// TestHardCase_D01_D02_DateFromTheHeader: a source that gives no date of arrival, or one of the year 0, must not make all its
// mail arrive on the day of the migration. The copy gets the moment at which the last server took the message, else the one
// at which it was written, else that of the copy; a later run and a lost state file change nothing.
func TestHardCase_D01_D02_DateFromTheHeader(t *testing.T) {
	t.Parallel()
	const received, date = "Received: from a by b; Tue, 3 Mar 2020 10:00:00 +0100 (CET)\r\n", "Date: Mon, 2 Mar 2020 08:00:00 +0000\r\n"
	want := map[string]string{
		received + "Received: from c\r\n\tby a; Mon, 1 Mar 2020 09:00:00 +0000\r\n" + date: "2020-03-03T10:00:00+01:00",
		"Received: from a by b with no date\r\n" + date:                                    "2020-03-02T08:00:00Z",
		"Received: from a\r\n by b;\r\n\t3 Mar 2020 10:00:00 +0100\r\n":                    "2020-03-03T10:00:00+01:00",
		"Date: Fri, 1 Jan 2100 00:00:00 +0000\r\n":                                         "",
		"Date: (Invalid)\r\n":    "",
		"X: none\r\n\r\n" + date: "",
	}
	r := newRig(t, "anna")
	for header := range want {
		r.src().Add("INBOX", endpointtest.Message{Octets: []byte(header + "Subject: x\r\n\r\nText.\r\n")})
	}
	began := time.Now().Add(-time.Second)
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter}, 2: {Kind: endpointtest.DropBefore}}})
	r.untilDone()
	r.path += ".new"
	r.untilDone()
	got := r.dst().Messages("INBOX")
	for _, m := range got {
		header := strings.TrimSuffix(string(m.Octets), "Subject: x\r\n\r\nText.\r\n")
		if said := m.Date.Format(time.RFC3339); want[header] != "" && said != want[header] || want[header] == "" && m.Date.Before(began) {
			t.Errorf("%q arrived at %s, want %s", header, said, want[header])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d messages are there, want %d", len(got), len(want))
	}
}

// letters are messages of one date.
func letters(r *rig, octets ...string) {
	for _, o := range octets {
		r.src().Add("INBOX", endpointtest.Message{Date: epoch.AddDate(-1, 0, 0), Octets: []byte(o)})
	}
}

// threeRuns copies with a lost answer, runs twice more, and once more without the state file: the mail is the same on both
// sides each time, and only the first run sends anything.
func (r *rig) threeRuns() {
	r.t.Helper()
	r.dst().Set(endpointtest.Faults{Drop: map[int]endpointtest.Drop{1: {Kind: endpointtest.DropAfter}, 2: {Kind: endpointtest.DropBefore}}})
	r.untilDone()
	r.sameMail()
	before := appended(r.dst())
	r.mustApply("full")
	r.path += ".new"
	r.untilDone()
	r.sameMail()
	if n := appended(r.dst()); n != before {
		r.t.Errorf("%d messages were sent again", n-before)
	}
}

// TestHardCase_M01_NoMessageID: tools that know messages by Message-ID leave those without one out, or copy them again with
// each run. Here they are copied, and once.
func TestHardCase_M01_NoMessageID(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	letters(r, string(samples(t, "no-message-id")[0]), "Subject: x\r\n\r\none\r\n", "Subject: x\r\n\r\ntwo\r\n", "Message-ID:\r\nSubject: x\r\n\r\none\r\n",
		"Message-ID: \r\nSubject: x\r\n\r\ntwo\r\n", "no header\r\n")
	r.threeRuns()
}

// TestHardCase_M02_EqualHeaders: two warnings of a quota differ in one digit of their bodies, and nothing else; one of them
// was taken for the other. The octets tell them apart, also when one is found missing later.
func TestHardCase_M02_EqualHeaders(t *testing.T) {
	t.Parallel()
	warning := func(percent int) string {
		return fmt.Sprintf("Message-ID: <quota@old.example>\r\nDate: Mon, 2 Jan 2023 03:04:05 +0000\r\nFrom: a@x.example\r\nSubject: Quota warning\r\n\r\n"+
			"Your mailbox is %d%% full.\r\n", percent)
	}
	r := newRig(t, "anna")
	letters(r, warning(79), warning(80))
	r.threeRuns()
	r.dst().Remove("INBOX", r.dst().Messages("INBOX")[0].UID)
	r.path += ".newer"
	r.untilDone()
	r.sameMail()
}

// TestHardCase_M03_ThreeOfAKind: whoever has the same mail three times in a folder gets it three times, whichever answer is
// lost, and whether its copy was stored or not.
func TestHardCase_M03_ThreeOfAKind(t *testing.T) {
	t.Parallel()
	for kind := endpointtest.DropUnsent; kind <= endpointtest.DropAfterAll; kind++ {
		for at := 1; at <= 3; at++ {
			r := newRig(t, "anna")
			letters(r, "Subject: equal\r\n\r\nequal\r\n", "Subject: equal\r\n\r\nequal\r\n", "Subject: equal\r\n\r\nequal\r\n")
			r.dst().Set(endpointtest.Faults{NoUIDPlus: at == 2, Drop: map[int]endpointtest.Drop{at: {Kind: kind}}})
			r.untilDone()
			if n := len(r.dst().Messages("INBOX")); n != 3 {
				t.Errorf("kind %d at append %d: %d copies, want 3", kind, at, n)
			}
			r.path += ".new"
			r.untilDone()
			r.sameMail()
		}
	}
}

// TestHardCase_M04_SameMailInSeveralFolders: where labels are shown as folders the same mail stands in many of them. Each
// folder gets its own, and a copy in one is not taken for that of another.
func TestHardCase_M04_SameMailInSeveralFolders(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	for _, folder := range []string{"INBOX", "Archive", "[Gmail]/All Mail", "Label"} {
		r.src().Add(folder, endpointtest.Message{Date: epoch, Octets: []byte("Message-ID: <1@x>\r\nSubject: one\r\n\r\nText.\r\n")})
	}
	r.threeRuns()
	r.dst().Remove("Archive", r.dst().Messages("Archive")[0].UID)
	r.path += ".newer"
	r.untilDone()
	r.sameMail()
}

// TestHardCase_M07_EmptyMessage: a message of no octets is copied if the source says that it has none. An empty answer for
// one that has some is asked for once more, alone, and is damage then: neither copied nor asked for without end.
func TestHardCase_M07_EmptyMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, "anna")
	letters(r, "", "Subject: x\r\n\r\nnot empty\r\n", "Subject: y\r\n\r\nText.\r\n")
	r.src().Set(endpointtest.Faults{EmptyBody: map[mail.UID]bool{2: true}})
	out := r.mustApply("full")
	if out.Copied.Messages != 2 || out.Failed.Messages != 1 || len(r.dst().Messages("INBOX")[0].Octets) != 0 {
		t.Errorf("outcome %+v", out.PassDone)
	}
	asked := 0
	for _, c := range r.src().Calls() {
		if c.Op == "fetch" && slices.Contains(c.UIDs, 2) {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("the empty answer was asked for %d times, want 2", asked)
	}
	r.src().Mend()
	r.mustApply("retry")
	r.sameMail()
}

// TestHardCase_M09_BareLineEnds: a body with LF or CR alone is what old mail has and strict servers refuse. It is sent as it is;
// refused, it is named, and with repair sent once more with whole line ends, which the ledger says of it.
func TestHardCase_M09_BareLineEnds(t *testing.T) {
	t.Parallel()
	arrive(t, samples(t, "bare-lf", "cr-cr-lf", "mixed-line-ends")...)
	mended(t, samples(t, "bare-lf", "mixed-line-ends")...)
}

// mended are messages that a server refuses for their line ends: named without repair, with it sent once more, mended.
func mended(t *testing.T, messages ...[]byte) {
	t.Helper()
	for _, repair := range []bool{false, true} {
		p := imapserver.Dovecot()
		p.Refuse = func(_ string, m imapserver.Message) string {
			if !bytes.Contains(m.Octets, []byte("\r\n\r\n")) || bytes.Count(m.Octets, []byte("\n")) != bytes.Count(m.Octets, []byte("\r\n")) {
				return "NO Message contains bare newlines, or no blank line"
			}
			return ""
		}
		w := newWire(t, imapserver.Dovecot(), p, "anna")
		w.config.Mailboxes[0].Messages.Repair = repair
		w.grace = 0
		for i, octets := range messages {
			w.lanes[0].src.Add("INBOX", imapserver.Message{Date: epoch.AddDate(-1, 0, i), Octets: octets})
		}
		out := w.mustApply("full")
		got := w.lanes[0].dst.Messages("INBOX")
		if !repair && (len(got) != 0 || int(out.Failed.Messages) != len(messages)) || repair && (len(got) != len(messages) || int(out.Amended) != len(messages)) {
			t.Errorf("repair %v: %d arrived, %+v", repair, len(got), out.PassDone)
		}
		for _, m := range got {
			a, b := mail.NewCanonical(), mail.NewCanonical()
			_, _ = a.Write(m.Octets) // neither fails
			_, _ = b.Write(messages[int(m.Date.Sub(epoch.AddDate(-1, 0, 0)).Hours())/24])
			if a.Sum() != b.Sum() {
				t.Errorf("more than line ends was changed: %.200q", m.Octets)
			}
		}
		before := w.lanes[0].dst.Counts().Appended
		if w.path += ".new"; repair {
			w.untilDone()
		}
		if n := w.lanes[0].dst.Counts().Appended; repair && n > 0 {
			t.Errorf("%d were sent again without the state file, after %d", n, before)
		}
	}
}

// TestHardCase_M10_NULs: octets zero are what IMAP can't carry and what servers refuse. The message is tried as it is; refused,
// it is named, and with repair sent once more without them. The ledger keeps the digest of the source's octets.
func TestHardCase_M10_NULs(t *testing.T) {
	t.Parallel()
	const octets = "Subject: n\x00ul\r\n\r\nA\x00B\r\n\x00"
	var whole mail.Digest
	for _, repair := range []bool{false, true} {
		r := newRig(t, "anna")
		r.config.Mailboxes[0].Messages.Repair = repair
		letters(r, octets)
		r.dst().Set(endpointtest.Faults{RefuseMessage: refuseOverlong})
		out := r.mustApply("full")
		row := r.rows("INBOX")[0]
		if whole.IsZero() {
			whole = row.H0
		}
		if row.H0.IsZero() || row.H0 != whole {
			t.Errorf("repair %v: the digest is not that of the source's octets", repair)
		}
		got := r.dst().Messages("INBOX")
		if !repair && (out.Failed.Messages != 1 || row.State != state.StateRefused || len(got) != 0) ||
			repair && (len(got) != 1 || string(got[0].Octets) != strings.ReplaceAll(octets, "\x00", "") || row.Degraded&state.DroppedNULs == 0) {
			t.Errorf("repair %v: outcome %+v, %d there, row %+v", repair, out.PassDone, len(got), row)
		}
	}
}

// TestHardCase_M14_EndlessHeaderLine: a header line of 10 MB, grown at each hop, has killed readers that hold a line in memory.
// It arrives, octet for octet, through the real client.
func TestHardCase_M14_EndlessHeaderLine(t *testing.T) {
	t.Parallel()
	w := newWire(t, imapserver.Dovecot(), imapserver.Dovecot(), "anna")
	w.lanes[0].src.Add("INBOX", imapserver.Message{Date: epoch, Octets: []byte("Authentication-Results: " + strings.Repeat("x=pass; ", 10<<20/8) + "\r\nSubject: x\r\n\r\nText.\r\n")})
	w.untilDone()
	w.sameMail()
}
