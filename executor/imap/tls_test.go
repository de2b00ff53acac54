package imap_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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
	if _, err = imap.DialSource(context.Background(), o); mail.CodeOf(err) != mail.CodeIMAPGreeting || !strings.Contains(err.Error(), "starttls") {
		t.Error(err)
	}
}
