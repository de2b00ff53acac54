package imap_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// hiddenName is a name to sign in with that must show up nowhere.
const hiddenName = "hush-4R"

// secrets are the forms in which the password could leave.
func secrets() []string {
	return []string{canary, hiddenName, base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + canary)), base64.StdEncoding.EncodeToString([]byte(canary))}
}

func assertNoSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range secrets() {
		if strings.Contains(text, s) {
			t.Errorf("the password is in %s: %q", where, text)
		}
	}
}

// TestHardCase_P17_Greetings: what greets is no IMAP server, not one that lets us in, or one that says we are in already, by
// which somebody in between kept passwords in plain text (CVE-2020-28896). It ends there, and nothing was sent.
func TestHardCase_P17_Greetings(t *testing.T) {
	for _, c := range []struct {
		name, greeting string
		code           mail.Code
	}{
		{"BYE", "* BYE closed for repairs\r\n", mail.CodeIMAPGreeting},
		{"BYE, too many", "* BYE Too many connections from your IP\r\n", mail.CodeIMAPConnections},
		{"PREAUTH", "* PREAUTH welcome back\r\n", mail.CodeIMAPPlaintext},
		{"SMTP", "220 mail.example ESMTP\r\n", mail.CodeIMAPGreeting},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", mail.CodeIMAPGreeting},
		{"garbage", "\x16\x03\x01\x00\x02\x02\x28\n", mail.CodeIMAPGreeting},
		{"tagged OK", "a1 OK hello\r\n", mail.CodeIMAPGreeting},
		{"endless", strings.Repeat("x", 2<<20), mail.CodeIMAPGreeting},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.greeting = c.greeting
			_, err := imap.DialSource(context.Background(), f.options())
			if mail.CodeOf(err) != c.code {
				t.Errorf("error %v (%v), want %v", err, mail.CodeOf(err), c.code)
			}
			if got := f.sent(); got != "" {
				t.Errorf("sent %q", got)
			}
		})
	}
}

// TestHardCase_P17_NoGreeting: a server that says nothing is not waited for without end, and told nothing.
func TestHardCase_P17_NoGreeting(t *testing.T) {
	f := newFake(t)
	f.greeting = ""
	o := f.options()
	o.Timeouts.Progress = 100 * time.Millisecond
	_, err := imap.DialSource(context.Background(), o)
	if mail.CodeOf(err) != mail.CodeIMAPTimeout || f.sent() != "" {
		t.Errorf("error %v, sent %q", err, f.sent())
	}
}

// authLogin plays the LOGIN mechanism with prompts of its own.
func authLogin(p *peer) {
	for _, prompt := range []string{"VXNlciBOYW1lAA==", "UGFzc3dvcmQA"} {
		p.say("+ %s\r\n", prompt)
		line, _ := p.r.ReadString('\n')
		word, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		p.mu.Lock()
		p.lines = append(p.lines, string(word))
		p.mu.Unlock()
	}
	p.ok()
}

// TestHardCase_A09_RefusedOnce: servers lock an account after a few wrong passwords, and some call a wrong password a
// temporary trouble. Whatever the refusal says, the password is sent once, and trouble of the server is told apart from a
// refused password. Neither error nor trace repeats the secret.
func TestHardCase_A09_RefusedOnce(t *testing.T) {
	for _, c := range []struct {
		answer string
		authz  string
		kind   mail.Kind
		code   mail.Code
	}{
		{"NO [AUTHENTICATIONFAILED] no", "", mail.Auth, mail.CodeIMAPLogin},
		{"NO no", "", mail.Auth, mail.CodeIMAPLogin},
		{"BAD no", "", mail.Auth, mail.CodeIMAPLogin},
		{"NO [AUTHORIZATIONFAILED] no", "bo", mail.Auth, mail.CodeIMAPAdmin},
		{"NO [UNAVAILABLE] later", "", mail.Transient, mail.CodeIMAPUnavailable},
		{"NO [LIMIT] Too many simultaneous connections. (Failure)", "", mail.Throttled, mail.CodeIMAPConnections},
		{`NO [Error="Microsoft.Exchange.Data.Storage.WrongServerException: [x]" Proxy=y] wrong`, "", mail.Transient, mail.CodeIMAPUnavailable},
		{"NO wrong password " + canary, "", mail.Auth, mail.CodeIMAPLogin},
		{"NO there is no " + hiddenName, "", mail.Auth, mail.CodeIMAPLogin},
		{"NO", "", mail.Auth, mail.CodeIMAPLogin},
	} {
		t.Run(c.answer, func(t *testing.T) {
			f := newFake(t)
			f.on["AUTHENTICATE"] = func(p *peer) { p.say("%s %s\r\n", p.tag, c.answer) }
			o := f.options()
			o.Login.AuthzID, o.Login.Hidden = c.authz, hiddenName
			var trace bytes.Buffer
			o.Trace = &trace
			_, err := imap.DialSource(context.Background(), o)
			if mail.KindOf(err) != c.kind || mail.CodeOf(err) != c.code {
				t.Errorf("%v: %v %v, want %v %v", err, mail.KindOf(err), mail.CodeOf(err), c.kind, c.code)
			}
			assertNoSecret(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))
			assertNoSecret(t, "the trace", trace.String())
			if n := strings.Count(strings.Join(f.commands(), "\n"), "AUTHENTICATE"); n != 1 {
				t.Errorf("the password was tried %d times", n)
			}
		})
	}
}

