package check

import (
	"strings"
	"testing"
)

// digestOf digests a message that comes in pieces of some octets.
func digestOf(message string, piece int) entry {
	d := newDigester(digestKey{}, true)
	_, _ = d.Write([]byte("Subject: what came before\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nleaves\r\n--x\r\n\r\nnothing"))
	d.fill(&entry{})
	for len(message) > 0 {
		n := min(piece, len(message))
		_, _ = d.Write([]byte(message[:n]))
		message = message[n:]
	}
	var e entry
	d.fill(&e)
	return e
}

func TestDigestsTellMessagesApart(t *testing.T) {
	const base = "Received: by a\r\n\tfor b\r\nSubject: a long\r\n subject\r\nMessage-ID: <1@x>\r\nX: y\r\n\r\nbody\r\n\r\nmore\r\n"
	want := digestOf(base, len(base))
	for name, s := range map[string]string{
		"bare LF":         strings.ReplaceAll(base, "\r\n", "\n"),
		"CR CR LF":        strings.ReplaceAll(base, "\r\n", "\r\r\n"),
		"trailing blanks": base + "\r\n\r\n",
		"no last break":   strings.TrimSuffix(base, "\r\n"),
		"delivered again": "Return-Path: <a@b>\r\nDELIVERED-to : c\r\nReceived: z\r\n folded\r\n" + base,
	} {
		for _, piece := range []int{1, 3, 1000} {
			got := digestOf(s, piece)
			if got.canon != want.canon || got.parts != want.parts || got.head != want.head || got.exact == want.exact {
				t.Errorf("%s in pieces of %d: not the same canonical form, or the same octets", name, piece)
			}
		}
	}
	for name, s := range map[string]string{
		"other body":      strings.Replace(base, "body", "bodY", 1),
		"blank line less": strings.Replace(base, "body\r\n\r\n", "body\r\n", 1),
		"trace in body":   strings.Replace(base, "body", "Received: q\r\nbody", 1),
		"other field":     strings.Replace(base, "X: y", "X: z", 1),
		"no blank line":   strings.Replace(base, "\r\n\r\nbody", "\r\nbody", 1),
		"CR in a line":    strings.Replace(base, "body", "bo\rdy", 1),
		"leading blank":   "\r\n" + base,
	} {
		if digestOf(s, 7).canon == want.canon {
			t.Errorf("%s: taken for the same", name)
		}
	}
	for name, s := range map[string]string{
		"folding":       strings.Replace(base, "long\r\n subject", "long subject", 1),
		"encoded words": strings.Replace(base, "a long\r\n subject", "=?iso-8859-1?q?a_long?=\r\n =?UTF-8?B?IHN1YmplY3Q=?=", 1),
	} {
		if digestOf(s, 9).head != want.head {
			t.Errorf("%s changes the naming fields", name)
		}
	}
	if other := digestOf(strings.Replace(base, "1@x", "2@x", 1), 9); other.head == want.head || other.parts != want.parts {
		t.Error("Message-ID names nothing, or is one of the parts")
	}
	if digestOf("X: y\r\n\r\n", 9).head != 0 || want.head == 0 || digestOf("X: y\r\n\r\n", 9).parts != 0 {
		t.Error("the naming fields do not name")
	}
	if digestOf("", 1).exact != digestOf("", 9).exact || digestOf("", 1).exact.IsZero() {
		t.Error("a message without octets has no digest")
	}
}
