package check

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"runtime"
	"strings"
	"testing"
	"time"

	samplemail "mailhaul/testdata/mail"
)

// naming are the naming fields of the messages of this test, and anew the same as another server may write them.
const (
	naming = "Message-ID: <1@x>\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nFrom: a@b\r\nTo: c@d\r\nSubject: Gr\xc3\xbc\xc3\x9fe von mir\r\n"
	anew   = "Received: from p by q;\r\n\tMon, 6 May 2024 07:08:10 +0000\r\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n =?utf-8?B?IHZvbiBtaXI=?=\r\n" +
		"TO: c@d\r\nFROM:\r\n a@b\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nMessage-Id:\r\n\t<1@x>\r\nX-New: yes\r\n"
)

// rendered writes a text and an attachment as one server has it, and another one makes it anew: other boundaries,
// charsets, encodings, order and folding of fields, line ends.
func rendered(text, attachment string) (old, made string) {
	latin := strings.Map(func(r rune) rune { return r }, text)
	octets := make([]byte, 0, len(latin))
	for _, r := range latin {
		octets = append(octets, byte(r))
	}
	old = naming + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=old\r\n\r\nThis is MIME.\r\n--old\r\n" +
		"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + string(octets) + "\r\n--old\r\n" +
		"Content-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		folded64(attachment, 76) + "\r\n--old--\r\n"
	var q bytes.Buffer
	w := quotedprintable.NewWriter(&q)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	made = anew + "Content-Type: multipart/mixed;\r\n\tboundary=\"=_(new) one\"\r\nMIME-Version: 1.0\r\n\r\n--=_(new) one\r\n" +
		"Content-Transfer-Encoding: Quoted-Printable\r\nContent-Type: TEXT/plain;\r\n charset=\"UTF-8\"; format=flowed\r\n\r\n" + q.String() +
		"\r\n\r\n--=_(new) one  \r\ncontent-transfer-encoding: BASE64\r\ncontent-type: application/pdf;\r\n name=\"x.pdf\"\r\n\r\n" +
		folded64(attachment, 60) + "\r\n\r\n--=_(new) one--\r\nepilogue"
	return old, made
}

func folded64(s string, width int) string {
	text := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + "\r\n")
		text = text[width:]
	}
	return b.String() + text
}

func TestPartsOutliveAnotherForm(t *testing.T) {
	const text = "Gr\u00fc\u00dfe, = und  \r\n-- \r\n--old? nein \u00e9\r\n.\r\nFrom hier\r\n"
	attachment := strings.Repeat("\x00\r\n\xff%PDF\n--old\r\n", 99)
	old, made := rendered(text, attachment)
	one := func(header, body string) string { return naming + header + "\r\n" + body }
	inner := "Subject: within\r\n\r\nhello\r\n"
	for name, c := range map[string][2]string{
		"everything at once":   {old, made},
		"bare line feeds":      {old, strings.ReplaceAll(made, "\r\n", "\n")},
		"base64 of text":       {one("", "a\r\nb\r\n"), one("Content-Transfer-Encoding: base64\r\n", "YQpiCg==")},
		"a part of nothing":    {one("", "a"), one("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\na\r\n--b\r\nContent-Type: text/html\r\n\r\n\r\n--b--")},
		"another level":        {one("", "a"), one("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\n\r\na\r\n--c--\r\n--b--")},
		"order of parts":       {one("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--"), one("Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n\r\n2\r\n--b\r\n\r\n1\r\n--b--")},
		"embedded message":     {one("Content-Type: message/rfc822\r\n", inner), one("Content-Type: multipart/digest; boundary=b\r\n", "--b\r\n\r\nX: y\r\nSubject:\r\n within\r\n\r\nhello\r\n--b--")},
		"a boundary of a sort": {one("Content-Type: multipart/mixed; boundary=\"b\\\"c\"; charset=x; boundary=y\r\n", "--b\"c\r\n\r\na"), one("", "a")},
	} {
		a, b := digestOf(c[0], 1), digestOf(c[1], 5)
		if a.parts != b.parts || a.head != b.head || a.canon == b.canon {
			t.Errorf("%s: parts equal %v, naming fields equal %v, canonical form equal %v", name, a.parts == b.parts, a.head == b.head, a.canon == b.canon)
		}
	}
}

