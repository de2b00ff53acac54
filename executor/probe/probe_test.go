package probe_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/imap"
	"mailhaul/executor/probe"
	"mailhaul/state/mail"
)

const (
	year   = 365 * 24 * time.Hour
	canary = "canary-4711-pass"
)

// polite is what a well-behaved server answers.
func polite() map[string]string {
	return map[string]string{
		"CAPABILITY":   "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 LOGINDISABLED\r\nTAG OK done\r\n",
		"AUTHENTICATE": "+\r\n",
		"STARTTLS":     "TAG OK go\r\n",
		"LOGOUT":       "* BYE\r\nTAG OK\r\n!",
	}
}

// trustedServer is one with a certificate that is right.
func trustedServer(t *testing.T) (*server, probe.Options) {
	t.Helper()
	authority := certificate(t, paper{names: []string{"Contoso Root"}, from: -year, until: 9 * year, authority: true})
	own := certificate(t, paper{names: []string{host, "imap.contoso.example"}, from: -time.Hour, until: year, signer: &authority})
	s := &server{greeting: "* OK ready for you\r\n", answers: polite(), tls: &tls.Config{Certificates: []tls.Certificate{own}}}
	o := s.start(t)
	o.Roots = trusted(authority)
	return s, o
}

// values gives those of a fact of a step.
func values(t *testing.T, r *probe.Report, step, fact string) []string {
	t.Helper()
	for _, s := range r.Steps {
		if s.Name != step {
			continue
		}
		for _, f := range s.Facts {
			if f.Name == fact {
				return f.Values
			}
		}
	}
	t.Errorf("step %q shows no %q: %+v", step, fact, r.Steps)
	return nil
}

func stepNames(r *probe.Report) string {
	var all []string
	for _, s := range r.Steps {
		all = append(all, s.Name)
	}
	return strings.Join(all, " ")
}

// TestWithoutLoginNoPasswordIsSent takes all steps that lead up to a sign-in, and looks at every octet that was sent.
func TestWithoutLoginNoPasswordIsSent(t *testing.T) {
	for _, c := range []struct {
		tls   string
		steps string
		heard []string
	}{
		{imap.TLSImplicit, "dns tcp tls greeting capabilities", []string{"CAPABILITY", "LOGOUT"}},
		{imap.TLSStart, "dns tcp greeting starttls tls capabilities", []string{"CAPABILITY", "STARTTLS", "CAPABILITY", "LOGOUT"}},
	} {
		s, o := trustedServer(t)
		s.starttls, o.TLS = c.tls == imap.TLSStart, c.tls
		r := probe.Run(t.Context(), o)
		if r.Failed() != nil || r.PasswordSent || stepNames(r) != c.steps {
			t.Errorf("%s: steps %q, password sent %t, failed %+v", c.tls, stepNames(r), r.PasswordSent, r.Failed())
		}
		s.listener.Close()
		s.wait.Wait()
		var verbs []string
		for line := range strings.Lines(s.sent()) {
			verbs = append(verbs, strings.Fields(line)[1])
		}
		if diff := cmp.Diff(c.heard, verbs); diff != "" {
			t.Errorf("%s: commands differ (-want +got):\n%s", c.tls, diff)
		}
		if got := values(t, r, probe.StepGreeting, "text"); !slices.Equal(got, []string{"ready for you"}) {
			t.Errorf("greeting %q", got)
		}
		if got := values(t, r, probe.StepTLS, "names"); !slices.Equal(got, []string{host, "imap.contoso.example"}) {
			t.Errorf("names %q", got)
		}
		if got := values(t, r, probe.StepTLS, "chain"); !slices.Equal(got, []string{"Contoso Root (Contoso)"}) {
			t.Errorf("chain %q", got)
		}
		if got := values(t, r, probe.StepCapabilities, "sign-in methods"); !slices.Equal(got, []string{"PLAIN", "XOAUTH2"}) {
			t.Errorf("methods %q", got)
		}
	}
}

