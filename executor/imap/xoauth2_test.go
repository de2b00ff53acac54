package imap_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// tokens hands out one token after the other, each as long as the server does not refuse it.
type tokens struct {
	mu   sync.Mutex
	all  []string
	err  error
	left time.Duration
}

func (s *tokens) Token(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[0], s.err
}

func (s *tokens) Left(string) time.Duration { return s.left }

func (s *tokens) Refused(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 1 || s.all[0] != token {
		return false
	}
	s.all = s.all[1:]
	return true
}

// canaryToken has the length of a real one.
var canaryToken = canary + strings.Repeat("t", 2400)

func withToken(f *fake, all ...string) imap.Options {
	o := f.options()
	o.Login = imap.Login{User: "anna@new.example", Tokens: &tokens{all: all}}
	o.Habits = imap.Microsoft365()
	return o
}

func bearer(user, token string) string {
	return base64.StdEncoding.EncodeToString([]byte("user=" + user + "\x01auth=Bearer " + token + "\x01\x01"))
}

const (
	exchangeBefore = "IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
	notConnected   = "%s BAD User is authenticated but not connected.\r\n* BYE Connection closed. 14\r\n"
)

// challenged plays a refusal with the challenge that explains it (hard case A01).
func challenged(explanation string) func(*peer) {
	return func(p *peer) {
		p.say("+ %s\r\n", base64.StdEncoding.EncodeToString([]byte(explanation)))
		line, _ := p.r.ReadString('\n')
		p.mu.Lock()
		p.lines = append(p.lines, fmt.Sprintf("answered %q", line))
		p.mu.Unlock()
		p.say("%s NO AUTHENTICATE failed.\r\n", p.tag)
	}
}

// TestXOAUTH2 signs in with a token: in one line, and after the server's consent.
func TestXOAUTH2(t *testing.T) {
	for name, caps := range map[string]string{"initial response": exchangeBefore,
		"asked for": strings.Replace(exchangeBefore, " SASL-IR", "", 1)} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.caps = caps
			want := "AUTHENTICATE XOAUTH2 " + bearer("anna@new.example", canaryToken)
			if name == "asked for" {
				want = "AUTHENTICATE XOAUTH2\n" + bearer("anna@new.example", canaryToken)
				f.on["AUTHENTICATE"] = func(p *peer) {
					p.say("+ \r\n")
					line, _ := p.r.ReadString('\n')
					p.mu.Lock()
					p.lines = append(p.lines, strings.TrimSpace(line))
					p.mu.Unlock()
					p.ok()
				}
			}
			var trace bytes.Buffer
			o := withToken(f, canaryToken)
			o.Trace = &trace
			s, err := imap.DialSource(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			_ = s.Close()
			if got := strings.Join(f.commands(), "\n"); !strings.Contains(strings.ReplaceAll(got, "XOAUTH2 \n", "XOAUTH2\n"), want) {
				t.Errorf("commands\n%s\nwant\n%s", got, want)
			}
			if text := trace.String(); strings.Contains(text, canary) || strings.Contains(text, bearer("anna@new.example", canaryToken)) {
				t.Errorf("the token is in the trace:\n%s", text)
			}
			if s.SignIn() != "AUTHENTICATE XOAUTH2" {
				t.Errorf("signed in by %s", s.SignIn())
			}
		})
	}
}

// refusedToken is a sign-in with a token that fails.
type refusedToken struct {
	name     string
	sign, on func(*peer) // AUTHENTICATE, NAMESPACE
	kind     mail.Kind
	code     mail.Code
	says     string
}

