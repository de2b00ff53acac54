package graph_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/graphserver"
	"mailhaul/executor/graph"
	"mailhaul/state/mail"
)

// TestSignInRefusals: each cause has its own code, none is tried again for ever, and none shows a token.
func TestSignInRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		habits graphserver.Habits
		change func(*graph.Options)
		kind   mail.Kind
		code   mail.Code
	}{
		"no such user":     {graphserver.Habits{Missing: true}, nil, mail.Auth, mail.CodeM365Missing},
		"no licence":       {graphserver.Habits{Unlicensed: true}, nil, mail.Auth, mail.CodeM365Licence},
		"no permission":    {graphserver.Habits{Denied: true}, nil, mail.Auth, mail.CodeGraphDenied},
		"token refused":    {graphserver.Habits{}, func(o *graph.Options) { o.Tokens = fixed{"CANARY", nil} }, mail.Auth, mail.CodeGraphSignIn},
		"no token":         {graphserver.Habits{}, func(o *graph.Options) { o.Tokens = fixed{"", errors.New("refused")} }, mail.Auth, mail.CodeGraphSignIn},
		"throttled":        {graphserver.Habits{ThrottleEvery: 1, RetryAfter: 7}, nil, mail.Throttled, mail.CodeGraphThrottled},
		"not trusted":      {graphserver.Habits{}, func(o *graph.Options) { o.RootCAs = x509.NewCertPool() }, mail.Auth, mail.CodeGraphTLS},
		"nobody is there":  {graphserver.Habits{}, func(o *graph.Options) { o.URL = "https://127.0.0.1:1" }, mail.Transient, mail.CodeGraphConnect},
		"something else":   {graphserver.Habits{}, func(o *graph.Options) { o.URL += "/elsewhere" }, mail.Auth, mail.CodeM365Missing},
		"a redirect":       {graphserver.Habits{Redirect: "https://127.0.0.1:1"}, nil, mail.Auth, mail.CodeGraphProtocol},
		"answers are lost": {graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{"get folder": {1: graphserver.LoseBefore}}}, nil, mail.Transient, mail.CodeGraphLost},
	} {
		t.Run(name, func(t *testing.T) {
			s := graphserver.Start(t)
			s.Mailbox(anna)
			s.Behave(tt.habits)
			opts := options(s)
			if tt.change != nil {
				tt.change(&opts)
			}
			_, err := service(t, opts).Destination(t.Context(), anna)
			if mail.KindOf(err) != tt.kind || mail.CodeOf(err) != tt.code && name != "something else" {
				t.Errorf("got %v, %s: %v", mail.KindOf(err), mail.CodeOf(err), err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "CANARY") || strings.Contains(text, "Bearer") || strings.Contains(text, "token-") {
				t.Errorf("the error shows the token: %s", text)
			}
		})
	}
}

// fixed gives one token, or none.
type fixed struct {
	token string
	err   error
}

func (f fixed) Token(context.Context) (string, error) { return f.token, f.err }
func (f fixed) Refused(string) bool                   { return false }

// TestWritingRefused: reading may work where writing does not. Then nothing is left where people look, the rest of the
// batch is not tried, and the code says what is missing.
func TestWritingRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		habits graphserver.Habits
		kind   mail.Kind
		code   mail.Code
	}{
		"read only":     {graphserver.Habits{ReadOnly: true}, mail.Auth, mail.CodeGraphDenied},
		"no importMime": {graphserver.Habits{NoImport: true}, mail.Auth, mail.CodeGraphImport},
		"full":          {graphserver.Habits{Quota: 1}, mail.Quota, mail.CodeQuotaFull},
	} {
		s := server(t)
		b := s.Mailbox(anna)
		d, f := opened(t, service(t, options(s)))
		s.Behave(tt.habits)
		got := appended(t.Context(), d, f, outgoing(40, mail.Flags{}))
		for id, a := range got {
			if a.Outcome != mail.Absent || mail.KindOf(a.Err) != tt.kind || mail.CodeOf(a.Err) != tt.code {
				t.Errorf("%s: message %d: %+v", name, id, a)
			}
		}
		if n := s.Requests("importMime"); len(got) != 40 || n > 4 || len(b.Messages("INBOX")) != 0 {
			t.Errorf("%s: %d answers, %d imports", name, len(got), n)
		}
	}
}

// TestAddresses that can't be used are refused before anything is sent.
func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "graph.microsoft.com", "http://graph.microsoft.com", "https://user:CANARY@graph.microsoft.com"} {
		_, err := graph.New(graph.Options{URL: address})
		if mail.KindOf(err) != mail.Auth || strings.Contains(fmt.Sprint(err), "CANARY") {
			t.Errorf("%q gave %v", address, err)
		}
	}
}

// withdrawn gives the server's token until it is taken back: then one that is good for nothing, and the authority has no
// better one.
type withdrawn struct {
	*graphserver.Server
	gone *bool
}

func (w withdrawn) Token(ctx context.Context) (string, error) {
	if *w.gone {
		return "CANARY", nil
	}
	return w.Server.Token(ctx)
}

func (w withdrawn) Refused(string) bool { return false }

// TestTokensWithdrawn: a token that is refused in the middle of a session may have run out, so a new session asks for
// another. Where that one is refused too nobody can sign in, however well the mailbox was known before.
func TestTokensWithdrawn(t *testing.T) {
	s := graphserver.Start(t)
	s.Mailbox(anna)
	opts, gone := options(s), false
	opts.Tokens = withdrawn{s, &gone}
	g := service(t, opts)
	d, err := g.Destination(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	gone = true
	if _, err := d.Folders(t.Context()); mail.KindOf(err) != mail.Transient || mail.CodeOf(err) != mail.CodeGraphSignIn {
		t.Errorf("in the middle of a session: %v, %s", mail.KindOf(err), mail.CodeOf(err))
	}
	for range 2 { // one that remembers the mailbox, and one that looks around anew
		d, err := g.Destination(t.Context(), anna)
		if err == nil {
			_, err = d.Folders(t.Context())
		}
		if mail.KindOf(err) != mail.Auth || mail.CodeOf(err) != mail.CodeGraphSignIn {
			t.Errorf("in a new session: %v, %s", mail.KindOf(err), mail.CodeOf(err))
		}
	}
}
