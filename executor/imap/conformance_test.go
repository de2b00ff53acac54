package imap_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strconv"
	"testing"
	"time"

	"mailhaul/cmd/demo"
	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// pair opens both sides of one mailbox.
func pair(opts imap.Options) endpointtest.Pair {
	return endpointtest.Pair{
		Source:      func(ctx context.Context) (executor.Source, error) { return imap.DialSource(ctx, opts) },
		Destination: func(ctx context.Context) (executor.Destination, error) { return imap.DialDestination(ctx, opts) },
	}
}

// TestConformanceDemo runs the suite against the servers of `mailhaul demo`.
func TestConformanceDemo(t *testing.T) {
	endpointtest.Run(t, func(t *testing.T) endpointtest.Pair {
		s, err := demo.NewServer(demo.Options{Users: map[string]string{"anna": "secret"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return pair(imap.Options{Host: s.Host(), Port: s.Port(), TLS: imap.TLSNone,
			Login: imap.Login{User: "anna", Password: "secret"}})
	})
}

// TestConformanceImapserver runs the suite against the server of the fault tests, for each kind of server that it plays:
// what they say of lost and doubled mail is worth nothing unless the server is exact where it is told to be.
func TestConformanceImapserver(t *testing.T) {
	all := imapserver.Dovecot()
	dotted := all.Without("UIDPLUS", "MULTIAPPEND")
	dotted.Delimiter, dotted.Prefix = ".", "INBOX."
	slow := all
	slow.SlowBy = time.Millisecond
	for _, tt := range []struct {
		name, tls string
		profile   imapserver.Profile
	}{
		{"all over TLS", imap.TLSImplicit, all},
		{"slow, over STARTTLS", imap.TLSStart, slow},
		{"dotted, without UIDPLUS and MULTIAPPEND", imap.TLSNone, dotted},
		{"synchronizing", imap.TLSNone, all.Without("LITERAL+")},
		{"LITERAL-", imap.TLSNone, all.Without("LITERAL+").With("LITERAL-")},
		{"old", imap.TLSNone, imapserver.Profile{Before: []string{"IMAP4rev1"}, After: []string{"IMAP4rev1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) { conformImapserver(t, tt.tls, tt.profile) })
	}
}

// conformImapserver gives every sub-test a user of one server.
func conformImapserver(t *testing.T, mode string, p imapserver.Profile) {
	opts, roots := imapserver.Options{Implicit: mode == imap.TLSImplicit}, x509.NewCertPool()
	if mode != imap.TLSNone {
		cert := certificate(t, "localhost", time.Now().Add(time.Hour))
		roots.AddCert(cert.Leaf)
		opts.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	s := imapserver.Start(t, p, opts)
	users := 0
	endpointtest.Run(t, func(*testing.T) endpointtest.Pair {
		user := "user" + strconv.Itoa(users)
		users++
		b := s.Mailbox(user, "secret \"\\§")
		pair := pair(imap.Options{Host: "localhost", Port: s.Port(), TLS: mode, RootCAs: roots,
			Login: imap.Login{User: user, Password: "secret \"\\§"}})
		pair.Remove = func(_ *testing.T, folder string, uid mail.UID) { b.Remove(folder, uint32(uid)) }
		return pair
	})
	if misuse := s.Misuse(); len(misuse) > 0 {
		t.Errorf("what no client may do: %q", misuse)
	}
}

// TestConformanceDovecot runs the suite against a real Dovecot, with each of its layouts and each way to TLS.
func TestConformanceDovecot(t *testing.T) {
	for _, tt := range []struct {
		name, tls string
		opts      dovecot.Options
	}{
		{"plain", imap.TLSNone, dovecot.Options{}},
		{"dotted over STARTTLS", imap.TLSStart, dovecot.Options{Layout: "maildir++", Prefix: "INBOX."}},
		{"sdbox with quota over TLS", imap.TLSImplicit, dovecot.Options{Layout: "sdbox", Quota: "*:storage=100M"}},
		{"compressed", imap.TLSImplicit, dovecot.Options{Extra: "protocol imap {\n  mail_plugins = imap_zlib\n}\n"}},
		{"without UIDPLUS and LITERAL+", imap.TLSNone, dovecot.Options{Capability: "IMAP4rev1 NAMESPACE"}},
	} {
		t.Run(tt.name, func(t *testing.T) { conformDovecot(t, tt.tls, tt.opts) })
	}
}

// conformDovecot gives every sub-test a user of one server.
func conformDovecot(t *testing.T, mode string, opts dovecot.Options) {
	opts.Users = make(map[string]string)
	for n := range 40 {
		opts.Users["user"+strconv.Itoa(n)] = "secret"
	}
	s := dovecot.Start(t, opts)
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	port := s.Port
	if mode == imap.TLSImplicit {
		port = s.TLSPort
	}
	users := 0
	endpointtest.Run(t, func(*testing.T) endpointtest.Pair {
		user := "user" + strconv.Itoa(users)
		users++
		p := pair(imap.Options{Host: s.Host, Port: port, TLS: mode, RootCAs: roots, Compress: true,
			Login: imap.Login{User: user, Password: "secret"}})
		p.Remove = func(t *testing.T, folder string, uid mail.UID) {
			t.Helper()
			s.Doveadm("expunge", "-u", user, "mailbox", opts.Prefix+folder, "uid", strconv.Itoa(int(uid)))
		}
		return p
	})
}
