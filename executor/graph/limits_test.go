package graph

import (
	"fmt"
	"strings"
	"sync"
	"testing"
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
		both.Go(func() { copyThrough(t, s, address, session) })
	}
	both.Wait()
	if refused, busiest := server.Limits(); refused != 0 || busiest > atOnce {
		t.Errorf("%d requests were refused, up to %d were under way at one time", refused, busiest)
	}
	if n := len(box.Messages("INBOX")); n != 80 {
		t.Errorf("%d messages arrived, want 80", n)
	}
}

func copyThrough(t *testing.T, s *Service, address string, session int) {
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
	for i := range 40 {
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
