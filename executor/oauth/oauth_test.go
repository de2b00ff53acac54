package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/tokenserver"
	"mailhaul/executor/oauth"
	"mailhaul/state/mail"
)

// appOnly are the options of the application with its secret.
func appOnly(s *tokenserver.Server) oauth.Options {
	return oauth.Options{Authority: s.Authority(), Tenant: tokenserver.Tenant, Client: tokenserver.Client,
		Scopes: []string{"https://outlook.office365.com/.default"}, RootCAs: s.Roots(), Secret: tokenserver.Secret}
}

func source(t *testing.T, o oauth.Options) *oauth.Source {
	t.Helper()
	s, err := oauth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// clock is a clock that tests put forward.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestOneTokenForAThousandMailboxes: a thousand callers at the same time cost one request an hour.
func TestOneTokenForAThousandMailboxes(t *testing.T) {
	server := tokenserver.Start(t)
	c := &clock{now: time.Now()}
	o := appOnly(server)
	o.Now = c.Now
	s := source(t, o)
	everybody := func() map[string]bool {
		var mu sync.Mutex
		tokens := map[string]bool{}
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				token, err := s.Token(t.Context())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				tokens[token] = true
			})
		}
		all.Wait()
		return tokens
	}
	for _, step := range []struct {
		after    time.Duration
		requests int
	}{{0, 1}, {54 * time.Minute, 1}, {90 * time.Second, 2}, {54 * time.Minute, 2}} {
		c.forward(step.after)
		if tokens := everybody(); len(tokens) != 1 || server.Requests() != step.requests {
			t.Fatalf("%v later: %d tokens after %d requests, want one after %d", step.after, len(tokens), server.Requests(), step.requests)
		}
	}
	token, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !s.Refused(token) {
		t.Error("a token of an hour is not given up")
	}
	next, err := s.Token(t.Context())
	if err != nil || next == token || server.Requests() != 3 {
		t.Errorf("after a refused token: %d requests, the same token: %v, %v", server.Requests(), next == token, err)
	}
	if !s.Refused(token) || s.Refused(next) { // by a second mailbox, late; and of one that is new
		t.Error("the old token is good, or the new one is not")
	}
	if last, err := s.Token(t.Context()); err != nil || last != next || server.Requests() != 3 {
		t.Errorf("after a refused new token: %d requests, %v", server.Requests(), err)
	}
}

// TestAShortToken is renewed at half its life, not five minutes before it was born.
func TestAShortToken(t *testing.T) {
	server := tokenserver.Start(t)
	server.Set(tokenserver.Settings{Lifetime: time.Minute})
	c := &clock{now: time.Now()}
	o := appOnly(server)
	o.Now = c.Now
	s := source(t, o)
	for _, want := range []int{1, 1, 2} {
		if _, err := s.Token(t.Context()); err != nil || server.Requests() != want {
			t.Fatalf("%d requests, want %d; %v", server.Requests(), want, err)
		}
		c.forward(20 * time.Second)
	}
}

func wants(t *testing.T, err error, kind mail.Kind, code mail.Code) {
	t.Helper()
	if mail.KindOf(err) != kind || mail.CodeOf(err) != code || err == nil {
		t.Errorf("%v is %s of kind %v, want %s of kind %v", err, mail.CodeOf(err), mail.KindOf(err), code, kind)
	}
}

