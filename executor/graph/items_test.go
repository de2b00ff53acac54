package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/graphserver"
	"mailhaul/executor/graph"
	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

const anna = "anna@new.example"

// opened opens the inbox of a new session.
func opened(t *testing.T, s *graph.Service) (*graph.Destination, mail.Folder) {
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
		text := fmt.Sprintf("From: a@b.example\r\nSubject: %d\r\n\r\nText\r\n", i)
		all = append(all, mail.Outgoing{ID: int64(i), Size: mail.Size(len(text)), InternalDate: sent, Flags: flags, Body: strings.NewReader(text),
			Digest: mail.Digest{byte(i + 1)}})
	}
	return all
}

// appended appends a batch and gives what became of each message, by its ID.
func appended(ctx context.Context, d *graph.Destination, f mail.Folder, batch []mail.Outgoing) map[int64]mail.Appended {
	got := map[int64]mail.Appended{}
	_ = d.Append(ctx, f, batch, func(a mail.Appended) { got[a.ID] = a }) // the fates come through done
	return got
}

// TestMessagesAreWhatWasSent looks at what stands in the folder: flags, date and id of its own, keywords as categories but
// for the marks of programs. Nothing is left in the staging folder, and people see neither it nor other hidden ones.
func TestMessagesAreWhatWasSent(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	opts := options(s)
	opts.KeepDollar = false
	d, f := opened(t, service(t, opts))
	for i, flags := range [][]string{{`\Seen`, `\Answered`, `\Flagged`, "$MDNSent", "Blue & green"}, nil, {`\Draft`}} {
		m := outgoing(1, mail.ParseFlags(flags))
		if i == 1 {
			m[0].InternalDate = time.Time{}
		}
		if got := appended(t.Context(), d, f, m); got[0].Outcome != mail.Landed || got[0].UID < uids.FirstOwn {
			t.Fatalf("%+v", got[0])
		}
	}
	got := b.Messages("INBOX")
	for i, want := range []string{`Blue & green \Answered \Flagged \Seen`, ``, ``} {
		m := got[i]
		if strings.Join(m.Flags, " ") != want || m.Date.Equal(sent) == (i == 1) || m.Properties[uids.MarkProperty] == "" {
			t.Errorf("message %d: flags %q, received %s, properties %v", i, m.Flags, m.Date, m.Properties)
		}
	}
	if left := b.Messages(graph.StagingFolder); len(left) != 0 || slices.Contains(b.Folders(), graph.StagingFolder) {
		t.Errorf("%d messages are in the staging folder; people see %q", len(left), b.Folders())
	}
	list, err := d.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	roles := map[mail.Role]string{}
	for _, f := range list {
		if roles[f.Role] = f.Path.String(); f.Path.String() == graph.StagingFolder || f.Path.String() == "Verborgenes" ||
			f.NoSelect != (f.Path.String() == "Ungelesene Elemente") {
			t.Errorf("the folder %q is listed as %+v", f.Path, f)
		}
	}
	if roles[mail.RoleSent] != "Gesendete Elemente" || roles[mail.RoleInbox] != "INBOX" || roles[mail.RoleTrash] != "Gelöschte Elemente" {
		t.Errorf("the roles are %v", roles)
	}
}

// TestWhatIsLeftIsTold: a copy whose import got no answer stays in the staging folder, and the next look says so.
func TestWhatIsLeftIsTold(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	e := service(t, options(s))
	d, f := opened(t, e)
	s.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{"importMime": {1: graphserver.LoseAfter}}})
	got := appended(t.Context(), d, f, outgoing(1, mail.Flags{}))
	d, _ = opened(t, e)
	l, err := d.Limits(t.Context())
	if err != nil || got[0].Outcome != mail.Absent || !strings.Contains(strings.Join(l.Lost, " "), graph.StagingFolder) {
		t.Errorf("%+v; told is %q, %v", got[0], l.Lost, err)
	}
	if staged := len(b.Messages(graph.StagingFolder)); staged != 1 || len(b.Messages("INBOX")) != 0 {
		t.Errorf("%d messages are in the staging folder, want the one", staged)
	}
}

// TestNothingIsImportedTwice: what could not be finished after its import is finished when the message comes again.
func TestNothingIsImportedTwice(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	e := service(t, options(s))
	d, f := opened(t, e)
	s.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{"update message": {1: graphserver.LoseBefore}}})
	first := appended(t.Context(), d, f, outgoing(1, mail.Flags{}))[0]
	d, f = opened(t, e)
	second := appended(t.Context(), d, f, outgoing(1, mail.Flags{}))[0]
	if first.Outcome != mail.Absent || second.Outcome != mail.Landed || s.Requests("importMime") != 1 || len(b.Messages("INBOX")) != 1 {
		t.Errorf("%+v, then %+v; %d imports", first, second, s.Requests("importMime"))
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
	s.Behave(graphserver.Habits{Meanwhile: func() {
		if pages++; pages == 3 {
			b.Remove("INBOX", 19) // the newest stands on the first page
		}
	}})
	if n, err := count(); n != 19 || err != nil {
		t.Errorf("listed %d, %v; want the 19 that are there", n, err)
	}
	if pages <= 5 {
		t.Error("a listing that lost a message on its way was believed")
	}
	s.Behave(graphserver.Habits{Meanwhile: func() { b.Remove("INBOX", len(b.Messages("INBOX"))-1) }})
	if n, err := count(); mail.KindOf(err) != mail.Transient || n != 0 {
		t.Errorf("a listing that never holds still gave %d messages and %v", n, err)
	}
}

// TestNoTokenGoesElsewhere: neither a redirect nor the address of a next page leads the token to another server.
func TestNoTokenGoesElsewhere(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	for range 30 {
		b.Add("INBOX", []byte("Subject: x\r\n\r\n"), sent)
	}
	opts := options(s)
	opts.PageSize = 10
	d, f := opened(t, service(t, opts))
	s.Behave(graphserver.Habits{Elsewhere: true})
	var err error
	for _, e := range d.List(t.Context(), f, mail.Query{}) {
		err = e
	}
	if mail.CodeOf(err) != mail.CodeGraphProtocol || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a next page elsewhere gave %v", err)
	}
	other := graphserver.Start(t)
	s.Behave(graphserver.Habits{Redirect: other.URL()})
	if _, err := service(t, options(s)).Destination(t.Context(), anna); mail.CodeOf(err) != mail.CodeGraphProtocol || other.Requests("get folder") != 0 {
		t.Errorf("a redirect gave %v", err)
	}
}

// TestAnImportIsOfItsOwnOctets: what waits to be finished is not taken for a message that is sent with other octets, though
// both are one at the source.
func TestAnImportIsOfItsOwnOctets(t *testing.T) {
	s := server(t)
	b := s.Mailbox(anna)
	e := service(t, options(s))
	d, f := opened(t, e)
	s.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{"update message": {1: graphserver.LoseBefore}}})
	appended(t.Context(), d, f, outgoing(1, mail.Flags{}))
	d, f = opened(t, e)
	repaired := outgoing(1, mail.Flags{})
	const text = "From: a@b.example\r\nSubject: repaired\r\n\r\nText\r\n"
	repaired[0].Size, repaired[0].Body = mail.Size(len(text)), strings.NewReader(text)
	got := appended(t.Context(), d, f, repaired)[0]
	if list := b.Messages("INBOX"); got.Outcome != mail.Landed || len(list) != 1 || !strings.Contains(string(list[0].Octets), "repaired") {
		t.Errorf("%+v; there are %d messages", got, len(list))
	}
}
