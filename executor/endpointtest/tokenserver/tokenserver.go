// Package tokenserver is an authority for tests, like that of Microsoft Entra: it issues signed access tokens over TLS to
// one application by secret, certificate, device code and password, counts what it was asked, and refuses with whatever
// AADSTS error a test wants. It checks what it is sent as the real one does, the signature of a certificate included.
//
// Start with Start. Authority and Roots are what a client needs; Check tells a server whether a token is good.
//
// It shares no code with what it tests, and knows the standard library only.
package tokenserver

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The tenant, by a domain and by its id, and its one application.
const (
	Tenant = "contoso.onmicrosoft.com"
	ID     = "99999999-8888-7777-6666-555555555555"
	Client = "11111111-2222-3333-4444-555555555555"
	Secret = "CANARY-client-secret"
)

// Server is the authority. It is safe for use by several goroutines.
type Server struct {
	web *httptest.Server
	key *rsa.PrivateKey

	mu       sync.Mutex // guards what follows
	settings Settings
	requests int
	device   bool // the code was entered
	issued   []string
	revoked  int // tokens up to this one are good no more
}

// Settings say how the authority answers.
type Settings struct {
	// Refuse is the number of the AADSTS error with which every request for a token is answered; empty: none.
	Refuse string
	// Word and Words are the OAuth error of such an answer, and what it says in sentences; empty: invalid_grant, and what is
	// usual for the number.
	Word, Words string
	// Status is the HTTP status of such an answer; zero: 400. With RetryAfter it has the header of that name.
	Status     int
	RetryAfter string
	// Lifetime of tokens; zero: an hour.
	Lifetime time.Duration
	// Roles that app-only tokens carry; nil: IMAP.AccessAsApp.
	Roles []string
	// Tenant is whose the tokens say to be; empty: Tenant's.
	Tenant string
	// Audience is whom the tokens say to be for; empty: what they were asked for.
	Audience string
	// Certificates of the application, beside its secret.
	Certificates []*x509.Certificate
	// Users are the people who may sign in, with their passwords.
	Users map[string]string
}

// Start starts an authority, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.configuration)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.tokens)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/devicecode", s.deviceCode)
	mux.HandleFunc("GET /common/UserRealm/{user}", s.realm)
	s.web = httptest.NewTLSServer(mux)
	t.Cleanup(s.web.Close)
	return s
}

// Authority is the base address.
func (s *Server) Authority() string { return s.web.URL }

// Roots is the pool with the issuer of the server's certificate.
func (s *Server) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.web.Certificate())
	return pool
}

// TLS is a configuration for other servers on 127.0.0.1, with the same certificate.
func (s *Server) TLS() *tls.Config {
	return &tls.Config{Certificates: s.web.TLS.Certificates, MinVersion: tls.VersionTLS12}
}

// CAFile writes the certificate of the issuer into a file, which ends with the test.
func (s *Server) CAFile(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.web.Certificate().Raw})
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// PublicKey is the key that checks the tokens, in PEM form.
func (s *Server) PublicKey() []byte {
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		panic(err) // an RSA key has such a form
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Set replaces the settings.
func (s *Server) Set(settings Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = settings
}

// Requests counts the requests for a token, refused ones and those for a device code's token too.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// EnterCode does what a person does with a device code.
func (s *Server) EnterCode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.device = true
}

// Revoke makes all tokens worthless that were issued so far.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = len(s.issued)
}

// Tokens lists all tokens that were issued.
func (s *Server) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.issued...)
}

// now gives the settings and counts a request.
func (s *Server) now() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	return s.settings
}