func TestPartsNoticeEveryLoss(t *testing.T) {
	const text = "Gr\u00fc\u00dfe\r\n"
	old, made := rendered(text, "attachment")
	want := digestOf(old, 99).parts
	less, _ := rendered("Grusse\r\n", "attachment")
	other, _ := rendered(text, "attachmenT")
	crlf, _ := rendered(text, "attachm\nent")
	lf, _ := rendered(text, "attachm\r\nent")
	multi := naming + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for name, s := range map[string]string{
		"another text":         less,
		"another attachment":   other,
		"no attachment":        made[:strings.Index(made, "content-transfer-encoding")],
		"another subject":      strings.Replace(made, "mir", "dir", 1) + "",
		"the boundary is lost": strings.Replace(old, "boundary=old", "boundary=odd", 1),
		"an attachment twice":  strings.Replace(old, "--old--", "--old\r\nContent-Transfer-Encoding: base64\r\n\r\n"+folded64("attachment", 76)+"\r\n--old--", 1),
	} {
		if name == "another subject" {
			s = strings.Replace(made, "IHZvbiBtaXI=", "IHZvbiBkaXI=", 1)
		}
		if digestOf(s, 99).parts == want {
			t.Errorf("%s: the parts are equal", name)
		}
	}
	if digestOf(crlf, 99).parts == digestOf(lf, 99).parts {
		t.Error("line ends within an attachment were changed, and its digest was not")
	}
	for name, c := range map[string][2]string{
		"a multipart whose parts never begin":   {multi + "one", multi + "two"},
		"text of a depth that is not looked at": {nested(maxDepth+9) + "one", nested(maxDepth+9) + "two"},
		"a part beyond the most":                {multi + strings.Repeat("--b\r\n\r\nx\r\n", maxParts+5) + "one", multi + strings.Repeat("--b\r\n\r\nx\r\n", maxParts+5) + "two"},
		"within a part beyond the most":         {multi + strings.Repeat("--b\r\n\r\nx\r\n", maxParts+5) + "--b\r\n\r\none\r\n--b--", multi + strings.Repeat("--b\r\n\r\nx\r\n", maxParts+5) + "--b\r\n\r\ntwo\r\n--b--"},
		"a subject of an embedded message":      {naming + "Content-Type: message/rfc822\r\n\r\nSubject: one", naming + "Content-Type: message/rfc822\r\n\r\nSubject: two"},
		"a header beyond the most":              {naming + "X: " + strings.Repeat("x", maxHeader) + "one", naming + "X: " + strings.Repeat("x", maxHeader) + "two"},
		"an encoding that nobody knows":         {naming + "Content-Transfer-Encoding: x-uue\r\n\r\none", naming + "Content-Transfer-Encoding: x-uue\r\n\r\ntwo"},
	} {
		if a, b := digestOf(c[0], 1<<16), digestOf(c[1], 1<<16); a.parts == b.parts {
			t.Errorf("%s: a change is not seen", name)
		}
	}
}

// TestHardCase_M21_SignedPartsAreWatched: where a destination writes MIME anew the content is the same and the signature broken.
// The octets of a signed part are compared beside the content, and those around it are not.
func TestHardCase_M21_SignedPartsAreWatched(t *testing.T) {
	signed := func(text, encoding string) string {
		return naming + "Content-Type: multipart/signed; boundary=s\r\n\r\npreamble\r\n--s\r\nContent-Transfer-Encoding: " + encoding +
			"\r\n\r\n" + text + "\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nABCD\r\n--s--\r\n"
	}
	base := digestOf(signed("a=20b", "quoted-printable"), 7)
	if other := digestOf(signed("a b", "7bit"), 3); other.parts != base.parts || other.signed == base.signed || base.signed == 0 {
		t.Error("a signed part in other octets is not noticed, or changes the parts")
	}
	outer := strings.Replace(signed("a=20b", "quoted-printable"), "preamble", "other", 1)
	outer = strings.Replace(outer, naming, naming+"X-Virus: none\r\n", 1)
	if digestOf(outer, 5).signed != base.signed {
		t.Error("what is not signed counts as signed")
	}
	if digestOf(naming+"\r\na b", 5).signed != 0 {
		t.Error("a message without a signature is signed")
	}
}

