package amend_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mailhaul/executor/amend"
	"mailhaul/state/mail"
	samplemail "mailhaul/testdata/mail"
)

const all = amend.Receipts | amend.NULs | amend.Lines

// amended gives a message as it is after the changes that it needs.
func amended(t testing.TB, message string, wanted amend.Changes) (string, amend.Changes) {
	t.Helper()
	p, err := amend.Find(strings.NewReader(message), wanted)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(p.Reader(iotest.OneByteReader(strings.NewReader(message))))
	if err != nil {
		t.Fatal(err)
	}
	return string(out), p.Changes
}

func meaning(t testing.TB, message string) mail.Digest {
	t.Helper()
	m, err := mail.Meaning(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

var long = strings.Repeat("All of this stands in one line. ", 400)

// TestChanges holds each change against the whole result: what is changed, and that nothing else is.
func TestChanges(t *testing.T) {
	whole := strings.Repeat("0123456789abcde=", 100) // 1600 octets without a blank
	for _, c := range []struct {
		name, message, want string
		changes             amend.Changes
	}{
		{"nothing to do", "Subject: x\n\nShort.\n", "Subject: x\n\nShort.\n", 0},
		{"receipts", "Disposition-Notification-To: a@b.example\nSubject: x\nreturn-receipt-to:\n a@b.example\n\nDisposition-Notification-To: text\n",
			"X-Disarmed-Disposition-Notification-To: a@b.example\nSubject: x\nX-Disarmed-return-receipt-to:\n a@b.example\n\nDisposition-Notification-To: text\n", amend.Receipts},
		{"NUL in header and text", "Sub\x00ject: x\n\x00\n\nO\x00ne.\n", "Subject: x\n\nOne.\n", amend.NULs},
		{"folded header", "References: " + strings.TrimSpace(strings.Repeat("<id@host.example> ", 60)) + "\nSubject: x\n\nText.\n",
			"References: " + strings.TrimSpace(strings.Repeat("<id@host.example> ", 50)) + "\n" + strings.TrimRight(strings.Repeat(" <id@host.example>", 10), " ") + "\nSubject: x\n\nText.\n", amend.Lines},
		{"quoted-printable that is too long", "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=41", 400) + "\nshort=\n\n",
			"Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=41", 332) + "=\n" + strings.Repeat("=41", 68) + "\nshort=\n\n", amend.Lines},
		{"base64 that is too long", "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat("QUJD", 300) + "\n",
			"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 15) + strings.Repeat("QUJD", 15) + "\n", amend.Lines},
		{"one octet below the limit", "\n" + strings.Repeat("x", 998) + "\n", "\n" + strings.Repeat("x", 998) + "\n", 0},
		{"signed", "Content-Type: multipart/signed; boundary=b\n\n--b\n\n" + whole + "\x00\n--b--\n",
			"Content-Type: multipart/signed; boundary=b\n\n--b\n\n" + whole + "\x00\n--b--\n", 0},
		{"a type of multipart that can't be followed", "Content-Type: multipart/mixed\n\n" + whole + "\n",
			"Content-Type: multipart/mixed\n\n" + whole + "\n", 0},
	} {
		got, changes := amended(t, crlf(c.message), all)
		if got != crlf(c.want) || changes != c.changes {
			t.Errorf("%s: changes %b, want %b\ngot  %.300q\nwant %.300q", c.name, changes, c.changes, got, crlf(c.want))
		}
	}
}

// TestLineEnds: LF alone becomes a line end, wherever no signature and no binary body forbids it, and a header that ends with
// the message gets its empty line. Nothing else is changed, and a message that is well formed stays as it is.
func TestLineEnds(t *testing.T) {
	for _, c := range []struct{ name, message, want string }{
		{"bare", "Subject: x\n folded\n\none\rtwo\n\nthree\r\n\r\r\n", "Subject: x\r\n folded\r\n\r\none\rtwo\r\n\r\nthree\r\n\r\r\n"},
		{"well formed", "Subject: x\r\n\r\none\rtwo", "Subject: x\r\n\r\none\rtwo"},
		{"headers alone", "Subject: x\r\n", "Subject: x\r\n\r\n"},
		{"not even a line end", "Subject: x", "Subject: x\r\n\r\n"},
		{"headers alone, bare", "Subject: x\nTo: a\n", "Subject: x\r\nTo: a\r\n\r\n"},
		{"empty body", "Subject: x\r\n\r\n", "Subject: x\r\n\r\n"},
		{"nothing", "", ""},
		{"binary", "Content-Transfer-Encoding: binary\n\na\nb\r\n", "Content-Transfer-Encoding: binary\r\n\r\na\nb\r\n"},
		{"signed", "A: b\nContent-Type: multipart/signed; boundary=b\n\n--b\nX: y\n\nz\n--b--\nend\n",
			"A: b\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\nX: y\n\nz\n--b--\r\nend\r\n"},
		{"parts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nz\n--b--\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nz\r\n--b--\r\n"},
	} {
		got, changes := amended(t, c.message, amend.Ends)
		if got != c.want || (changes == 0) != (c.message == c.want) || meaning(t, got) != meaning(t, c.message) {
			t.Errorf("%s: changes %b, got %q, want %q", c.name, changes, got, c.want)
		}
	}
}

// mimeMail has a long line in the second of three parts, and in a message within the message.
var mimeMail = crlf("MIME-Version: 1.0\nSubject: parts\nContent-Type: multipart/mixed; boundary=\"one\"\n\npreamble\n--one\n" +
	"Content-Type: text/plain\n\nUntouched =  text.\n--one\nContent-Type: text/html; charset=utf-8\ncontent-transfer-encoding:\n 8bit\n\n" +
	"<p>\u00e9" + long + "</p>\n.\n-- \n--one\nContent-Type: message/rfc822\n\nSubject: inner\n\nFrom " + long + "\n--one--\nepilogue\n")

// TestLongLinesSayTheSame: text in lines that are too long is written another way and reads the same, in the part that has
// them and nowhere else.
func TestLongLinesSayTheSame(t *testing.T) {
	for name, message := range map[string]string{"parts": mimeMail, "no MIME": crlf("Subject: x\n\n" + long + "\n" + long), "LF": "Subject: x\n\n" + long + "\nend"} {
		got, changes := amended(t, message, all)
		if changes != amend.Lines || meaning(t, got) != meaning(t, message) {
			t.Errorf("%s: changes %b; it means the same: %v\n%.600s", name, changes, meaning(t, got) == meaning(t, message), got)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if len(line) > 999 {
				t.Errorf("%s: a line of %d octets is left", name, len(line))
			}
		}
	}
	got, _ := amended(t, mimeMail, all)
	if !strings.Contains(got, "Untouched =  text.") || strings.Contains(got, "8bit") || strings.Count(got, "quoted-printable") != 2 {
		t.Errorf("another part was touched, or not both:\n%.900s", got)
	}
}

// TestBinaryKeepsItsNULs: where octets of zero are content, they are encoded and not dropped.
func TestBinaryKeepsItsNULs(t *testing.T) {
	message := "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\x00b\r\nc\n" + strings.Repeat("d", 75) + "\n"
	got, changes := amended(t, message, all|amend.Ends)
	if changes != amend.NULs || strings.ContainsRune(got, 0) || !strings.Contains(got, "a=00b\r\nc=0A=\r\n") || strings.Count(got, "\n") != strings.Count(got, "\r\n") || meaning(t, got) != meaning(t, message) {
		t.Errorf("changes %b, got %q", changes, got)
	}
}

// TestAwkwardMail goes through the collection: a second look finds nothing more to do, and what is not wanted is not done.
func TestAwkwardMail(t *testing.T) {
	for _, m := range samplemail.All() {
		once, _ := amended(t, string(m.Octets), all)
		if twice, more := amended(t, once, all); twice != once || more != 0 {
			t.Errorf("%s: changes %b are left", m.Name, more)
		}
		if none, changes := amended(t, string(m.Octets), 0); none != string(m.Octets) || changes != 0 {
			t.Errorf("%s: changed without being asked", m.Name)
		}
	}
}

// FuzzAmend: whatever comes, the second look finds no line that is still too long, and nothing is changed without a reason.
func FuzzAmend(f *testing.F) {
	f.Add([]byte(mimeMail))
	f.Add([]byte("A\x00: b\r\n\x00\r\n\r\n=\x00\r"))
	f.Add([]byte("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n" + long + "\r\n--b--\r\n" + long))
	f.Fuzz(func(t *testing.T, message []byte) {
		got, _ := amended(t, string(message), all)
		mended, _ := amended(t, string(message), amend.Ends)
		if _, more := amended(t, mended, amend.Ends); more != 0 {
			t.Errorf("line ends are left in %q", mended)
		}
		if lf := strings.NewReplacer("\r\n", "\n"); strings.TrimRight(lf.Replace(mended), "\n") != strings.TrimRight(lf.Replace(string(message)), "\n") {
			t.Errorf("more than line ends was changed in %q", mended)
		}
		if _, more := amended(t, got, all&^amend.NULs); more != 0 {
			t.Errorf("changes %b are left in %q", more, got)
		}
		if only, changes := amended(t, string(message), amend.Receipts); changes == 0 && only != string(message) {
			t.Error("changed without a reason")
		}
	})
}
