package graph

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/executor/endpointtest/graphserver"
	"mailhaul/state/mail"
)

// TestLimitsAreKept copies by two sessions of one mailbox through a budget that is used up many times: together they keep
// below it, and below four requests at a time, so that nothing is refused.
func TestLimitsAreKept(t *testing.T) {
	const address, within = "anna@new.example", 200 * time.Millisecond
	server := graphserver.Start(t)
	box := server.Mailbox(address)
	s, err := New(Options{URL: server.URL(), RootCAs: server.Roots(), Tokens: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	server.Behave(graphserver.Habits{Uploads: 40_000, UploadsWithin: within})
	s.box(address).uploads = newWindow(40_000, within+100*time.Millisecond) // what is sent late arrives together
	var both sync.WaitGroup
	for session := range 2 {
		both.Go(func() { copyThrough(t, s, address, session, 40) })
	}
	both.Wait()
	if refused, busiest := server.Limits(); refused != 0 || busiest > atOnce {
		t.Errorf("%d requests were refused, up to %d were under way at one time", refused, busiest)
	}
	if n := len(box.Messages("INBOX")); n != 80 {
		t.Errorf("%d messages arrived, want 80", n)
	}
}

func copyThrough(t *testing.T, s *Service, address string, session, messages int) {
	d, err := s.Destination(t.Context(), address)
	var f mail.Folder
	if err == nil {
		f, err = d.Create(t.Context(), mail.Path{"INBOX"}, mail.RoleInbox)
	}
	if err == nil {
		_, err = d.Open(t.Context(), f)
	}
	if err != nil {
		t.Error(err)
		return
	}
	var batch []mail.Outgoing
	for i := range messages {
		text := fmt.Sprintf("Subject: %d.%d\r\n\r\n%s", session, i, strings.Repeat("A line.\r\n", 100))
		batch = append(batch, mail.Outgoing{ID: int64(i), Size: mail.Size(len(text)), Body: strings.NewReader(text)})
	}
	err = d.Append(t.Context(), f, batch, func(a mail.Appended) {
		if a.Outcome != mail.Landed {
			t.Errorf("%+v", a)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLimitsOfAMailbox: the sessions of a mailbox share what Microsoft names, 150 MB in five minutes and four requests at a time.
func TestLimitsOfAMailbox(t *testing.T) {
	s, now := &Service{boxes: map[string]*box{}}, time.Now()
	for _, address := range []string{"anna@new.example", "Anna@New.example", "ANNA@new.example"} {
		if wait := s.box(address).uploads.try(now, 50_000_000); wait != 0 {
			t.Errorf("the first 150 MB wait %s", wait)
		}
	}
	b := s.box("anna@new.example")
	if wait := b.uploads.try(now, 1); wait < 5*time.Minute || wait > 5*time.Minute+10*time.Second {
		t.Errorf("what is more than 150 MB waits %s", wait)
	}
	if cap(b.slots) != 4 {
		t.Errorf("%d requests at a time", cap(b.slots))
	}
}

// direct carries requests to a server without a network, so that time can be simulated.
type direct struct{ *graphserver.Server }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestOneLimitForAllMailboxes copies to six mailboxes of a tenant that answers four requests of an application at one time,
// whichever mailboxes they are for, as Microsoft has published it: by its own figures the tenant is used to more than nine
// tenths, in simulated time, and refuses fewer than one request in a hundred. A tenant that counts for each mailbox is used
// as fast as it allows, by all mailboxes at one time.
func TestOneLimitForAllMailboxes(t *testing.T) {
	const mailboxes, messages, takes = 6, 800, 100 * time.Millisecond
	for name, c := range map[string]struct{ ofApplication, atOneTime int }{
		"one limit for all": {atOnce, atOnce},
		"a limit for each":  {0, atOnce * mailboxes},
	} {
		t.Run(name, func(t *testing.T) {
			server := graphserver.Start(t)
			var boxes []*graphserver.Mailbox
			for i := range mailboxes {
				boxes = append(boxes, server.Mailbox(fmt.Sprintf("user%d@new.example", i)))
			}
			synctest.Test(t, func(t *testing.T) {
				s, err := New(Options{URL: server.URL(), Tokens: server})
				if err != nil {
					t.Fatal(err)
				}
				s.http = &http.Client{Transport: direct{server}}
				server.Behave(graphserver.Habits{OfApplication: c.ofApplication, Takes: takes})
				began := time.Now()
				var all sync.WaitGroup
				for i := range mailboxes {
					all.Go(func() { copyPatiently(t, s, fmt.Sprintf("user%d@new.example", i), messages) })
				}
				all.Wait()
				requests := 3 * mailboxes * messages
				least := time.Duration(requests/c.atOneTime) * takes
				took := time.Since(began)
				refused, _ := server.Limits()
				t.Logf("%d requests took %s, where %s are allowed; %d were refused", requests, took, least, refused)
				if took > least*10/9 || refused*100 >= requests {
					t.Errorf("%d requests took %s, want little more than %s; %d were refused", requests, took, least, refused)
				}
			})
			for _, b := range boxes {
				if n := len(b.Messages("INBOX")); n != messages {
					t.Errorf("%d messages arrived, want %d", n, messages)
				}
			}
		})
	}
}

// copyPatiently copies messages as a pipeline does: what was refused is sent again when it may be.
func copyPatiently(t *testing.T, s *Service, address string, messages int) {
	var left []int
	for i := range messages {
		left = append(left, i)
	}
	for len(left) > 0 && !t.Failed() {
		var wait time.Duration
		left, wait = copySome(t, s, address, left)
		time.Sleep(wait)
	}
}

// copySome gives what was refused, and for how long.
func copySome(t *testing.T, s *Service, address string, some []int) (again []int, wait time.Duration) {
	refused := func(err error) bool {
		var e *mail.Error
		if !errors.As(err, &e) {
			return false
		}
		if e.Kind != mail.Throttled || e.Limit != mail.LimitConnections {
			t.Errorf("%+v", e)
		}
		wait = max(wait, e.Wait)
		return true
	}
	d, err := s.Destination(t.Context(), address)
	var f mail.Folder
	if err == nil {
		f, err = d.Create(t.Context(), mail.Path{"INBOX"}, mail.RoleInbox)
	}
	if err == nil {
		_, err = d.Open(t.Context(), f)
	}
	if refused(err) {
		return some, wait
	}
	var batch []mail.Outgoing
	for _, i := range some {
		text := fmt.Sprintf("Subject: %d\r\n\r\ntext\r\n", i)
		batch = append(batch, mail.Outgoing{ID: int64(i), Size: mail.Size(len(text)), Body: strings.NewReader(text)})
	}
	_ = d.Append(t.Context(), f, batch, func(a mail.Appended) { // what counts is told of each message
		if a.Outcome != mail.Landed {
			refused(a.Err)
			again = append(again, int(a.ID))
		}
	})
	return again, wait
}

// TestRequestsAreKeptBelowTheLimit copies more messages than ten minutes' requests suffice for, in simulated time and with
// Microsoft's own figure: 10,000 requests in ten minutes for a mailbox. It takes hardly longer than that allows, and nothing is
// refused.
func TestRequestsAreKeptBelowTheLimit(t *testing.T) {
	const address, messages = "anna@new.example", 7_000 // three requests each
	server := graphserver.Start(t)
	box := server.Mailbox(address)
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{URL: server.URL(), Tokens: server})
		if err != nil {
			t.Fatal(err)
		}
		s.http = &http.Client{Transport: direct{server}}
		server.Behave(graphserver.Habits{Requests: 10_000, RequestsWithin: requestsWithin})
		began := time.Now()
		copyThrough(t, s, address, 0, messages)
		took := time.Since(began)
		refused, busiest := server.Limits()
		t.Logf("%d messages took %s, where the limit allows %s; %d requests were refused", messages, took, 2*requestsWithin, refused)
		if n := len(box.Messages("INBOX")); n != messages {
			t.Errorf("%d messages arrived, want %d", n, messages)
		}
		if least := 2 * requestsWithin; took < least || took > least*21/20 || refused != 0 || busiest > atOnce {
			t.Errorf("it took %s, want a little more than %s; %d were refused, up to %d at one time", took, least, refused, busiest)
		}
	})
}