func nested(depth int) string {
	var b strings.Builder
	b.WriteString(naming)
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String() + "\r\n"
}

// TestHardCase_M20_Bombs: mail that was written to be expensive costs little time and less memory.
func TestHardCase_M20_Bombs(t *testing.T) {
	const size = 5 << 18 // more than a header may have
	fill := func(head, s string) string { return naming + head + strings.Repeat(s, size/len(s)) }
	d := newDigester(digestKey{}, true)
	for name, s := range map[string]string{
		"nested parts":                     nested(30_000),
		"nested messages":                  fill("", "Content-Type: message/rfc822\r\n\r\n"),
		"parts":                            fill("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\n"),
		"digest":                           fill("Content-Type: multipart/digest; boundary=b\r\n\r\n", "--b\r\n\r\nTo: x\r\n\r\n"),
		"half boundaries":                  nested(60) + fill("", "--b9x\r\n"),
		"addresses":                        fill("", "To: a@b\r\n"),
		"one address field":                fill("To: x", ",\r\n a@b"),
		"encoded words":                    fill("", "Subject: "+strings.Repeat("=?utf-8?q?=?=", 4000)+"\r\n"),
		"half encoded words":               fill("Subject: ", "=?"),
		"encoded charset":                  fill("", "Subject: =?"+strings.Repeat("x", 60_000)+"?q?a?=\r\n"),
		"parameters":                       fill("Content-Type: text/plain", "; a*0*=x"),
		"quotes":                           fill("Content-Type: text/plain; boundary=\"", "\\\""),
		"carriage returns":                 fill("\r\n", "\r") + "x",
		"carriage returns, in a multipart": fill("Content-Type: multipart/mixed; boundary=b\r\n\r\n--", "\r") + "x",
		"line feeds":                       fill("\r\n", "\n") + "x",
		"soft breaks":                      fill("Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=\n"),
		"blanks":                           fill("Content-Transfer-Encoding: quoted-printable\r\n\r\n", " "),
		"escapes":                          fill("Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=="),
		"japanese":                         fill("Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", "\x1b$B\x1b(B"),
		"part headers":                     fill("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "X: y\r\n"),
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		for p := []byte(s); len(p) > 0; p = p[min(len(p), 4096):] {
			_, _ = d.Write(p[:min(len(p), 4096)])
		}
		// Memory that is kept while the message is read; p is the test's own.
		runtime.GC()
		runtime.ReadMemStats(&after)
		d.fill(&entry{})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 8<<20 {
			t.Errorf("%s: %d octets are kept", name, kept)
		}
	}
}

// FuzzDigests: whatever a message holds and in what pieces it comes, it has one set of digests, in bounded memory.
func FuzzDigests(f *testing.F) {
	old, made := rendered("text", "attachment")
	f.Add([]byte(old), 3)
	f.Add([]byte(made), 1)
	f.Add([]byte(nested(70)), 9)
	for _, s := range samplemail.All() {
		f.Add(s.Octets, 2)
	}
	f.Fuzz(func(t *testing.T, message []byte, piece int) {
		if piece = piece & 0xff; piece == 0 {
			piece = 1
		}
		if a, b := digestOf(string(message), 1<<30), digestOf(string(message), piece); a != b {
			t.Errorf("in one piece %+v, in pieces of %d %+v", a, piece, b)
		}
		d := newDigester(digestKey{}, true)
		_, _ = d.Write(message)
		if p := d.parts; len(p.levels) > maxDepth || len(p.sums) > 2*maxParts || len(p.header) > maxHeader+len(message) || len(p.start) > maxBound {
			t.Error("the bounds do not hold")
		}
	})
}

func BenchmarkDigests(b *testing.B) {
	for name, s := range map[string]string{
		"small":      naming + "\r\n" + strings.Repeat("a line of text as people write it\r\n", 10),
		"attachment": func() string { old, _ := rendered("text", strings.Repeat("attachment", 1<<20)); return old }(),
	} {
		b.Run(name, func(b *testing.B) {
			d, octets := newDigester(digestKey{}, true), []byte(s)
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				for p := octets; len(p) > 0; p = p[min(len(p), 64<<10):] {
					_, _ = d.Write(p[:min(len(p), 64<<10)])
				}
				d.fill(&entry{})
			}
		})
	}
}