// TestCertificates says of each certificate all that is wrong with it, and sends nothing past it.
func TestCertificates(t *testing.T) {
	root := certificate(t, paper{names: []string{"Contoso Root"}, from: -3 * year, until: 9 * year, authority: true})
	stranger := certificate(t, paper{names: []string{"Fabrikam Root"}, from: -3 * year, until: 9 * year, authority: true})
	other := "other.example"
	for _, c := range []struct {
		name   string
		paper  paper
		self   bool
		notes  []string // parts of them, in order
		passes bool
	}{
		{"right", paper{names: []string{host}, from: -year, until: year, signer: &root}, false, nil, true},
		{"nearly over", paper{names: []string{host}, from: -year, until: 49 * time.Hour, signer: &root}, false,
			[]string{"in 2 days"}, true},
		{"expired", paper{names: []string{host}, from: -year, until: -49 * time.Hour, signer: &root}, false,
			[]string{"2 days ago"}, false},
		{"to come", paper{names: []string{host}, from: time.Hour, until: year, signer: &root}, false,
			[]string{"the clock of this machine"}, false},
		{"wrong name", paper{names: []string{other}, from: -year, until: year, signer: &root}, false,
			[]string{"not made for " + host + " but for " + other}, false},
		{"signed by itself", paper{names: []string{host}, from: -year, until: year}, true, []string{"signed its certificate itself"}, false},
		{"unknown issuer", paper{names: []string{host}, from: -year, until: year, signer: &stranger}, false,
			[]string{"Fabrikam Root (Contoso) is not trusted"}, false},
		{"everything at once", paper{names: []string{other}, from: -year, until: -time.Hour, signer: &stranger}, false,
			[]string{"not made for", "expired on", "is not trusted"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			own := certificate(t, c.paper)
			s := &server{greeting: "* OK hi\r\n", answers: polite(), tls: &tls.Config{Certificates: []tls.Certificate{own}}}
			o := s.start(t)
			o.Roots = trusted(root)
			r := probe.Run(t.Context(), o)
			var shown probe.Step
			for _, step := range r.Steps {
				if step.Name == probe.StepTLS {
					shown = step
				}
			}
			if len(shown.Notes) != len(c.notes) {
				t.Errorf("notes %q", shown.Notes)
			}
			for i, part := range c.notes {
				if i < len(shown.Notes) && !strings.Contains(shown.Notes[i], part) {
					t.Errorf("note %q does not say %q", shown.Notes[i], part)
				}
			}
			if (r.Failed() == nil) != c.passes {
				t.Errorf("failed: %+v", r.Failed())
			}
			if !c.passes && (mail.CodeOf(shown.Err) != mail.CodeIMAPTLS || s.sent() != "") {
				t.Errorf("error %v (%s), sent %q", shown.Err, mail.CodeOf(shown.Err), s.sent())
			}
			if got := values(t, r, probe.StepTLS, "certificate"); !slices.Equal(got, []string{c.paper.names[0] + " (Contoso)"}) {
				t.Errorf("certificate %q", got)
			}
		})
	}
}

