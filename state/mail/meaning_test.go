package mail

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

const plainLetter = "Received: by a\r\nMessage-ID: <1@x>\r\nDate: Mon, 2 Jan 2006 15:04:05 +0000\r\nFrom: Anna <a@x>\r\n" +
	"To: b@x\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n of anna\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\npreamble\r\n" +
	"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello  \r\nworld\r\n\r\n--a\r\nContent-Type: application/x\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--a--\r\n"

// anew is the same letter as another server writes it.
const anew = "Subject: Grüße of\r\n\tanna\r\nX-Added: y\r\nFrom: Anna\r\n <a@x>\r\nTo: b@x\r\nMessage-ID:\r\n <1@x>\r\n" +
	"Date: Mon, 2 Jan 2006 15:04:05 +0000\r\nContent-Type: multipart/mixed;\r\n boundary=\"other one\"\r\nMIME-Version: 1.0\r\n\r\n" +
	"--other one\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHello =\r\nworld\r\n" +
	"--other one\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: BASE64\r\n\r\nAA\r\nEC\r\n--other one--\r\n"

func meaningOf(t *testing.T, text string) Digest {
	t.Helper()
	d, err := Meaning(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestMeaningTellsMessagesApart: another rendering is the same, another word is not.
func TestMeaningTellsMessagesApart(t *testing.T) {
	want := meaningOf(t, plainLetter)
	if meaningOf(t, anew) != want {
		t.Error("rendered anew: taken for another")
	}
	for name, s := range map[string]string{
		"subject": strings.Replace(anew, "Grüße", "Grösse", 1), "text": strings.Replace(anew, "Hello", "Hallo", 1),
		"attachment": strings.Replace(anew, "AA\r\nEC", "AA\r\nED", 1), "message-id": strings.Replace(anew, "<1@x>", "<2@x>", 1),
		"date": strings.Replace(anew, "2006", "2007", 1), "a part less": anew[:strings.LastIndex(anew, "--other one\r\n")] + "--other one--\r\n",
	} {
		if meaningOf(t, s) == want {
			t.Errorf("%s: taken for the same", name)
		}
	}
}

// TestMeaningOfHostileMail ends, whatever comes, and gives back the error of the connection.
func TestMeaningOfHostileMail(t *testing.T) {
	nested := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 500)
	open := "Content-Type: multipart/x; boundary=a\r\n\r\n" + strings.Repeat("--a\r\n\r\n", 20_000)
	for _, s := range []string{"", "\r\n", "no header", nested, open, strings.Repeat("X: y\r\n", 400_000)} {
		if meaningOf(t, s).IsZero() {
			t.Errorf("%.20q has no digest", s)
		}
	}
	broken := errors.New("broken")
	for _, text := range []string{plainLetter[:100], plainLetter[:len(plainLetter)-10]} {
		if _, err := Meaning(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("the error is %v", err)
		}
	}
}

// TestHardCase_M14_LineAsLongAsTheMessage: one header line of many megabytes has killed readers that hold a line in memory. What
// is kept of it is bounded, and what stands before it counts as before.
func TestHardCase_M14_LineAsLongAsTheMessage(t *testing.T) {
	text := "Subject: x\r\nAuthentication-Results: " + strings.Repeat("x=pass; ", 2<<20) + "\r\nTo: a\r\n\r\nText.\r\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := meaningOf(t, text)
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; made > uint64(len(text))/2 {
		t.Errorf("%d octets were allocated for a line of %d", made, len(text))
	}
	if got == meaningOf(t, strings.Replace(text, "Subject: x", "Subject: y", 1)) {
		t.Error("the subject before the line does not count")
	}
}

// TestHardCase_M20_NestedMessages: thousands of messages in each other, or of parts in parts, have overrun the stacks of
// parsers. From some depth on the rest is one leaf, and still tells messages apart.
func TestHardCase_M20_NestedMessages(t *testing.T) {
	var parts strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&parts, "Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n", i, i)
	}
	for name, bomb := range map[string]string{"messages": strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 100_000), "parts": parts.String()} {
		if meaningOf(t, bomb+"\r\none") == meaningOf(t, bomb+"\r\ntwo") {
			t.Errorf("%s: what is deep inside does not count", name)
		}
	}
}

func FuzzMeaning(f *testing.F) {
	f.Add(plainLetter)
	f.Add(anew)
	f.Fuzz(func(t *testing.T, s string) {
		a := meaningOf(t, s)
		if b, err := Meaning(iotest.OneByteReader(strings.NewReader(s))); err != nil || a != b {
			t.Errorf("octet by octet: %v, at once: %v, %v", b, a, err)
		}
	})
}
