package check

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestMIMEApart takes messages out of answers, whatever the pieces in which they come, and keeps their order when one is
// empty. An answer that is cut, or lies about its base64, is an error and no message.
func TestMIMEApart(t *testing.T) {
	long := strings.Repeat("A line of a message.\r\n", 30_000)
	coded := base64.StdEncoding.EncodeToString
	whole := "<a><t:MimeContent CharacterSet=\"UTF-8\">" + coded([]byte("one")) + "</t:MimeContent><s>&#x1;x\x02 &amp; &#65;</s>" +
		"<MimeContent/><m:MimeContent>" + coded([]byte(long)) + "\r\n</m:MimeContent><MimeContents>no</MimeContents></a>"
	for name, reader := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r },
		"octet by octet": iotest.OneByteReader, "with its end": iotest.DataErrReader} {
		var got []string
		rest, err := io.ReadAll(newMIMEApart(reader(strings.NewReader(whole)), func(r io.Reader) error {
			octets, err := io.ReadAll(r)
			got = append(got, string(octets))
			return err
		}))
		want := "<a><t:MimeContent CharacterSet=\"UTF-8\"></t:MimeContent><s>?x? &amp; &#65;</s><MimeContent/><m:MimeContent></m:MimeContent>" +
			"<MimeContents>no</MimeContents></a>"
		if err != nil || string(rest) != want || len(got) != 3 || got[0] != "one" || got[1] != "" || got[2] != long {
			t.Errorf("%s: %v, rest %.200q, messages %.100q", name, err, rest, got)
		}
	}
	for _, bad := range []string{"<MimeContent>AAAA", "<MimeContent>AA!A</MimeContent>", "<x>" + strings.Repeat("y", 2*longestTag)} {
		_, err := io.ReadAll(newMIMEApart(strings.NewReader(bad), func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		}))
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%.40q ends in %v", bad, fmt.Sprint(err))
		}
	}
}

// FuzzMIMEApart reads what a server may say: nothing panics or goes on without end, and the rest has no message in it.
func FuzzMIMEApart(f *testing.F) {
	f.Add("<MimeContent>QUJD</MimeContent>")
	f.Add("</a:MimeContent><MimeContent/>&#x1;<MimeContent a='>'>QQ==")
	f.Fuzz(func(t *testing.T, in string) {
		_, _ = io.ReadAll(newMIMEApart(strings.NewReader(in), func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		}))
		var a ewsAnswer
		err := xml.NewDecoder(newMIMEApart(strings.NewReader("<e>"+in+"</e>"), nil)).Decode(&a)
		if err != nil && strings.Contains(err.Error(), "illegal character code") && !strings.ContainsAny(in, "\ufffe\uffff") {
			t.Errorf("%q: %v", in, err)
		}
	})
}