// TestFirstFailingStep breaks the way at each step: the report ends there and says why.
func TestFirstFailingStep(t *testing.T) {
	_, right := trustedServer(t)
	refusing := func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	for _, c := range []struct {
		name   string
		server *server
		change func(*probe.Options)
		step   string
		code   mail.Code
		says   string
	}{
		{"no such name", nil, func(o *probe.Options) { o.Resolver = names{} }, probe.StepDNS, mail.CodeIMAPConnect, "no address"},
		{"no name server", nil, func(o *probe.Options) { o.Resolver = names{err: errNameServer} }, probe.StepDNS, mail.CodeIMAPConnect, "i/o timeout"},
		{"closed port", nil, func(o *probe.Options) { o.Dial = refusing }, probe.StepTCP, mail.CodeIMAPConnect, "nothing listens"},
		{"no answer to the connection", nil, func(o *probe.Options) {
			o.Timeout = 10 * time.Millisecond
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		}, probe.StepTCP, mail.CodeIMAPConnect, "no answer in time"},
		{"hangs before TLS", &server{}, hasty, probe.StepTLS, mail.CodeIMAPTimeout, "nothing for too long"},
		{"hangs before the greeting", &server{}, func(o *probe.Options) { hasty(o); o.TLS = imap.TLSStart }, probe.StepGreeting, mail.CodeIMAPTimeout, "implicit"},
		{"no TLS on this port", &server{greeting: "* OK hi\r\n"}, nil, probe.StepTLS, mail.CodeIMAPGreeting, "does not speak TLS"},
		{"another protocol", &server{greeting: "220 smtp\r\n"}, plain, probe.StepGreeting, mail.CodeIMAPGreeting, "no IMAP server"},
		{"sends the client away", &server{greeting: "* BYE go\r\n!"}, plain, probe.StepGreeting, mail.CodeIMAPGreeting, "go"},
		{"signed in unasked", &server{greeting: "* PREAUTH hi\r\n"}, plain, probe.StepGreeting, mail.CodeIMAPPlaintext, "PREAUTH"},
		{"no STARTTLS", &server{greeting: "* OK hi\r\n", answers: map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n", "STARTTLS": "TAG BAD\r\n"}},
			plain, probe.StepTLS, mail.CodeIMAPPlaintext, "refuses STARTTLS"},
		{"talks on and on", &server{greeting: "* OK hi\r\n", endless: "* CAPABILITY IMAP4rev1\r\n* OK still here\r\n"},
			func(o *probe.Options) { hasty(o); plain(o) }, probe.StepSTARTTLS, mail.CodeIMAPLost, "comes to no end"},
		{"hangs up", &server{greeting: "* OK hi\r\n", answers: map[string]string{"CAPABILITY": "!"}}, plain, probe.StepSTARTTLS, mail.CodeIMAPLost, "ask for capabilities"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := right
			if c.server != nil {
				o = c.server.start(t)
			}
			if c.change != nil {
				c.change(&o)
			}
			r := probe.Run(t.Context(), o)
			s := r.Failed()
			if s == nil {
				t.Fatalf("every step succeeded: %+v", r.Steps)
			}
			if s.Name != c.step || mail.CodeOf(s.Err) != c.code || !strings.Contains(s.Err.Error(), c.says) {
				t.Errorf("step %s, code %s: %v", s.Name, mail.CodeOf(s.Err), s.Err)
			}
		})
	}
}

func hasty(o *probe.Options) { o.Timeout = 30 * time.Millisecond }
func plain(o *probe.Options) { o.TLS = imap.TLSStart }

// TestNames shows what the name servers say, and sends somebody who named a domain on to its server.
func TestNames(t *testing.T) {
	_, o := trustedServer(t)
	o.Resolver = names{four: []string{"192.0.2.1", "192.0.2.2"}, six: []string{"2001:db8::1"},
		mx: []*net.MX{{Host: "mx.contoso.example.", Pref: 10}}, srv: []*net.SRV{{Target: "imap.contoso.example.", Port: 993}}}
	server := o.Dial
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "192.0.2.1:993" {
			return nil, syscall.EHOSTUNREACH
		}
		return server(ctx, network, address)
	}
	r := probe.Run(t.Context(), o)
	if r.Failed() != nil {
		t.Fatal(r.Failed().Err)
	}
	for _, c := range []struct {
		step, fact string
		want       []string
	}{
		{probe.StepDNS, "A", []string{"192.0.2.1", "192.0.2.2"}}, {probe.StepDNS, "AAAA", []string{"2001:db8::1"}},
		{probe.StepDNS, "MX", []string{"10 mx.contoso.example"}}, {probe.StepDNS, "SRV _imaps._tcp", []string{"imap.contoso.example:993"}},
		{probe.StepDNS, "SRV _imap._tcp", nil}, {probe.StepTCP, "192.0.2.1", []string{"no way there from this machine"}},
		{probe.StepTCP, "192.0.2.2", []string{"connected"}}, {probe.StepTCP, "2001:db8::1", []string{"connected"}},
	} {
		if got := values(t, r, c.step, c.fact); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %q, want %q", c.step, c.fact, got, c.want)
		}
	}
	if n := r.Steps[0].Notes; len(n) != 1 || !strings.Contains(n[0], "imap.contoso.example:993") {
		t.Errorf("notes on the name: %q", n)
	}
	if n := r.Steps[1].Notes; len(n) != 1 || !strings.Contains(n[0], "1 of 3") {
		t.Errorf("notes on the addresses: %q", n)
	}
}

