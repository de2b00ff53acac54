package imap_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// secrets are the forms in which the password could leave.
func secrets() []string {
	return []string{canary, base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + canary)), base64.StdEncoding.EncodeToString([]byte(canary))}
}

func assertNoSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range secrets() {
		if strings.Contains(text, s) {
			t.Errorf("the password is in %s: %q", where, text)
		}
	}
}

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

// TestHardCase_P23_Stripping plays the tricks by which a password would go out in plain text.
func TestHardCase_P23_Stripping(t *testing.T) {
	for _, c := range []struct {
		name     string
		greeting string
		startTLS string // after the tag's OK or instead of it; %s is the tag
		code     mail.Code
	}{
		{"STARTTLS refused", "* OK hi\r\n", "%s NO not here\r\n", mail.CodeIMAPPlaintext},
		{"STARTTLS unknown", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", "%s BAD what\r\n", mail.CodeIMAPPlaintext},
		{"PREAUTH", "* PREAUTH hi\r\n", "%s OK\r\n", mail.CodeIMAPPlaintext},
		{"answers injected behind OK", "* OK hi\r\n", "%s OK go\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\r\nA1 OK\r\n", mail.CodeIMAPPlaintext},
		{"OK but plain text goes on", "* OK hi\r\n", "%s OK go\r\n|* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", mail.CodeIMAPTLS},
		{"OK and closed", "* OK hi\r\n", "%s OK go\r\n!", mail.CodeIMAPLost},
		{"guessed tag", "* OK hi\r\n", "T1 OK go\r\n", mail.CodeIMAPProtocol},
		{"BYE", "* OK hi\r\n", "* BYE no TLS today\r\n", mail.CodeIMAPLost},
		{"untagged BAD", "* OK hi\r\n", "* BAD no TLS today\r\n", mail.CodeIMAPProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.greeting = c.greeting
			f.on["STARTTLS"] = func(p *peer) {
				now, later, _ := strings.Cut(strings.ReplaceAll(c.startTLS, "%s", p.tag), "|")
				p.say("%s", strings.TrimSuffix(now, "!"))
				if strings.HasSuffix(now, "!") {
					_ = p.conn.Close()
				}
				if later != "" {
					_, _ = p.r.Peek(1) // the client has begun its handshake
					p.say("%s", later)
				}
			}
			o := f.options()
			o.TLS = imap.TLSStart
			_, err := imap.DialSource(context.Background(), o)
			if mail.CodeOf(err) != c.code {
				t.Errorf("error %v (%v), want %v", err, mail.CodeOf(err), c.code)
			}
			assertNoSecret(t, "what was sent", f.sent())
			if strings.Contains(f.sent(), "AUTHENTICATE") || strings.Contains(f.sent(), "LOGIN") {
				t.Errorf("sign-in began: %q", f.sent())
			}
		})
	}
}

// certificate makes a certificate of its own for the name.
func certificate(t *testing.T, name string, expires time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: expires, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// tlsFake serves over TLS with the certificate.
func tlsFake(t *testing.T, cert tls.Certificate) (*fake, imap.Options) {
	f := newFake(t)
	o := f.options()
	o.Host, o.TLS = "mail.example", imap.TLSImplicit
	o.RootCAs = x509.NewCertPool()
	f.tls = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	dial := o.Dial
	o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, f.listener.Addr().String())
	}
	return f, o
}

func TestCertificates(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	for _, c := range []struct {
		name    string
		host    string
		expires time.Time
		trust   bool
		pin     string // "right" or "wrong"
		says    string // empty: it works
	}{
		{name: "trusted", host: "mail.example", expires: tomorrow, trust: true},
		{name: "unknown issuer", host: "mail.example", expires: tomorrow, says: "ca_file"},
		{name: "wrong name", host: "other.example", expires: tomorrow, trust: true, says: "not for mail.example"},
		{name: "expired", host: "mail.example", expires: time.Now().Add(-time.Hour), trust: true, says: "expired"},
		{name: "pinned", host: "other.example", expires: time.Now().Add(-time.Hour), pin: "right"},
		{name: "another is pinned", host: "mail.example", expires: tomorrow, trust: true, pin: "wrong", says: "not the pinned one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert := certificate(t, c.host, c.expires)
			f, o := tlsFake(t, cert)
			if c.trust {
				o.RootCAs.AddCert(cert.Leaf)
			}
			sum := sha256.Sum256(cert.Leaf.Raw)
			switch c.pin {
			case "right":
				o.PinSHA256 = []string{strings.ToUpper(hex.EncodeToString(sum[:]))}
			case "wrong":
				o.PinSHA256 = []string{strings.Repeat("ab", 32)}
			}
			s, err := imap.DialSource(context.Background(), o)
			if err == nil {
				_ = s.Close()
			}
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if mail.CodeOf(err) != mail.CodeIMAPTLS || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(err.Error(), hex.EncodeToString(sum[:])) {
				t.Errorf("error %v (%v)", err, mail.CodeOf(err))
			}
			if f.sent() != "" {
				t.Errorf("sent %q", f.sent())
			}
		})
	}
}

func TestConnectErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	_, err = imap.DialSource(context.Background(), imap.Options{Host: "127.0.0.1", Port: port, TLS: imap.TLSNone})
	if mail.CodeOf(err) != mail.CodeIMAPConnect || !strings.Contains(err.Error(), fmt.Sprintf("127.0.0.1:%d", port)) {
		t.Error(err)
	}
	f := newFake(t)
	o := f.options()
	o.TLS = imap.TLSImplicit
	if _, err = imap.DialSource(context.Background(), o); mail.CodeOf(err) != mail.CodeIMAPTLS || !strings.Contains(err.Error(), "starttls") {
		t.Error(err)
	}
}

