package samplemail_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	samplemail "mailhaul/testdata/mail"
)

// TestSamplesKeepTheirOctets would notice a git or an editor that mends line ends.
func TestSamplesKeepTheirOctets(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string][]byte)
	for _, s := range samplemail.All() {
		byName[s.Name] = s.Octets
		if !strings.Contains(string(readme), "| `"+s.Name+".eml` |") {
			t.Errorf("README.md does not say why %s is here", s.Name)
		}
		if bytes.IndexByte(s.Octets, 0) >= 0 {
			t.Errorf("%s holds NUL, which IMAP can't carry", s.Name)
		}
	}
	if n := bytes.Count(byName["bare-lf"], []byte("\r")); n != 0 {
		t.Errorf("bare-lf holds %d CR", n)
	}
	if n := bytes.Count(byName["cr-cr-lf"], []byte("\r\r\n")); n != 2 {
		t.Errorf("cr-cr-lf holds %d CR CR LF, want 2", n)
	}
	if !bytes.Contains(byName["mixed-line-ends"], []byte("LF\nCR\ragain CRLF\r\n")) {
		t.Error("mixed-line-ends has lost its line ends")
	}
	if !bytes.Contains(byName["signed"], []byte("count  \r\n")) {
		t.Error("signed has lost its trailing blanks")
	}
}
