package mail

import (
	"strings"
	"testing"
)

func canonical(s string, chunk int) Digest {
	c := NewCanonical()
	for len(s) > 0 {
		n := min(chunk, len(s))
		_, _ = c.Write([]byte(s[:n]))
		s = s[n:]
	}
	return c.Sum()
}

func TestCanonicalTellsMessagesApart(t *testing.T) {
	base := "Received: by a\r\n\tfor b\r\nSubject: x\r\nX-Long-Field-Name-Beyond-The-Limit-Of-It: y\r\n\r\nbody\r\n\r\nmore\r\n"
	same := map[string]string{
		"bare LF":         strings.ReplaceAll(base, "\r\n", "\n"),
		"CR CR LF":        strings.ReplaceAll(base, "\r\n", "\r\r\n"),
		"trailing blanks": base + "\r\n\r\n",
		"no last break":   strings.TrimSuffix(base, "\r\n"),
		"delivered again": "Return-Path: <a@b>\r\nDelivered-To: c\r\nRECEIVED : z\r\n folded\r\n" + base,
	}
	want := canonical(base, len(base))
	for name, s := range same {
		for _, chunk := range []int{1, 3, 1000} {
			if got := canonical(s, chunk); got != want {
				t.Errorf("%s in chunks of %d: %v, want %v", name, chunk, got, want)
			}
		}
	}
	other := map[string]string{
		"other body":       strings.Replace(base, "body", "bodY", 1),
		"blank line less":  strings.Replace(base, "body\r\n\r\n", "body\r\n", 1),
		"trace in body":    strings.Replace(base, "body", "Received: q\r\nbody", 1),
		"other subject":    strings.Replace(base, "Subject: x", "Subject: y", 1),
		"no header at all": strings.Replace(base, "\r\n\r\nbody", "\r\nbody", 1),
		"CR inside a line": strings.Replace(base, "body", "bo\rdy", 1),
	}
	for name, s := range other {
		if canonical(s, 7) == want {
			t.Errorf("%s: taken for the same", name)
		}
	}
}

func FuzzCanonicalChunks(f *testing.F) {
	f.Add("Received: a\n b\r\r\nS: x\n\nbody\r", 2)
	f.Fuzz(func(t *testing.T, s string, chunk int) {
		if chunk < 1 || chunk > 1<<20 {
			return
		}
		if a, b := canonical(s, chunk), canonical(s, len(s)+1); a != b {
			t.Errorf("chunks of %d: %v, whole: %v", chunk, a, b)
		}
	})
}
