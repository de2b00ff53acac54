package ews_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/ews"
	"mailhaul/state/mail"
)

const (
	anna   = "anna@new.example"
	secret = "s3cret-that-nobody-may-see"
)

// TestEachRefusalSaysItsCause tells apart why a mailbox can't be opened.
func TestEachRefusalSaysItsCause(t *testing.T) {
	basic := func(o *ews.Options) { o.Token, o.Impersonate, o.User, o.Password = nil, false, "admin", secret }
	for _, tt := range []struct {
		name   string
		habits ewsserver.Habits
		change func(*ews.Options)
		code   mail.Code
		kind   mail.Kind
		says   string
	}{
		{"NTLM only, Basic here", ewsserver.Habits{NTLMOnly: true}, basic, mail.CodeEWSSignInMethod, mail.Auth, "Negotiate and NTLM only"},
		{"NTLM only, token here", ewsserver.Habits{NTLMOnly: true}, nil, mail.CodeEWSSignInMethod, mail.Auth, "bearer"},
		{"wrong password", ewsserver.Habits{}, basic, mail.CodeEWSSignIn, mail.Auth, "401"},
		{"wrong token", ewsserver.Habits{}, func(o *ews.Options) {
			o.Token = func(context.Context) (string, error) { return secret, nil }
		}, mail.CodeEWSSignIn, mail.Auth, "401"},
		{"no token", ewsserver.Habits{}, func(o *ews.Options) {
			o.Token = func(context.Context) (string, error) { return "", errors.New("no consent") }
		}, mail.CodeEWSSignIn, mail.Auth, "no consent"},
		{"token refused with a code of its own", ewsserver.Habits{}, func(o *ews.Options) {
			o.Token = func(context.Context) (string, error) {
				return "", &mail.Error{Op: "get a token", Kind: mail.Transient, Code: "OAUTH-ELSEWHERE"}
			}
		}, "OAUTH-ELSEWHERE", mail.Transient, "get a token"},
		{"EWS off", ewsserver.Habits{Off: true}, nil, mail.CodeEWSSwitchedOff, mail.Auth, `use the transport "imap"`},
		{"403 for want of a right", ewsserver.Habits{Forbidden: `2000001;reason="The application has insufficient permissions.";error_category="invalid_grant"`},
			nil, mail.CodeEWSDenied, mail.Auth, "insufficient"},
		{"403 that names EWS", ewsserver.Habits{Forbidden: "EWS access is denied: EWS is blocked for this organization"}, nil,
			mail.CodeEWSSwitchedOff, mail.Auth, "blocked"},
		{"no mailbox", ewsserver.Habits{Missing: true}, nil, mail.CodeEWSMailbox, mail.Auth, "no mailbox"},
		{"no impersonation", ewsserver.Habits{Denied: true}, nil, mail.CodeEWSImpersonation, mail.Auth, "impersonate"},
		{"no rights", ewsserver.Habits{Denied: true}, func(o *ews.Options) { o.Impersonate = false }, mail.CodeEWSDenied, mail.Auth, "denied"},
		{"busy", ewsserver.Habits{Busy: ewsserver.BusyFault, BackOff: 7 * time.Second}, nil, mail.CodeEWSThrottled, mail.Throttled, "ErrorServerBusy"},
		{"unknown issuer", ewsserver.Habits{}, func(o *ews.Options) { o.RootCAs = nil }, mail.CodeEWSTLS, mail.Auth, "certificate"},
		{"nobody there", ewsserver.Habits{}, func(o *ews.Options) { o.URL = "https://" + closedPort(t) + "/" }, mail.CodeEWSConnect, mail.Transient, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := server(t)
			s.User("admin", "another")
			s.Mailbox(anna)
			s.Behave(tt.habits)
			opts := options(s)
			if tt.change != nil {
				tt.change(&opts)
			}
			_, err := service(t, opts).Destination(t.Context(), anna)
			wantError(t, err, tt.code, tt.kind)
			if err != nil && (!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), secret)) {
				t.Errorf("the error is %q, want one that says %q and no secret", err, tt.says)
			}
			if e := (*mail.Error)(nil); errors.As(err, &e) && e.Wait != tt.habits.BackOff {
				t.Errorf("waits %s, want %s", e.Wait, tt.habits.BackOff)
			}
		})
	}
}

