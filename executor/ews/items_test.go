package ews_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/ews"
	"mailhaul/state/mail"
)

// passing puts a server in front of another one; it answers itself where first says so.
func passing(t *testing.T, s *ewsserver.Server, first func(http.ResponseWriter, *http.Request) bool, to string) string {
	t.Helper()
	behind, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind); r.Out.URL.Path = behind.Path },
		Transport: s.Client().Transport}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !first(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	front.StartTLS() // all certificates of httptest are one
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	return front.URL + behind.Path
}

func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }

// opened opens the inbox of a new session.
func opened(t *testing.T, s *ews.Service) (*ews.Destination, mail.Folder) {
	t.Helper()
	d, err := s.Destination(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Create(t.Context(), mail.Path{"INBOX"}, mail.RoleInbox)
	if err == nil {
		_, err = d.Open(t.Context(), f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d, f
}

var sent = time.Date(2023, 3, 4, 5, 6, 7, 0, time.UTC)

func outgoing(n int, flags mail.Flags) []mail.Outgoing {
	var all []mail.Outgoing
	for i := range n {
		text := fmt.Sprintf("From: a@b.example\r\nDate: Thu, 02 Mar 2023 10:00:00 +0200\r\nSubject: %d\r\n\r\nText\r\n", i)
		all = append(all, mail.Outgoing{ID: int64(i), Size: mail.Size(len(text)), InternalDate: sent, Flags: flags, Body: strings.NewReader(text),
			Digest: mail.Digest{byte(i + 1)}})
	}
	return all
}

func landed(t *testing.T, d *ews.Destination, f mail.Folder, batch []mail.Outgoing) []mail.UID {
	t.Helper()
	var uids []mail.UID
	err := d.Append(t.Context(), f, batch, func(a mail.Appended) {
		if a.Outcome != mail.Landed {
			t.Errorf("%+v", a)
		}
		uids = append(uids, a.UID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return uids
}

// TestItemsAreWhatWasSent looks at the properties that are set with an item: what was sent is no draft, the dates of
// delivery and of sending are its own, keywords that are marks of programs do not become categories.
func TestItemsAreWhatWasSent(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	opts := options(s)
	opts.KeepDollar = false
	d, f := opened(t, service(t, opts))
	seen := mail.ParseFlags([]string{`\Seen`, `\Answered`, `\Flagged`, "$MDNSent", "Blue & green"})
	landed(t, d, f, outgoing(1, seen))
	landed(t, d, f, outgoing(1, mail.Flags{}))
	landed(t, d, f, outgoing(1, mail.ParseFlags([]string{`\Draft`})))
	noDate := mail.Outgoing{Size: 3, Body: strings.NewReader("x\n\n")}
	landed(t, d, f, []mail.Outgoing{noDate})
	got := b.Messages("INBOX")
	if len(got) != 4 {
		t.Fatalf("%d items", len(got))
	}
	want := []string{`Blue & green \Answered \Flagged \Seen`, ``, `\Draft`, ``}
	for i, bits := range []string{"1", "0", "8", "0"} {
		m := got[i]
		if m.Properties["0x0e07"] != bits || m.Draft != (bits == "8") || strings.Join(m.Flags, " ") != want[i] {
			t.Errorf("item %d: flags %q, draft %v, properties %v", i, m.Flags, m.Draft, m.Properties)
		}
		if i < 3 && (!m.Date.Equal(sent) || m.Properties["0x0039"] != "2023-03-02T08:00:00Z") {
			t.Errorf("item %d: received %s, sent %s", i, m.Date, m.Properties["0x0039"])
		}
	}
	if _, set := got[3].Properties["0x0e06"]; set {
		t.Error("a date was made up")
	}
}

// TestDigestsComeBack: what was appended is listed with the digest it had, in this folder and in another one to which it
// was moved, where its UID is another one.
func TestDigestsComeBack(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	e := service(t, options(s))
	d, f := opened(t, e)
	uids := landed(t, d, f, outgoing(3, mail.Flags{}))
	other, err := d.Create(t.Context(), mail.Path{"Other"}, mail.RoleNone)
	if err != nil {
		t.Fatal(err)
	}
	b.Move("INBOX", 1, "Other", false)
	for _, tt := range []struct {
		folder mail.Folder
		want   []byte
	}{{f, []byte{1, 3}}, {other, []byte{2}}} {
		var got []byte
		for m, err := range d.List(t.Context(), tt.folder, mail.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Written[0])
			if moved := tt.folder.Raw == other.Raw; moved && m.UID >= 1<<31 || !moved && !slices.Contains(uids, m.UID) {
				t.Errorf("UID %d in %s", m.UID, tt.folder.Path)
			}
		}
		if !bytes.Equal(got, tt.want) {
			t.Errorf("%s holds %v, want %v", tt.folder.Path, got, tt.want)
		}
	}
}

// TestListingsThatMove change between two pages. A listing is complete, or there is an error.
func TestListingsThatMove(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	opts := options(s)
	opts.PageSize = 4
	d, f := opened(t, service(t, opts))
	for i := range 20 {
		b.Add("INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i), sent)
	}
	count := func() (n int, err error) {
		for _, e := range d.List(t.Context(), f, mail.Query{}) {
			if err = e; err == nil {
				n++
			}
		}
		return n, err
	}
	pages := 0
	s.Behave(ewsserver.Habits{Meanwhile: func() {
		if pages++; pages == 3 {
			b.Remove("INBOX", 0)
			b.Add("INBOX", []byte("Subject: new\r\n\r\n"), sent)
		}
	}})
	if n, err := count(); n != 20 || err != nil {
		t.Errorf("listed %d, %v; want the 20 that are there", n, err)
	}
	s.Behave(ewsserver.Habits{Meanwhile: func() { b.Remove("INBOX", 0); b.Add("INBOX", []byte("Subject: new\r\n\r\n"), sent) }})
	if n, err := count(); mail.KindOf(err) != mail.Transient || n != 0 {
		t.Errorf("a listing that never holds still gave %d messages and %v", n, err)
	}
}

// TestFoldersOfEveryLanguage: roles come from the server, not from names; calendars are no mail folders.
func TestFoldersOfEveryLanguage(t *testing.T) {
	s := server(t)
	s.Mailbox(anna)
	d, _ := opened(t, service(t, options(s)))
	list, err := d.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range list {
		got = append(got, fmt.Sprintf("%s=%s %v", f.Path, f.Role, f.NoSelect))
	}
	want := []string{"Entwürfe=drafts false", "Gelöschte Elemente=trash false", "Gesendete Elemente=sent false", "INBOX=inbox false",
		"Junk-E-Mail=junk false", "Kalender= true", "Ungelesene Elemente= true"}
	if !slices.Equal(got, want) {
		t.Errorf("folders are %q, want %q", got, want)
	}
	_, err = d.Create(t.Context(), mail.Path{"kalender"}, mail.RoleNone)
	wantError(t, err, mail.CodeEWSFolder, mail.Refused)
	twice, err := d.Create(t.Context(), mail.Path{"JUNK-E-MAIL"}, mail.RoleNone)
	if err != nil || twice.Role != mail.RoleJunk {
		t.Errorf("a name of another case gave %+v, %v", twice, err)
	}
	strange, err := d.Create(t.Context(), mail.Path{"a\x01b<&>"}, mail.RoleNone)
	if err != nil || strange.Path.String() != "a\x01b<&>" {
		t.Errorf("a name with a control character gave %+v, %v", strange, err)
	}
}

// TestFolderThatVanishes between opening and appending: every message is absent, the session lives, and the code is the
// one at which the folder is made again.
func TestFolderThatVanishes(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	d, _ := opened(t, service(t, options(s)))
	f, err := d.Create(t.Context(), mail.Path{"Work"}, mail.RoleNone)
	if err == nil {
		_, err = d.Open(t.Context(), f)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.Delete("Work")
	answers := 0
	err = d.Append(t.Context(), f, outgoing(30, mail.Flags{}), func(a mail.Appended) {
		if answers++; a.Outcome != mail.Absent || !mail.CodeOf(a.Err).FolderGone() {
			t.Errorf("%+v", a)
		}
	})
	if err != nil || answers != 30 || s.Requests("CreateItem") != 1 {
		t.Errorf("%v, %d answers, %d requests; want all answered after one", err, answers, s.Requests("CreateItem"))
	}
	_, err = d.Open(t.Context(), f)
	wantError(t, err, mail.CodeEWSFolderGone, mail.Refused)
}