// plain is what AUTHENTICATE PLAIN carries.
func plain(authz, user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(authz + "\x00" + user + "\x00" + password))
}

func TestHardCase_A_SignIn(t *testing.T) {
	ask := func(prompt string) func(*peer) {
		return func(p *peer) {
			p.say("%s", prompt)
			line, _ := p.r.ReadString('\n')
			p.mu.Lock()
			p.lines = append(p.lines, strings.TrimSpace(line))
			p.mu.Unlock()
			p.ok()
		}
	}
	long := strings.Repeat("k", 2000)
	for _, c := range []struct {
		name  string
		caps  string
		login imap.Login
		on    func(*peer) // for AUTHENTICATE
		want  []string    // commands of the sign-in
		code  mail.Code
	}{
		{name: "A02 no SASL-IR", caps: "IMAP4rev1 AUTH=PLAIN", on: ask("+ \r\n"), want: []string{"AUTHENTICATE PLAIN", plain("", "anna", canary)}},
		{name: "A02 long", caps: rev1, login: imap.Login{User: "anna", Password: long}, on: ask("+\r\n"),
			want: []string{"AUTHENTICATE PLAIN", plain("", "anna", long)}},
		{name: "A03 bare plus", caps: "IMAP4rev1 AUTH=PLAIN", on: ask("+\r\n"), want: []string{"AUTHENTICATE PLAIN", plain("", "anna", canary)}},
		{name: "plus with words", caps: "IMAP4rev1 AUTH=PLAIN", on: ask("+ Ready for your data\r\n"),
			want: []string{"AUTHENTICATE PLAIN", plain("", "anna", canary)}},
		{name: "A07 UTF-8", caps: rev1, login: imap.Login{User: "änna", Password: "§"}, want: []string{"AUTHENTICATE PLAIN " + plain("", "änna", "§")}},
		{name: "A08 admin", caps: rev1, login: imap.Login{User: "admin", AuthzID: "bo@x", Password: "pw"},
			want: []string{"AUTHENTICATE PLAIN " + plain("bo@x", "admin", "pw")}},
		{name: "A08 admin without PLAIN", caps: "IMAP4rev1 AUTH=LOGIN", login: imap.Login{User: "admin", AuthzID: "bo@x", Password: "pw"},
			code: mail.CodeIMAPSignInMethod},
		{name: "A06 LOGIN", caps: "IMAP4rev1", login: imap.Login{User: `a"b\c`, Password: `$ "\()*%{ ;/{5}`},
			want: []string{`LOGIN "a\"b\\c" "$ \"\\()*%{ ;/{5}"`}},
		{name: "A07 LOGIN with literal", caps: "IMAP4rev1 LITERAL+", login: imap.Login{User: "anna", Password: "§"}, want: []string{`LOGIN "anna" <§>`}},
		{name: "A07 LOGIN with asked literal", caps: "IMAP4rev1", login: imap.Login{User: "anna", Password: "§"}, want: []string{`LOGIN "anna" <§>`}},
		{name: "LOGINDISABLED", caps: "IMAP4rev1 LOGINDISABLED", code: mail.CodeIMAPSignInMethod},
		{name: "AUTH LOGIN only", caps: "IMAP4rev1 LOGINDISABLED AUTH=LOGIN", on: func(p *peer) { p.say("+ VXNlciBOYW1lAA==\r\n"); ask("+ UGFzc3dvcmQA\r\n")(p) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.caps = c.caps
			if c.on != nil {
				f.on["AUTHENTICATE"] = c.on
			}
			if c.name == "AUTH LOGIN only" {
				f.on["AUTHENTICATE"] = authLogin
				c.want = []string{"AUTHENTICATE LOGIN", "anna", canary}
			}
			o := f.options()
			if c.login.User != "" {
				o.Login = c.login
			}
			s, err := imap.DialSource(context.Background(), o)
			if mail.CodeOf(err) != c.code && (err != nil || c.code != "") {
				t.Fatalf("error %v, want %v", err, c.code)
			}
			if err == nil {
				_ = s.Close()
			}
			if got := strings.Join(f.commands(), "\n"); !strings.Contains(got+"\n", "\n"+strings.Join(c.want, "\n")+"\n") && len(c.want) > 0 {
				t.Errorf("commands\n%s\nwant\n%s", got, strings.Join(c.want, "\n"))
			}
		})
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

func TestSignInRefused(t *testing.T) {
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
		{"NO", "", mail.Auth, mail.CodeIMAPLogin},
	} {
		t.Run(c.answer, func(t *testing.T) {
			f := newFake(t)
			f.on["AUTHENTICATE"] = func(p *peer) { p.say("%s %s\r\n", p.tag, c.answer) }
			o := f.options()
			o.Login.AuthzID = c.authz
			var trace bytes.Buffer
			o.Trace = &trace
			_, err := imap.DialSource(context.Background(), o)
			if mail.KindOf(err) != c.kind || mail.CodeOf(err) != c.code {
				t.Errorf("%v: %v %v, want %v %v", err, mail.KindOf(err), mail.CodeOf(err), c.kind, c.code)
			}
			assertNoSecret(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))
			assertNoSecret(t, "the trace", trace.String())
			if n := strings.Count(strings.Join(f.commands(), "\n"), "AUTHENTICATE"); n != 1 {
				t.Errorf("A09: the password was tried %d times", n)
			}
		})
	}
}

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