func wantError(t *testing.T, err error, code mail.Code, kind mail.Kind) {
	t.Helper()
	if mail.CodeOf(err) != code || mail.KindOf(err) != kind || err == nil {
		t.Errorf("got %v, %s, %v; want %s, %v", mail.KindOf(err), mail.CodeOf(err), err, kind, code)
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestATokenEndsBeforeItsTime: whoever gives the tokens hears of one that the server takes no more, in the middle of a session
// and at the beginning of one, and the session after that goes on with the next.
func TestATokenEndsBeforeItsTime(t *testing.T) {
	s := server(t)
	s.Mailbox(anna)
	s.Mailbox("bo@new.example")
	var good, given atomic.Int64
	name := func(n int64) string { return fmt.Sprint("token of the authority ", n) }
	s.Admit(func(token string) bool { return token == name(good.Load()) })
	opts := options(s)
	opts.Token = func(context.Context) (string, error) { return name(given.Load()), nil }
	opts.Refused = func(token string) bool { return token == name(given.Load()) && given.Add(1) > 0 }
	e := service(t, opts)
	d, err := e.Destination(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	good.Add(1)
	_, err = d.Folders(t.Context())
	wantError(t, err, mail.CodeEWSSignIn, mail.Transient)
	if d, err = e.Destination(t.Context(), anna); err == nil {
		_, err = d.Folders(t.Context())
	}
	if err != nil {
		t.Errorf("the session after that: %v", err)
	}
	good.Add(1)
	_, err = e.Destination(t.Context(), "bo@new.example")
	wantError(t, err, mail.CodeEWSSignIn, mail.Transient)
	if _, err := e.Destination(t.Context(), "bo@new.example"); err != nil || given.Load() != 2 {
		t.Errorf("the session of another mailbox after that: %v, by token %d", err, given.Load())
	}
}

// TestPlainHTTPIsRefused before anything is sent.
func TestPlainHTTPIsRefused(t *testing.T) {
	for _, address := range []string{"http://mail.example/EWS/Exchange.asmx", "https://user:pw@mail.example/EWS", "mail.example", "ftp://x/"} {
		if _, err := ews.New(ews.Options{URL: address}); mail.KindOf(err) != mail.Auth || err == nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestRedirectsAreNotFollowed, as credentials would go with them.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var came atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	defer other.Close()
	s := server(t)
	s.Mailbox(anna)
	s.Behave(ewsserver.Habits{Redirect: other.URL})
	_, err := service(t, options(s)).Destination(t.Context(), anna)
	wantError(t, err, mail.CodeEWSProtocol, mail.Auth)
	if n := came.Load(); n != 0 {
		t.Errorf("the other server got %d requests", n)
	}
}

// answering starts a server that answers everything in one way, after it has read the request.
func answering(t *testing.T, answer http.HandlerFunc) ews.Options {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return ews.Options{URL: s.URL, RootCAs: roots, User: "u", Password: secret}
}

// TestStrangeAnswers are told from EWS, and from one another.
func TestStrangeAnswers(t *testing.T) {
	say := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	const soap = `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>`
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		code   mail.Code
		kind   mail.Kind
	}{
		"web page":         {say(200, "text/html", "<html>Outlook"), mail.CodeEWSProtocol, mail.Auth},
		"not found":        {say(404, "text/html", "no"), mail.CodeEWSProtocol, mail.Auth},
		"gateway":          {say(502, "text/html", "no"), mail.CodeEWSUnavailable, mail.Transient},
		"too many":         {say(429, "text/plain", "slow down"), mail.CodeEWSThrottled, mail.Throttled},
		"no XML":           {say(200, "text/xml", "no < XML"), mail.CodeEWSProtocol, mail.Transient},
		"nothing in it":    {say(200, "text/xml", soap+"</Body></Envelope>"), mail.CodeEWSProtocol, mail.Transient},
		"cut":              {say(200, "text/xml", soap), mail.CodeEWSLost, mail.Transient},
		"no detail":        {say(500, "text/xml", soap+"<Fault><faultstring>no</faultstring></Fault></Body></Envelope>"), mail.CodeEWSUnavailable, mail.Transient},
		"words of EWS off": {say(500, "text/xml", soap+"<Fault><detail><ResponseCode>ErrorAccessDenied</ResponseCode><Message>EWS is disabled for this mailbox.</Message></detail></Fault></Body></Envelope>"), mail.CodeEWSSwitchedOff, mail.Auth},
		"silence": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = readAll(r) // else nobody notices that the client has gone
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // an empty answer might still overtake the end of the connection
		}, mail.CodeEWSTimeout, mail.Transient},
		"connection closed":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, mail.CodeEWSLost, mail.Transient},
		"entities upon entities": {say(200, "text/xml", `<!DOCTYPE x [<!ENTITY a "aaaa">]>`+soap+"&a;</Body></Envelope>"), mail.CodeEWSProtocol, mail.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			opts := answering(t, tt.answer)
			opts.Timeout = time.Minute
			if name == "silence" {
				opts.Timeout = 50 * time.Millisecond
			}
			_, err := service(t, opts).Destination(t.Context(), anna)
			wantError(t, err, tt.code, tt.kind)
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%v shows the password", err)
			}
		})
	}
}

