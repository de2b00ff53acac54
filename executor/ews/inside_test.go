package ews

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mailhaul/state/mail"
)

// TestMarkRoundTrip holds the format of the id, which lasts: copies of earlier releases are known by it.
func TestMarkRoundTrip(t *testing.T) {
	m := mark{0x12345678, 0x0abcdef0, mail.Digest{1, 2, 15: 255}}
	const written = "1-12345678-0abcdef0-010200000000000000000000000000ff"
	if m.String() != written {
		t.Errorf("written as %s, want %s", m, written)
	}
	for _, s := range []string{written, strings.ToUpper(written)} {
		if got, ok := parseMark(s); !ok || got != m {
			t.Errorf("%s was read as %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "x", written + "0", written[:40], "2" + written[1:], strings.Replace(written, "0abc", "-abc", 1),
		strings.Replace(written, "0abcdef0", "ffffffff", 1), strings.Replace(written, "ff", "zz", 1)} {
		if got, ok := parseMark(s); ok {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

// TestNumbers: no number is given away twice, whatever the server shows of them.
func TestNumbers(t *testing.T) {
	var n numbers
	now := clockStart.Add(1e6 * time.Second)
	if got := n.see("a", -1, now); got != 1e6 {
		t.Errorf("an empty folder begins at %d, want the clock's 1000000", got)
	}
	first, ok := n.take("a", 10)
	if got := n.see("a", -1, now); !ok || first != 1e6 || got != 1e6+10 {
		t.Errorf("after ten from %d comes %d", first, got)
	}
	if got := n.see("a", 2e6, now); got != 2e6+1 {
		t.Errorf("above what somebody else wrote comes %d", got)
	}
	if got := n.see("b", 2e6, now); got != 2e6+stride {
		t.Errorf("after a restart comes %d, want a stride above", got)
	}
	n.see("c", lastNumber-5, now)
	if _, ok := n.take("c", 10); ok {
		t.Error("numbers beyond the last were given away")
	}
}

// TestLegal replaces what XML 1.0 does not know and nothing else.
func TestLegal(t *testing.T) {
	const in = "<a b='&#x1;&#65;&#x41;&#xFFFE;&amp;&#;&#xD800;&#0;'>\x00\x0b\t\r\n&#31;&#x1F600;&#99999999999;ü&</a>"
	const want = "<a b='?&#65;&#x41;?&amp;????'>??\t\r\n?&#x1F600;?ü&</a>"
	want2 := strings.Replace(want, "&amp;????", "&amp;???", 1)
	for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
		got, err := io.ReadAll(newLegal(r))
		if err != nil || string(got) != want2 {
			t.Errorf("got %q, %v; want %q", got, err, want2)
		}
	}
}

func FuzzLegal(f *testing.F) {
	f.Add("<a>&#x1;\x02&#x41;&amp;</a>")
	f.Add("&#x000000000000000041;")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := io.ReadAll(newLegal(strings.NewReader("<a>" + in + "</a>")))
		if err != nil {
			t.Fatal(err)
		}
		var v struct{}
		if err := xml.Unmarshal(got, &v); err != nil && strings.Contains(err.Error(), "illegal character code") &&
			!strings.ContainsAny(in, "\ufffe\uffff") {
			t.Errorf("%q became %q: %v", in, got, err)
		}
	})
}

// FuzzAnswer reads what a server may say. Whatever it is, nothing panics, and a listing has each UID once.
func FuzzAnswer(f *testing.F) {
	f.Add(`<Envelope><Body><r><ResponseMessages><m ResponseClass="Success"><ResponseCode>NoError</ResponseCode><RootFolder><Items>` +
		`<Message><ItemId Id="a"/><DateTimeReceived>2023-01-01T00:00:00Z</DateTimeReceived><Size>-1</Size><ExtendedProperty>` +
		`<ExtendedFieldURI PropertySetId="` + ourSet + `" PropertyName="mailhaul-id"/><Value>1-00000001-00000001-` +
		strings.Repeat("0", 32) + `</Value></ExtendedProperty></Message></Items></RootFolder></m></ResponseMessages></r></Body></Envelope>`)
	f.Fuzz(func(t *testing.T, in string) {
		var e envelope
		if err := xml.NewDecoder(newLegal(strings.NewReader(in))).Decode(&e); err != nil {
			return
		}
		list, _ := (&Destination{s: &Service{}}).outcomes(call{}, &http.Response{StatusCode: http.StatusOK}, &e)
		for _, o := range list {
			_ = o.failure(call{at: atAppend})
			l := &listing{validity: 1, seen: map[string]bool{}, own: map[mail.UID]named{}}
			for i := range o.Root.Items.List {
				l.add(&o.Root.Items.List[i])
			}
			all := l.from(0, map[mail.UID]entry{})
			for i := range all {
				if i > 0 && all[i].UID <= all[i-1].UID {
					t.Errorf("UIDs %d and %d", all[i-1].UID, all[i].UID)
				}
			}
		}
	})
}

// TestCutMIME finds messages whatever the prefix, and nothing that only looks like one.
func TestCutMIME(t *testing.T) {
	const in = `<a><t:MimeContent CharacterSet="UTF-8">QQ==</t:MimeContent><MimeContent/><MimeContent >Qg==</MimeContent>` +
		`<t:MimeContentUTF8>x</t:MimeContentUTF8><t:IncludeMimeContent>y</t:IncludeMimeContent>MimeContent>z</a><q:MimeContent>cut`
	const want = `<a><t:MimeContent CharacterSet="UTF-8"></t:MimeContent><MimeContent/><MimeContent ></MimeContent>` +
		`<t:MimeContentUTF8>x</t:MimeContentUTF8><t:IncludeMimeContent>y</t:IncludeMimeContent>MimeContent>z</a><q:MimeContent>`
	rest, bodies := cutMIME([]byte(in))
	if got := string(bytes.Join(bodies, []byte("|"))); string(rest) != want || got != "QQ==||Qg==|cut" {
		t.Errorf("cut %q out, and %s is left", got, rest)
	}
}

// TestStreamHoldsNoMessage sends 64 MiB through a few kilobytes.
func TestStreamHoldsNoMessage(t *testing.T) {
	const size = 64<<20 + 1
	s := newStream()
	s.add([]byte("<a>"))
	s.addBody(zeros{}, size)
	s.add([]byte("</a>"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := io.Copy(struct{ io.Writer }{io.Discard}, s)
	runtime.ReadMemStats(&after)
	if err != nil || n != s.size || n != int64(len("<a></a>")+base64.StdEncoding.EncodedLen(size)) || !s.whole() {
		t.Errorf("sent %d of %d, %v", n, s.size, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d octets were allocated", used)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestStreamThatIsReleased is not read any more, and one that was not sent whole says so.
func TestStreamThatIsReleased(t *testing.T) {
	s := newStream()
	s.addBody(strings.NewReader("short"), 100)
	if _, err := io.ReadAll(s); err == nil || s.whole() {
		t.Errorf("a short message gave %v, whole %v", err, s.whole())
	}
	s = newStream()
	body := strings.NewReader("whatever")
	s.addBody(body, 8)
	s.release()
	if _, err := s.Read(make([]byte, 10)); err == nil || body.Len() != 8 {
		t.Errorf("after the release the message was read, %v", err)
	}
}
