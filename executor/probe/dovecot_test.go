package probe_test

import (
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/imap"
	"mailhaul/executor/probe"
	"mailhaul/state/mail"
)

// TestDovecot looks at a real server both ways, with a password that is right and one that is wrong.
func TestDovecot(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"anna": canary}, Quota: "*:storage=5M"})
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for _, c := range []struct {
		port     int
		tls      string
		password string
		fails    mail.Code
	}{
		{s.TLSPort, imap.TLSImplicit, canary, ""},
		{s.Port, imap.TLSStart, canary, ""},
		{s.TLSPort, imap.TLSImplicit, "wrong", mail.CodeIMAPLogin},
	} {
		r := probe.Run(t.Context(), probe.Options{Host: s.Host, Port: c.port, TLS: c.tls, Roots: roots, Timeout: 20 * time.Second,
			Login: &imap.Login{User: "anna", Password: c.password}})
		if f := r.Failed(); c.fails != "" {
			if f == nil || f.Name != probe.StepSignIn || mail.CodeOf(f.Err) != c.fails {
				t.Errorf("%s: failed %+v", c.tls, f)
			}
			continue
		}
		if f := r.Failed(); f != nil {
			t.Fatalf("%s: step %s: %v", c.tls, f.Name, f.Err)
		}
		if got := strings.Join(values(t, r, probe.StepIdentity, "ID"), " "); !strings.Contains(got, "Dovecot") {
			t.Errorf("ID %q", got)
		}
		if got := strings.Join(values(t, r, probe.StepIdentity, "delimiter"), " "); got != `"/"` {
			t.Errorf("delimiter %s", got)
		}
		if got := strings.Join(values(t, r, probe.StepQuota, "limits"), " "); !strings.Contains(got, "of 5120 KiB") {
			t.Errorf("quota %q", got)
		}
	}
}
