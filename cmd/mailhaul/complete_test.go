package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	number "math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/tokenserver"
)

// newExampleComplete makes the complete example a project between an IMAP server and one like Exchange Online. Nothing in
// it is changed but where the servers are, and the files in secrets, which its README asks to replace.
func newExampleComplete(t *testing.T) *cloud {
	t.Helper()
	t.Parallel()
	c := &cloud{migration: &migration{t: t, dir: t.TempDir()}, authority: tokenserver.Start(t)}
	if err := os.CopyFS(c.dir, os.DirFS("../../examples/complete")); err != nil {
		t.Fatal(err)
	}
	tls := imapserver.Options{TLS: c.authority.TLS(), Implicit: true}
	old, exchange := imapserver.Dovecot(), imapserver.Exchange()
	old.Masters = map[string]string{"migrator": "CANARY-admin"}
	exchange.Authorize = func(_, token string) imapserver.Entry {
		if _, err := c.authority.Check(token); err != nil {
			return imapserver.WrongToken
		}
		return imapserver.Enter
	}
	c.old, c.new = imapserver.Start(t, old, tls), imapserver.Start(t, exchange, tls)
	text, err := os.ReadFile(filepath.Join(c.dir, "mailhaul.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	ca := c.authority.CAFile(t)
	where := strings.NewReplacer(`"mail.contoso.example"`, fmt.Sprintf("%q", c.old.Host()), "= 993", fmt.Sprintf("= %d", c.old.Port()),
		`"old-ca.pem"`, fmt.Sprintf("%q", ca), "  client_id ", fmt.Sprintf("  authority = %q\n  imap_host = %q\n  imap_port = %d\n  ca_file = %q\n  client_id ",
			c.authority.Authority(), c.new.Host(), c.new.Port(), ca))
	c.put("mailhaul.hcl", where.Replace(string(text)))
	c.put("secrets/imap-admin", "CANARY-admin\n")
	pair, cert := certificate(t)
	c.put("secrets/mailhaul.pem", pair)
	if err := os.Chmod(filepath.Join(c.dir, "secrets/mailhaul.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.authority.Set(tokenserver.Settings{Certificates: []*x509.Certificate{cert}})
	c.env = []string{"SMTP_PASSWORD=CANARY-smtp", "MAILHAUL_VAR_tenant=" + tokenserver.Tenant}
	return c
}

// certificate makes an application's certificate, and gives it with its key as a PEM file.
func certificate(t *testing.T) (string, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: number.NewInt(1), Subject: pkix.Name{CommonName: "mailhaul"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return string(pem.EncodeToMemory(block)) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), cert
}

// TestExampleComplete carries the complete example out, and holds every mailbox against where its rules send it.
func TestExampleComplete(t *testing.T) {
	c := newExampleComplete(t)
	moves := map[string]string{"ceo@contoso.example": "ceo@contoso.example", "archive@contoso.example": "records@contoso.example",
		"anna@contoso.example": "anna@contoso.example", "test@contoso.example": "test@contoso.example"}
	folders := map[string]string{"INBOX": "INBOX", "INBOX/Projects": "Projects", "Archives/2019": "Archive/2019", "Old Sent": "Sent Items",
		"Entw&APw-rfe": "Drafts", "Trash": "", "Junk/x": ""}
	for from, to := range moves {
		b := c.old.Mailbox(from, "CANARY-own")
		c.new.Mailbox(to, "")
		for folder := range folders {
			for i := range 3 {
				b.Add(folder, imapserver.Message{Date: old2020.Add(time.Duration(i) * time.Hour), Flags: []string{`\Seen`},
					Octets: fmt.Appendf(nil, "Message-ID: <%d@%s>\r\nSubject: %s\r\n\r\nLine\r\n", i, from, folder)})
			}
		}
	}
	if r := c.must(0, "validate"); !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), "Not carried out by this version: cutover = true of pass full; the cutover block; the smtp block; notify users; notify operators; the report block") {
		t.Errorf("validate says:\n%s", r.stdout)
	}
	if r := c.must(0, "verify"); !strings.Contains(r.stdout, "application with a certificate") {
		t.Errorf("verify says:\n%s", r.stdout)
	}
	for _, pass := range []string{"verify", "trial", "prestage", "full"} {
		c.must(0, "apply", "--pass", pass, "--auto-approve", "--ignore-window")
	}
	for from, to := range moves {
		for folder, target := range folders {
			var want []string
			if from != "test@contoso.example" && target != "" {
				want = wanted(c.old.Mailbox(from, ""), folder)
			}
			if from == "archive@contoso.example" {
				target = "Old server/" + target
			}
			if diff := cmp.Diff(want, held(c.new.Mailbox(to, ""), target)); diff != "" {
				t.Errorf("%s: %s is not in %s (-want +got):\n%s", from, folder, target, diff)
			}
		}
	}
	if text := c.must(0, "check").stdout; strings.Contains(text, " missing") && !strings.Contains(text, "0 missing") {
		t.Errorf("check says:\n%s", text)
	}
	c.put("secrets/imap-admin", "")
	c.noCanary()
}