// TestDoubtIsDoubt asks of each way in which a CreateItem can fail whether the messages may be there.
func TestDoubtIsDoubt(t *testing.T) {
	for name, tt := range map[string]struct {
		status  int
		kind    string
		body    string
		outcome mail.Outcome
	}{
		"gateway":         {502, "text/html", "", mail.Unknown},
		"no answer":       {0, "", "", mail.Unknown},
		"no XML":          {200, "text/xml", "<", mail.Unknown},
		"page of a proxy": {200, "text/html", "<html>sign in", mail.Unknown},
		"token refused":   {401, "text/html", "", mail.Absent},
		"forbidden":       {403, "text/html", "", mail.Absent},
		"too many":        {429, "text/html", "", mail.Absent},
		"too large":       {413, "text/html", "", mail.Absent},
		"busy":            {500, "text/xml", fault("ErrorServerBusy"), mail.Absent},
		"schema":          {500, "text/xml", fault("ErrorSchemaValidation"), mail.Absent},
		"internal error":  {500, "text/xml", fault("ErrorInternalServerError"), mail.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			s.Mailbox(anna)
			opts := options(s)
			to := opts.URL
			opts.URL = passing(t, s, func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.Header.Get("Soapaction"), "CreateItem") {
					return false
				}
				_, _ = readAll(r)
				if tt.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
				return true
			}, to)
			d, f := opened(t, service(t, opts))
			var got []mail.Appended
			_ = d.Append(t.Context(), f, outgoing(3, mail.Flags{}), func(a mail.Appended) { got = append(got, a) }) // the fates come through done
			if len(got) != 3 {
				t.Fatalf("%d answers, want 3", len(got))
			}
			for _, a := range got {
				if a.Outcome != tt.outcome || a.Err == nil {
					t.Errorf("%+v, want outcome %v", a, tt.outcome)
				}
			}
		})
	}
}

func fault(code string) string {
	return fmt.Sprintf(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultstring>no</faultstring>`+
		`<detail><ResponseCode>%s</ResponseCode></detail></s:Fault></s:Body></s:Envelope>`, code)
}
