// Package httpsserver is what the simulated services behind HTTPS have in common, whatever they speak: a real TLS listener,
// bearer tokens that run out, work that is done late, a list of what no client may do, and how Exchange renders a message
// anew. It is no server: ewsserver and graphserver embed a Base and answer the requests. It stands on the standard library
// alone, as they do.
package httpsserver

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Base is the part of a service that has nothing to do with what it speaks. It is safe for use by several goroutines.
type Base struct {
	http *httptest.Server
	// Late is what is done after its request was answered, or lost; the server does not end before.
	Late sync.WaitGroup

	mu     sync.Mutex
	misuse []string
	tokens int // given away so far
	uses   int // requests with the newest token
	most   int // requests that a token is good for; zero: it does not run out
	valid  map[string]bool
	admits func(token string) bool // tokens of somebody else's; nil: none
}

// Start starts the listener; it ends with the test.
func (b *Base) Start(t *testing.T, handler http.HandlerFunc) {
	t.Helper()
	b.valid = map[string]bool{}
	b.http = httptest.NewUnstartedServer(handler)
	b.http.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what is tested
	b.http.StartTLS()
	t.Cleanup(func() {
		b.http.CloseClientConnections()
		b.http.Close()
		b.Late.Wait()
	})
}

// Address is where the listener is, https://HOST:PORT.
func (b *Base) Address() string { return b.http.URL }

// Client trusts the server.
func (b *Base) Client() *http.Client { return b.http.Client() }

// Roots verify the server's certificate.
func (b *Base) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(b.http.Certificate())
	return pool
}

// Certificate is the server's, in PEM form, for a ca_file.
func (b *Base) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.http.Certificate().Raw})
}

// Admit lets tokens in that somebody else has issued.
func (b *Base) Admit(good func(token string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.admits = good
}

// RunOut says how many requests a token is good for; zero: it does not run out.
func (b *Base) RunOut(uses int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = uses
}

// Token gives the bearer token that is good now; one that has run out is followed by another.
func (b *Base) Token(context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := fmt.Sprintf("token-%d", b.tokens)
	if !b.valid[name] {
		b.tokens++
		b.uses = 0
		name = fmt.Sprintf("token-%d", b.tokens)
		b.valid[name] = true
	}
	return name, nil
}

// Tokens is how many tokens were given away.
func (b *Base) Tokens() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokens
}

// Bearer tells whether a request carries a token that is good, and uses it.
func (b *Base) Bearer(r *http.Request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case bearer && b.admits != nil && b.admits(token):
		return true
	case !bearer || !b.valid[token]:
		return false
	}
	if b.uses++; b.most > 0 && b.uses > b.most {
		delete(b.valid, token)
		return false
	}
	return true
}

// Settle waits for what is done late.
func (b *Base) Settle() { b.Late.Wait() }

// Misuse names what no client may do.
func (b *Base) Misuse() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.misuse)
}

// Blame notes what no client may do, once.
func (b *Base) Blame(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if said := fmt.Sprintf(format, args...); !slices.Contains(b.misuse, said) {
		b.misuse = append(b.misuse, said)
	}
}

// Rewrite renders a message anew, as Exchange does: the header fields in another order, line ends as CRLF, one field more.
func Rewrite(octets []byte) []byte {
	text := strings.ReplaceAll(strings.ReplaceAll(string(octets), "\r\n", "\n"), "\n", "\r\n")
	header, body, found := strings.Cut(text, "\r\n\r\n")
	if !found || !strings.Contains(header, ":") {
		header, body = "X-MS-Has-Attach:", text
	}
	var fields []string
	for line := range strings.SplitSeq(header, "\r\n") {
		if len(fields) > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			fields[len(fields)-1] += "\r\n" + line
			continue
		}
		fields = append(fields, line)
	}
	slices.Reverse(fields)
	return []byte(strings.Join(fields, "\r\n") + "\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\n\r\n" + body)
}
