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

	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

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
		`<ExtendedFieldURI PropertySetId="` + uids.Set + `" PropertyName="mailhaul-id"/><Value>1-00000001-00000001-` +
		strings.Repeat("0", 32) + `</Value></ExtendedProperty></Message></Items></RootFolder></m></ResponseMessages></r></Body></Envelope>`)
	f.Fuzz(func(t *testing.T, in string) {
		var e envelope
		if err := xml.NewDecoder(newLegal(strings.NewReader(in))).Decode(&e); err != nil {
			return
		}
		list, _ := (&Destination{s: &Service{}}).outcomes(call{}, &http.Response{StatusCode: http.StatusOK}, &e)
		for _, o := range list {
			_ = o.failure(call{at: atAppend})
			l := uids.NewListing(1)
			for i := range o.Root.Items.List {
				it := &o.Root.Items.List[i]
				written, _ := it.value(propID)
				l.Add(it.ID.ID, written, it.message())
			}
			all := l.From(0, func(mail.UID, string, mail.Size) {})
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