// TestARefusalIsAskedAgainLater: what an administrator mends in the middle of a run counts some minutes later.
func TestARefusalIsAskedAgainLater(t *testing.T) {
	server := tokenserver.Start(t)
	server.Set(tokenserver.Settings{Refuse: "7000222"})
	c := &clock{now: time.Now()}
	o := appOnly(server)
	o.Now = c.Now
	s := source(t, o)
	_, err := s.Token(t.Context())
	wants(t, err, mail.Auth, mail.CodeOAuthSecretExpired)
	server.Set(tokenserver.Settings{})
	c.forward(6 * time.Minute)
	if _, err := s.Token(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWrongOptions asks the real checks of the authority: wrong secret, tenant and application, an authority that asks to
// wait, one that fails, one that is not there, and one whose issuer nobody trusts.
func TestWrongOptions(t *testing.T) {
	server := tokenserver.Start(t)
	for _, tt := range []struct {
		name   string
		change func(*oauth.Options)
		set    tokenserver.Settings
		kind   mail.Kind
		code   mail.Code
	}{
		{"secret", func(o *oauth.Options) { o.Secret = "CANARY-other" }, tokenserver.Settings{}, mail.Auth, mail.CodeOAuthSecret},
		{"tenant", func(o *oauth.Options) { o.Tenant = "nobody.example" }, tokenserver.Settings{}, mail.Auth, mail.CodeOAuthTenant},
		{"application", func(o *oauth.Options) { o.Client = "other" }, tokenserver.Settings{}, mail.Auth, mail.CodeOAuthApplication},
		{"throttled", nil, tokenserver.Settings{Refuse: "90025", Status: 429, RetryAfter: "7"}, mail.Throttled, mail.CodeOAuthThrottled},
		{"down", nil, tokenserver.Settings{Refuse: "90033", Status: 503}, mail.Transient, mail.CodeOAuthUnreachable},
		{"nobody", func(o *oauth.Options) { o.Authority = "https://127.0.0.1:1" }, tokenserver.Settings{}, mail.Transient, mail.CodeOAuthUnreachable},
		{"issuer", func(o *oauth.Options) { o.RootCAs = x509.NewCertPool() }, tokenserver.Settings{}, mail.Auth, mail.CodeOAuthUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server.Set(tt.set)
			o := appOnly(server)
			if tt.change != nil {
				tt.change(&o)
			}
			_, err := source(t, o).Token(t.Context())
			wants(t, err, tt.kind, tt.code)
			if strings.Contains(err.Error(), "CANARY") {
				t.Errorf("the error tells the secret: %v", err)
			}
			var e *mail.Error
			if errors.As(err, &e); tt.name == "throttled" && e.Wait != 7*time.Second {
				t.Errorf("waits %v", e.Wait)
			}
		})
	}
	plain := appOnly(server)
	plain.Authority = strings.Replace(plain.Authority, "https:", "http:", 1)
	if s, err := oauth.New(plain); err == nil {
		_, err := s.Token(t.Context())
		wants(t, err, mail.Auth, mail.CodeOAuthRefused)
	}
}

// pemFile writes a certificate and its key, and gives the certificate.
func pemFile(t *testing.T, name string, change func(key *pem.Block)) (file string, cert *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mailhaul"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}
	if change != nil {
		change(block)
	}
	file = filepath.Join(t.TempDir(), name)
	text := append(pem.EncodeToMemory(block), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, cert
}

// TestCertificate signs in with a certificate that the application has, and with one that it has not.
func TestCertificate(t *testing.T) {
	server := tokenserver.Start(t)
	file, known := pemFile(t, "known.pem", nil)
	server.Set(tokenserver.Settings{Certificates: []*x509.Certificate{known}})
	other, _ := pemFile(t, "other.pem", nil)
	for name, want := range map[string]mail.Code{file: "", other: mail.CodeOAuthCertificate} {
		cert, err := oauth.ReadCertificate(name)
		if err != nil {
			t.Fatal(err)
		}
		o := appOnly(server)
		o.Secret, o.Certificate = "", cert
		_, err = source(t, o).Token(t.Context())
		if want == "" && err != nil {
			t.Error(err)
		} else if want != "" {
			wants(t, err, mail.Auth, want)
		}
	}
}

// TestBadCertificates: a file that can't be used is refused with the sentence that says why.
func TestBadCertificates(t *testing.T) {
	encrypted, _ := pemFile(t, "encrypted.pem", func(b *pem.Block) { b.Type = "ENCRYPTED PRIVATE KEY" })
	old, _ := pemFile(t, "old.pem", func(b *pem.Block) {
		b.Headers = map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}
	})
	stranger, _ := pemFile(t, "stranger.pem", nil)
	mine, _ := pemFile(t, "mine.pem", nil)
	a, err := os.ReadFile(stranger)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(mine)
	if err != nil {
		t.Fatal(err)
	}
	key, _, _ := strings.Cut(string(a), "-----BEGIN CERTIFICATE")
	_, cert, _ := strings.Cut(string(b), "-----END PRIVATE KEY-----\n")
	pair := filepath.Join(t.TempDir(), "pair.pem")
	if err := os.WriteFile(pair, []byte(key+cert), 0o600); err != nil {
		t.Fatal(err)
	}
	shared, _ := pemFile(t, "shared.pem", nil)
	if err := os.Chmod(shared, 0o644); err != nil { //nolint:gosec // that is what is tested
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{encrypted: "is encrypted", old: "is encrypted", pair: "does not belong",
		shared: "chmod 600", empty: "no certificates", filepath.Join(t.TempDir(), "none"): "no such file"} {
		if _, err := oauth.ReadCertificate(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", filepath.Base(file), err, want)
		}
	}
}

// TestDeviceCode shows the message once, waits for the person, and renews without asking again.
func TestDeviceCode(t *testing.T) {
	server := tokenserver.Start(t)
	server.Set(tokenserver.Settings{Lifetime: time.Minute})
	c := &clock{now: time.Now()}
	o := appOnly(server)
	var messages []string
	o.Secret, o.Now, o.Scopes = "", c.Now, []string{"https://outlook.office.com/IMAP.AccessAsUser.All"}
	o.DeviceCode = func(message string) {
		messages = append(messages, message)
		server.EnterCode()
	}
	s := source(t, o)
	first, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.forward(time.Minute)
	second, err := s.Token(t.Context())
	if err != nil || second == first {
		t.Errorf("renewed: %v, %v", second != first, err)
	}
	if diff := cmp.Diff([]string{tokenserver.Message}, messages); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}

// TestDeviceCodeHeedsAnInterrupt: the wait for a person ends with the context, and is no refusal.
func TestDeviceCodeHeedsAnInterrupt(t *testing.T) {
	server := tokenserver.Start(t)
	o := appOnly(server)
	ctx, cancel := context.WithCancel(t.Context())
	o.Secret, o.DeviceCode = "", func(string) { cancel() }
	s := source(t, o)
	_, err := s.Token(ctx)
	wants(t, err, mail.Transient, mail.CodeOAuthUnreachable)
	server.EnterCode()
	if _, err := s.Token(t.Context()); err != nil {
		t.Errorf("the next caller: %v", err)
	}
}

// TestPassword signs in as an administrator, and is refused with a wrong password, which the error does not tell.
func TestPassword(t *testing.T) {
	server := tokenserver.Start(t)
	server.Set(tokenserver.Settings{Users: map[string]string{"admin@contoso.example": "CANARY-admin"}})
	o := appOnly(server)
	o.Secret, o.User, o.Password = "", "admin@contoso.example", "CANARY-admin"
	s := source(t, o)
	if _, err := s.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := s.Describe(); d.Method != oauth.MethodPassword || len(d.Roles) != 1 || d.Roles[0] != "IMAP.AccessAsUser.All" {
		t.Errorf("described as %+v", d)
	}
	o.Password = "CANARY-wrong"
	_, err := source(t, o).Token(t.Context())
	wants(t, err, mail.Auth, mail.CodeOAuthPassword)
	if strings.Contains(err.Error(), "CANARY") {
		t.Errorf("the error tells the password: %v", err)
	}
}

// TestDescribe tells what is in the token, and nothing before there is one.
func TestDescribe(t *testing.T) {
	server := tokenserver.Start(t)
	server.Set(tokenserver.Settings{Roles: []string{"full_access_as_app", "IMAP.AccessAsApp"}})
	s := source(t, appOnly(server))
	want := oauth.Description{Method: oauth.MethodSecret, Tenant: tokenserver.Tenant, Application: tokenserver.Client}
	if diff := cmp.Diff(want, s.Describe()); diff != "" {
		t.Errorf("before a token (-want +got):\n%s", diff)
	}
	if _, err := s.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	want.Roles = []string{"IMAP.AccessAsApp", "full_access_as_app"}
	got := s.Describe()
	if left := time.Until(got.Expires); left < 59*time.Minute || left > 61*time.Minute {
		t.Errorf("ends in %v", left)
	}
	got.Expires = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with a token (-want +got):\n%s", diff)
	}
}

// TestATokenOfAnotherTenant is not used, whoever issued it.
func TestATokenOfAnotherTenant(t *testing.T) {
	server := tokenserver.Start(t)
	o := appOnly(server)
	o.Tenant = tokenserver.ID
	for tenant, want := range map[string]mail.Code{tokenserver.ID: "", "12345678-8888-7777-6666-555555555555": mail.CodeOAuthTenant} {
		server.Set(tokenserver.Settings{Tenant: tenant})
		s := source(t, o)
		token, err := s.Token(t.Context())
		if want == "" && (err != nil || token == "") {
			t.Errorf("the tenant's own token: %v", err)
		}
		if want != "" {
			wants(t, err, mail.Auth, want)
		}
		if want != "" && (token != "" || !s.Describe().Expires.IsZero()) {
			t.Error("a token of another tenant is kept")
		}
	}
}

// TestOneWay: none or two ways to sign in are no way.
func TestOneWay(t *testing.T) {
	server := tokenserver.Start(t)
	for _, change := range []func(*oauth.Options){
		func(o *oauth.Options) { o.Secret = "" },
		func(o *oauth.Options) { o.Password = "x" },
	} {
		o := appOnly(server)
		change(&o)
		if _, err := oauth.New(o); err == nil {
			t.Error("taken")
		}
	}
}
