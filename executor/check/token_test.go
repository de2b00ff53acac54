package check

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/state/mail"
)

// remembered gives a token until it is said to be refused, as a cache does, and the next one then.
func remembered(issue func(context.Context) (string, error)) (token func(context.Context) (string, error), refused func(string) bool) {
	var mu sync.Mutex
	var last string
	token = func(ctx context.Context) (_ string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if last == "" {
			last, err = issue(ctx)
		}
		return last, err
	}
	return token, func(old string) bool {
		mu.Lock()
		defer mu.Unlock()
		if last == old {
			last = ""
		}
		return true
	}
}

// TestTakenBackOverHTTPS: a token that the server takes back before its time is given up, and the next one is asked for.
func TestTakenBackOverHTTPS(t *testing.T) {
	for _, protocol := range []string{EWS, Graph} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			x := newWired(t, protocol)
			var ids []string
			at := map[string][]string{}
			for i := range 60 {
				id := fmt.Sprintf("%03d", i)
				ids, at[id] = append(ids, id), []string{id}
			}
			x.fill(ids, at)
			x.misbehave(0, 20, 11)
			x.dst.Token, x.dst.Refused = remembered(x.dst.Token)
			if _, r := x.run(Options{}); r.Err != nil || r.Tally.Same != 60 || r.Fails() {
				t.Errorf("%+v, %v", r.Tally, r.Err)
			}
		})
	}
}

// TestTakenBackOverIMAP is the same at a server that looks at the token anew with each command.
func TestTakenBackOverIMAP(t *testing.T) {
	var mu sync.Mutex
	uses, issued := 0, 0
	profile := imapserver.Exchange()
	profile.Authorize = func(_, token string) imapserver.Entry {
		mu.Lock()
		defer mu.Unlock()
		if uses++; token != fmt.Sprint(issued) || issued == 1 && uses > 7 { // one side has signed in
			return imapserver.WrongToken
		}
		return imapserver.Enter
	}
	s := imapserver.Start(t, profile, imapserver.Options{})
	box := s.Mailbox("anna", "")
	for i := range 60 {
		box.Add("INBOX", imapserver.Message{Octets: []byte(wiredMail(fmt.Sprint(i), "text")), Date: wiredDay})
	}
	at := Server{Host: s.Host(), Port: s.Port(), TLS: TLSNone, User: "anna"}
	at.Token, at.Refused = remembered(func(context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		issued++
		return fmt.Sprint(issued), nil
	})
	inbox := Name{Raw: "INBOX", Path: "INBOX"}
	run := func() (r Result) {
		m := Mailbox{Source: at, Destination: at, Pairs: []Pair{{Sources: []Name{inbox}, Destination: inbox}}}
		if err := Run(t.Context(), []Mailbox{m}, Options{Done: func(done Result) { r = done }}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := run(); r.Err != nil || r.Tally.Same != 60 || issued != 2 {
		t.Errorf("after %d tokens: %+v, %v", issued, r.Tally, r.Err)
	}
	at.Token = func(context.Context) (string, error) { return "CANARY-wrong", nil }
	at.Refused = func(string) bool { return false }
	if r := run(); mail.CodeOf(r.Err) != mail.CodeM365SignIn {
		t.Errorf("a wrong token ends in %v", r.Err)
	}
}
