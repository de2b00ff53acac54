package imap_test

import (
	"context"
	"strings"
	"testing"

	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/proxy"
	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// TestCompress: where it is asked for and offered, most octets of ordinary mail never travel, and the mail is the same.
func TestCompress(t *testing.T) {
	for _, compress := range []bool{false, true} {
		s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"anna": "secret"},
			Extra: "protocol imap {\n  mail_plugins = imap_zlib\n}\n"})
		way := proxy.Start(t, s.Addr())
		way.Set(proxy.Faults{Blind: true})
		opts := imap.Options{Host: way.Host(), Port: way.Port(), TLS: imap.TLSNone, Compress: compress,
			Login: imap.Login{User: "anna", Password: "secret"}}
		body := "Subject: x\r\n\r\n" + strings.Repeat("One line like the other.\r\n", 20_000)
		ctx := context.Background()
		d, err := imap.DialDestination(ctx, opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Open(ctx, inbox); err != nil {
			t.Fatal(err)
		}
		if got, err := send(t, d, body); err != nil || got[0].Outcome != mail.Landed {
			t.Fatalf("%+v, %v", got, err)
		}
		read := newSink()
		if err := d.Fetch(ctx, mail.Folder{Raw: "INBOX"}, []mail.UID{1}, read); err != nil || read.bodies[1] != body {
			t.Errorf("compress %v: %d octets came back, %v", compress, len(read.bodies[1]), err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		up, down := way.Octets()
		if small := up < int64(len(body))/10 && down < int64(len(body))/10; small != compress {
			t.Errorf("compress %v: %d octets up and %d down for %d", compress, up, down, len(body))
		}
	}
}
