package imap_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// sink keeps what Fetch hands over.
type sink struct {
	body   []byte
	bodies map[mail.UID]string
	heads  map[mail.UID]mail.Message
}

func newSink() *sink {
	return &sink{bodies: map[mail.UID]string{}, heads: map[mail.UID]mail.Message{}}
}

func (s *sink) Body(size mail.Size, r io.Reader) error {
	var err error
	s.body, err = io.ReadAll(r)
	if err == nil && mail.Size(len(s.body)) != size {
		return fmt.Errorf("%d octets, announced %d", len(s.body), size)
	}
	return err
}

func (s *sink) Message(m mail.Message, hasBody bool) error {
	s.heads[m.UID] = m
	if hasBody {
		s.bodies[m.UID] = string(s.body)
	}
	return nil
}

// results keeps what Append reports.
type results struct {
	mu  sync.Mutex
	all []mail.Appended
}

func (r *results) done(a mail.Appended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, a)
}

// date has a zone that is no whole hour.
var date = time.Date(2020, 3, 4, 5, 6, 7, 0, time.FixedZone("", 5*3600+45*60))

func outgoing(id int64, body string, f mail.Flags) mail.Outgoing {
	return mail.Outgoing{ID: id, Size: mail.Size(len(body)), Body: bytes.NewReader([]byte(body)), Flags: f,
		InternalDate: date}
}

func dovecotOptions(t *testing.T, s *dovecot.Server, tls string) imap.Options {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	o := imap.Options{Host: s.Host, Port: s.Port, TLS: tls, RootCAs: roots, Login: imap.Login{User: "u", Password: `p "\§{3}`}}
	if tls == imap.TLSImplicit {
		o.Port = s.TLSPort
	}
	return o
}

// TestDovecot goes the whole way against a real server, in every layout and over every kind of connection.
func TestDovecot(t *testing.T) {
	for _, c := range []struct {
		name string
		tls  string
		opts dovecot.Options
	}{
		{"implicit TLS", imap.TLSImplicit, dovecot.Options{}},
		{"STARTTLS, maildir++ below INBOX", imap.TLSStart, dovecot.Options{Layout: "maildir++", Prefix: "INBOX."}},
		{"plain, without LITERAL+", imap.TLSNone, dovecot.Options{Capability: "IMAP4rev1 SASL-IR UIDPLUS"}},
		{"plain, quota", imap.TLSNone, dovecot.Options{Quota: "*:storage=50M"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.opts.Users = map[string]string{"u": `p "\§{3}`}
			s := dovecot.Start(t, c.opts)
			roundTrip(t, dovecotOptions(t, s, c.tls))
		})
	}
}

func roundTrip(t *testing.T, opts imap.Options) {
	ctx := context.Background()
	d, err := imap.DialDestination(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	path := mail.Path{"Übung & \"Co\"", "a\\b"}
	f, err := d.Create(ctx, path, mail.RoleNone)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(path, f.Path); diff != "" {
		t.Error(diff)
	}
	o, err := d.Open(ctx, f)
	if err != nil || o.Status.UIDNext != 1 || !o.AnyKeyword {
		t.Fatalf("opened %+v, %v", o, err)
	}
	bodies := map[int64]string{}
	var batch []mail.Outgoing
	for i := range int64(300) {
		bodies[i] = fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", i, bytes.Repeat([]byte("x"), int(i*i)))
		batch = append(batch, outgoing(i, bodies[i], mail.ParseFlags([]string{`\Seen`, "$Label", `bad]`})))
	}
	res := &results{}
	if err := d.Append(ctx, f, batch, res.done); err != nil {
		t.Fatal(err)
	}
	if err := d.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if len(res.all) != len(batch) {
		t.Fatalf("%d results", len(res.all))
	}
	byUID := map[mail.UID]string{}
	for _, a := range res.all {
		if a.Outcome != mail.Landed || a.UIDValidity != o.Status.UIDValidity {
			t.Fatalf("%+v", a)
		}
		byUID[a.UID] = bodies[a.ID]
	}
	verify(t, opts, path, byUID)
	if err := d.SetFlags(ctx, f, []mail.FlagChange{{UID: 1, Flags: mail.Flags{System: mail.Flagged}}}); err != nil {
		t.Error(err)
	}
	if l, err := d.Limits(ctx); err != nil || l.Names.Delimiter == "" {
		t.Errorf("%+v, %v", l, err)
	} else {
		t.Logf("%+v", l)
	}
	again, err := d.Create(ctx, path, mail.RoleSent)
	if err != nil || again.Raw != f.Raw {
		t.Errorf("created again: %+v, %v", again, err)
	}
}

func verify(t *testing.T, opts imap.Options, path mail.Path, want map[mail.UID]string) {
	t.Helper()
	ctx := context.Background()
	s, err := imap.DialSource(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	folders, err := s.Folders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var f mail.Folder
	for _, g := range folders {
		if g.Path.String() == path.String() {
			f = g
		}
	}
	if int(f.Status.Messages) != len(want) || f.Status.UIDNext != mail.UID(len(want)+1) || f.Status.UIDValidity == 0 {
		t.Fatalf("folders %+v", folders)
	}
	var uids []mail.UID
	for m, err := range s.List(ctx, f, mail.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if int(m.Size) != len(want[m.UID]) || !m.InternalDate.Equal(date) {
			t.Fatalf("%+v", m)
		}
		if m.Flags.String() != `\Seen $Label` {
			t.Fatalf("flags %v", m.Flags)
		}
		uids = append(uids, m.UID)
	}
	to := newSink()
	if err := s.Fetch(ctx, f, uids, to); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, to.bodies); diff != "" {
		t.Error("bodies differ")
	}
	there, err := s.Exists(ctx, f, append(uids, 100000))
	if err != nil || len(there) != len(uids) {
		t.Errorf("%d exist, %v", len(there), err)
	}
	f.Status.UIDValidity++
	if err := s.Fetch(ctx, f, uids, to); mail.KindOf(err) != mail.Stale {
		t.Errorf("other UIDVALIDITY: %v", err)
	}
}