// TestSignIn shows what the server tells to those who signed in. The password is sent once and is nowhere else.
func TestSignIn(t *testing.T) {
	s, o := trustedServer(t)
	o.Login = &imap.Login{User: "anna", Password: canary}
	credentials := base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + canary))
	s.greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"
	s.answers["AUTHENTICATE"] = "TAG OK [CAPABILITY IMAP4rev1 ID NAMESPACE QUOTA] in\r\n"
	s.answers["ID"] = "* ID (\"name\" \"Servy\" \"version\" NIL \"os\" \"x\")\r\nTAG OK\r\n"
	s.answers["NAMESPACE"] = "* NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\")) NIL\r\nTAG OK\r\n"
	s.answers["GETQUOTAROOT"] = "* QUOTAROOT INBOX box\r\n* QUOTA box (STORAGE 512 512 MESSAGE 3 100)\r\nTAG OK\r\n"
	r := probe.Run(t.Context(), o)
	if r.Failed() != nil || !r.PasswordSent {
		t.Fatalf("password sent %t, failed %+v", r.PasswordSent, r.Failed())
	}
	for _, c := range []struct {
		step, fact string
		want       []string
	}{
		{probe.StepSignIn, "method", []string{"AUTHENTICATE PLAIN"}}, {probe.StepSignIn, "after sign-in", []string{"ID", "IMAP4REV1", "NAMESPACE", "QUOTA"}},
		{probe.StepIdentity, "ID", []string{"name Servy", "os x"}},
		{probe.StepIdentity, "personal folders", []string{`"INBOX."`}}, {probe.StepIdentity, "others' folders", []string{`"user."`}},
		{probe.StepIdentity, "delimiter", []string{`"."`}}, {probe.StepQuota, "limits", []string{"STORAGE: 512 of 512 KiB", "MESSAGE: 3 of 100"}},
	} {
		if got := values(t, r, c.step, c.fact); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %q, want %q", c.step, c.fact, got, c.want)
		}
	}
	if n := strings.Count(s.sent(), credentials); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
	if shown := fmt.Sprintf("%+v", r); strings.Contains(shown, canary) || strings.Contains(shown, credentials) {
		t.Error("the report holds the password")
	}
}

// TestSignInRefused plays a server that repeats the password in its refusal.
func TestSignInRefused(t *testing.T) {
	s, o := trustedServer(t)
	o.Login = &imap.Login{User: "anna", Password: canary}
	s.greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"
	s.answers["AUTHENTICATE"] = "TAG NO " + canary + " is wrong\r\n"
	var trace strings.Builder
	o.Trace = &trace
	r := probe.Run(t.Context(), o)
	f := r.Failed()
	if f == nil || f.Name != probe.StepSignIn || mail.CodeOf(f.Err) != mail.CodeIMAPLogin || !r.PasswordSent {
		t.Fatalf("failed: %+v", f)
	}
	if strings.Contains(f.Err.Error()+trace.String(), canary) {
		t.Errorf("the password is shown: %v\n%s", f.Err, trace.String())
	}
}

// TestNoMethod offers nothing that takes a password: none is sent.
func TestNoMethod(t *testing.T) {
	s, o := trustedServer(t)
	o.Login = &imap.Login{User: "anna", Password: canary}
	s.answers["CAPABILITY"] = "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI\r\nTAG OK\r\n"
	r := probe.Run(t.Context(), o)
	if f := r.Failed(); f == nil || mail.CodeOf(f.Err) != mail.CodeIMAPSignInMethod || r.PasswordSent {
		t.Fatalf("password sent %t, failed %+v", r.PasswordSent, r.Failed())
	}
	if strings.Contains(s.sent(), canary) || strings.Contains(s.sent(), "AUTHENTICATE") {
		t.Errorf("sent %q", s.sent())
	}
}
