package rawcopy_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/rawcopy"
)

// mails makes n messages of growing size, every third with flags.
func mails(n int) func() (rawcopy.Message, bool) {
	i := 0
	return func() (rawcopy.Message, bool) {
		i++
		m := rawcopy.Message{Date: time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC)}
		if i%3 == 0 {
			m.Flags = `\Seen $Forwarded`
		}
		m.Text = fmt.Appendf(nil, "Subject: %d\r\n\r\n%s\r\n", i, strings.Repeat("0123456789\r\n", i*20))
		return m, i <= n
	}
}

func TestCopy(t *testing.T) {
	users := map[string]string{"anna": "p w", "bo": "p w"}
	from := dovecot.Start(t, dovecot.Options{Users: users})
	to := dovecot.Start(t, dovecot.Options{Users: users})
	source := rawcopy.Side{Addr: from.Addr(), User: "anna", Password: "p w"}
	if n, err := rawcopy.Fill(t.Context(), source, "INBOX", mails(120)); n != 120 || err != nil {
		t.Fatalf("filled %d: %v", n, err)
	}
	plain := func(s *dovecot.Server) rawcopy.Side { return rawcopy.Side{Addr: s.Addr(), Password: "p w"} }
	protected := func(s *dovecot.Server) rawcopy.Side {
		return rawcopy.Side{Addr: s.TLSAddr(), Password: "p w", TLS: trust(t, s)}
	}
	tests := []struct {
		name  string
		side  func(*dovecot.Server) rawcopy.Side
		group int
		to    string
	}{{"single", plain, 1, "anna"}, {"multi over TLS", protected, 50, "bo"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := rawcopy.Job{From: tt.side(from), To: tt.side(to), Folder: "INBOX", Group: tt.group}
			j.From.User, j.To.User = "anna", tt.to
			if n, err := rawcopy.Copy(t.Context(), j); n != 120 || err != nil {
				t.Fatalf("copied %d: %v", n, err)
			}
			r, err := compare.Mailboxes(t.Context(), compare.Account{Addr: from.Addr(), User: "anna", Password: "p w"},
				compare.Account{Addr: to.Addr(), User: tt.to, Password: "p w"}, nil)
			if err != nil || !r.Same() || r.Equal != 120 {
				t.Errorf("%v: %v", r, err)
			}
		})
	}
}

// TestRefused holds that no NO goes unnoticed, in the middle of a pipeline too.
func TestRefused(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"anna": "p", "bo": "p"},
		UserQuota: map[string]string{"bo": "*:bytes=50000"}})
	anna, bo := rawcopy.Side{Addr: s.Addr(), User: "anna", Password: "p"}, rawcopy.Side{Addr: s.Addr(), User: "bo", Password: "p"}
	if _, err := rawcopy.Fill(t.Context(), anna, "INBOX", mails(40)); err != nil {
		t.Fatal(err)
	}
	if n, err := rawcopy.Copy(t.Context(), rawcopy.Job{From: anna, To: bo, Folder: "INBOX"}); err == nil ||
		!strings.Contains(err.Error(), "OVERQUOTA") {
		t.Errorf("over the quota: %d messages, %v", n, err)
	}
	anna.Password = "wrong"
	if _, err := rawcopy.Copy(t.Context(), rawcopy.Job{From: anna, To: bo, Folder: "INBOX"}); err == nil {
		t.Error("a wrong password goes unnoticed")
	}
}

func trust(t *testing.T, s *dovecot.Server) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bytes.TrimSpace(ca)) {
		t.Fatal("the CA file holds no certificate")
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true}
}