func (c refusedToken) run(t *testing.T) {
	f := newFake(t)
	f.caps = exchangeBefore
	if c.sign != nil {
		f.on["AUTHENTICATE"] = c.sign
	}
	if c.on != nil {
		f.on["NAMESPACE"] = c.on
	}
	var trace bytes.Buffer
	o := withToken(f, canaryToken)
	o.Trace = &trace
	_, err := imap.DialSource(t.Context(), o)
	if mail.KindOf(err) != c.kind || mail.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
		t.Errorf("%v: %v %v, want %v %v and %q", err, mail.KindOf(err), mail.CodeOf(err), c.kind, c.code, c.says)
	}
	if text := fmt.Sprintf("%v %+v %#v", err, err, err) + trace.String(); strings.Contains(text, canaryToken) {
		t.Errorf("the token is told: %s", text)
	}
	if got := strings.Join(f.commands(), "\n"); strings.HasPrefix(c.name, "explained") && !strings.Contains(got, `answered "\r\n"`) {
		t.Errorf("the challenge was not answered with an empty line: %s", got)
	}
}

// TestHardCase_A01_TokenRefused: a server that refuses a token may first explain it in a challenge, and waits for an answer to that;
// clients that give none hang. It gets an empty line; each refusal has its code, and neither
// error nor trace tells the token.
func TestHardCase_A01_TokenRefused(t *testing.T) {
	refused := func(text string) func(*peer) { return func(p *peer) { p.say("%s %s\r\n", p.tag, text) } }
	for _, tt := range []refusedToken{
		{name: "explained", sign: challenged(`{"status":"401","schemes":"bearer","scope":"x"}`), kind: mail.Auth, code: mail.CodeM365Token, says: "401"},
		{name: "explained with a number", sign: challenged(`{"status":400}`), kind: mail.Auth, code: mail.CodeM365Token, says: "400"},
		{name: "explained with the token", sign: challenged(`{"status":"` + canary + `"}`), kind: mail.Auth, code: mail.CodeM365SignIn},
		{name: "explained with nonsense", sign: challenged("\x00\xff"), kind: mail.Auth, code: mail.CodeM365SignIn},
		{name: "not explained", sign: refused("NO AUTHENTICATE failed."), kind: mail.Auth, code: mail.CodeM365SignIn},
		{name: "BAD", sign: refused("BAD Command Error. 12"), kind: mail.Auth, code: mail.CodeM365SignIn},
		{name: "token repeated", sign: refused("NO no " + canaryToken), kind: mail.Auth, code: mail.CodeM365SignIn},
		{name: "throttled", sign: refused("NO Request is throttled. Suggested Backoff Time: 4000 milliseconds"), kind: mail.Throttled, code: mail.CodeIMAPThrottled},
		{name: "not connected", on: func(p *peer) { p.say(notConnected, p.tag) }, kind: mail.Auth, code: mail.CodeM365Denied, says: "Add-MailboxPermission -Identity anna@new.example "},
		{name: "not connected, untagged", on: func(p *peer) { p.say(notConnected, "*") }, kind: mail.Auth, code: mail.CodeM365Denied, says: "Add-MailboxPermission"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// TestTokenIsRenewed: a token that the server does not take any more is followed by the next one, once.
func TestTokenIsRenewed(t *testing.T) {
	f := newFake(t)
	f.caps = exchangeBefore
	f.on["AUTHENTICATE"] = func(p *peer) {
		if strings.Contains(p.rest, bearer("anna@new.example", "third")) {
			p.ok()
			return
		}
		p.say("%s NO AUTHENTICATE failed.\r\n", p.tag)
	}
	s, err := imap.DialSource(t.Context(), withToken(f, "second", "third"))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	_, err = imap.DialSource(t.Context(), withToken(f, "first", "second", "third"))
	if n := strings.Count(strings.Join(f.commands(), "\n"), "AUTHENTICATE"); mail.CodeOf(err) != mail.CodeM365SignIn || n != 4 {
		t.Errorf("%v after %d tries", err, n)
	}
}

// TestHardCase_A04_TokenAboutToEnd: a session whose token ends within a minute sends nothing more, and says that it is over; what it was
// given is absent, not in doubt.
func TestHardCase_A04_TokenAboutToEnd(t *testing.T) {
	for left, want := range map[time.Duration]mail.Outcome{0: mail.Landed, time.Hour: mail.Landed, 50 * time.Second: mail.Absent} {
		f := newFake(t)
		f.caps = exchangeBefore
		o := withToken(f)
		o.Login.Tokens = &tokens{all: []string{canaryToken}, left: left}
		d, err := imap.DialDestination(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		res := &results{}
		err = d.Append(t.Context(), inbox, []mail.Outgoing{outgoing(1, "a mail", mail.Flags{})}, res.done)
		if want == mail.Absent && mail.KindOf(err) != mail.Transient || want == mail.Landed && err != nil {
			t.Errorf("%v left: %v", left, err)
		}
		_ = d.Drain(t.Context()) // the session may be dead
		_ = d.Close()            // likewise
		if len(res.all) != 1 || res.all[0].Outcome != want || strings.Contains(f.sent(), "APPEND") != (want == mail.Landed) {
			t.Errorf("%v left: %+v, want outcome %d", left, res.all, want)
		}
	}
}

// TestNoToken: what the source of tokens says comes back as it is, and nobody is connected to.
func TestNoToken(t *testing.T) {
	f := newFake(t)
	want := &mail.Error{Op: "get an access token", Kind: mail.Auth, Code: mail.CodeOAuthSecret}
	o := withToken(f)
	o.Login.Tokens = &tokens{all: []string{""}, err: want}
	if _, err := imap.DialSource(t.Context(), o); !errors.Is(err, error(want)) || f.sent() != "" {
		t.Errorf("%v, sent %q", err, f.sent())
	}
	f.caps = rev1
	if _, err := imap.DialSource(t.Context(), withToken(f, canaryToken)); mail.CodeOf(err) != mail.CodeIMAPSignInMethod {
		t.Errorf("a server without XOAUTH2: %v", err)
	}
}

// TestMicrosoft365Habits: IMAP4rev2 is not used though it is announced alone, keywords are left out though the folder
// does not say so, \Flagged is set again after APPEND, and the limits know the names that can't be made.
func TestMicrosoft365Habits(t *testing.T) {
	f := newFake(t)
	f.caps = exchangeBefore
	f.on["AUTHENTICATE"] = func(p *peer) {
		p.caps = "IMAP4rev2 LITERAL+ UIDPLUS UNSELECT NAMESPACE" // no rev1: nothing but the habit keeps it from being used
		p.ok()
	}
	f.on["SELECT"] = says("* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 10] n\r\n")
	f.on["UID STORE"] = says("")
	d, err := imap.DialDestination(t.Context(), withToken(f, canaryToken))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx := t.Context()
	if _, err := d.Folders(ctx); err != nil {
		t.Error(err)
	}
	o, err := d.Open(ctx, inbox)
	if err != nil || !o.Known || o.AnyKeyword {
		t.Errorf("opened %+v, %v", o, err)
	}
	res := &results{}
	flags := mail.ParseFlags([]string{`\Seen`, `\Flagged`, "$MDNSent", "Label"})
	if err := d.Append(ctx, inbox, []mail.Outgoing{outgoing(1, "a mail", flags)}, res.done); err != nil {
		t.Error(err)
	}
	if err := d.Drain(ctx); err != nil {
		t.Error(err)
	}
	l, err := d.Limits(ctx)
	if err != nil || l.KeepsBytes || !l.Names.FoldCase || l.Names.Delimiter != "/" || len(l.Names.Reserved) == 0 {
		t.Errorf("limits %+v, %v", l, err)
	}
	got := strings.Join(f.commands(), "\n")
	for _, want := range []string{"LIST \"\" \"*\"\n", `APPEND "INBOX" (\Seen \Flagged) "04-Mar`, `UID STORE 11 +FLAGS.SILENT (\Flagged)`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