// TestHardCase_P23_CapabilitiesAfterSignIn: servers announce other capabilities once somebody has signed in. They are asked
// for again, and the new ones are used.
func TestHardCase_P23_CapabilitiesAfterSignIn(t *testing.T) {
	f := newFake(t)
	f.caps = "IMAP4rev1 AUTH=PLAIN STARTTLS"
	f.on["AUTHENTICATE"] = func(p *peer) {
		p.say("+ \r\n")
		_, _ = p.r.ReadString('\n')
		p.caps = "IMAP4rev1 LITERAL+ LIST-EXTENDED SPECIAL-USE"
		p.ok()
	}
	if _, err := f.source(t).Folders(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.commands(), "\n"); !strings.Contains(got, `LIST "" "*" RETURN (SPECIAL-USE)`) {
		t.Error(got)
	}
}

func TestLoginIsNotShown(t *testing.T) {
	o := imap.Options{Login: imap.Login{User: "anna", Password: canary}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		assertNoSecret(t, verb, fmt.Sprintf(verb, o.Login)+fmt.Sprintf(verb, &o.Login)+fmt.Sprintf(verb, o))
	}
	text, err := json.Marshal(o.Login)
	if err != nil {
		t.Error(err)
	}
	assertNoSecret(t, "JSON", string(text))
}

// TestTrace goes through a whole session with every secret method and looks for the password and the mail in the trace.
func TestTrace(t *testing.T) {
	for _, caps := range []string{rev1, "IMAP4rev1 AUTH=PLAIN", "IMAP4rev1", "IMAP4rev1 LOGINDISABLED AUTH=LOGIN"} {
		f := newFake(t)
		f.caps = caps
		f.on["UID FETCH"] = says("* 1 FETCH (UID 1 FLAGS () BODY[] {17}\r\nsubject-canary-7Q)\r\n")
		if !strings.Contains(caps, "SASL-IR") {
			f.on["AUTHENTICATE"] = func(p *peer) { p.say("+ \r\n"); _, _ = p.r.ReadString('\n'); p.ok() }
		}
		if strings.Contains(caps, "AUTH=LOGIN") {
			f.on["AUTHENTICATE"] = authLogin
		}
		f.on["LIST"] = says("* LIST () \"/\" \"x\x1b]52;\"\r\n")
		var trace bytes.Buffer
		o := f.options()
		o.Trace = &trace
		d, err := imap.DialDestination(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		if _, err := d.Folders(ctx); err != nil {
			t.Error(err)
		}
		if err := d.Fetch(ctx, inbox, []mail.UID{1}, newSink()); err != nil {
			t.Error(err)
		}
		res := &results{}
		if err := d.Append(ctx, inbox, []mail.Outgoing{outgoing(1, "subject-canary-7Q", mail.Flags{})}, res.done); err != nil {
			t.Error(err)
		}
		_ = d.Drain(ctx)
		_ = d.Close()
		got := trace.String()
		assertNoSecret(t, "the trace", got)
		for _, want := range []string{"***", "UID FETCH", "<17 octets>", `x\x1b]52;`, "APPEND"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	}
}

// TestHardCase_P18_EndsBeforeSignIn: the server greets, or asks for more, and ends the connection before the client has
// answered. The sign-in fails, and at once: nothing waits for an answer that can't come.
func TestHardCase_P18_EndsBeforeSignIn(t *testing.T) {
	for name, end := range map[string]func(f *fake){
		"behind the greeting": func(f *fake) { f.greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n!" },
		"BYE behind greeting": func(f *fake) { f.greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n* BYE too many\r\n!" },
		"behind a continuation": func(f *fake) {
			f.greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"
			f.on["AUTHENTICATE"] = func(p *peer) { p.say("+ \r\n"); p.hangUp() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 50 {
				f := newFake(t)
				end(f)
				_, err := imap.DialSource(context.Background(), f.options())
				if k := mail.KindOf(err); err == nil || k != mail.Transient && k != mail.Throttled {
					t.Fatalf("signed in: %v", err)
				}
			}
		})
	}
}

// hangUp ends the connection in order: what the client writes still goes somewhere.
func (p *peer) hangUp() {
	_ = p.conn.(*net.TCPConn).CloseWrite() // a connection that has gone already needs none
	_, _ = io.Copy(io.Discard, p.conn)     // until the client hangs up too
	p.r.Reset(p)
}
