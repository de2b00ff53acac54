package imap_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/tokenserver"
	"mailhaul/executor/imap"
	"mailhaul/executor/oauth"
	"mailhaul/state/mail"
)

// tenant is an authority and a server like Exchange Online, whose tokens open every mailbox.
type tenant struct {
	authority *tokenserver.Server
	server    *imapserver.Server
	source    *oauth.Source
}

func newTenant(t *testing.T, change func(*imapserver.Profile)) *tenant {
	t.Helper()
	n := &tenant{authority: tokenserver.Start(t)}
	p := imapserver.Exchange()
	p.Authorize = func(_, token string) imapserver.Entry {
		if _, err := n.authority.Check(token); err != nil {
			return imapserver.WrongToken
		}
		return imapserver.Enter
	}
	if change != nil {
		change(&p)
	}
	n.server = imapserver.Start(t, p, imapserver.Options{TLS: n.authority.TLS(), Implicit: true})
	source, err := oauth.New(oauth.Options{Authority: n.authority.Authority(), Tenant: tokenserver.Tenant, Client: tokenserver.Client,
		RootCAs: n.authority.Roots(), Secret: tokenserver.Secret, Scopes: []string{"https://outlook.office365.com/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	n.source = source
	return n
}

func (n *tenant) options(user string) imap.Options {
	return imap.Options{Host: n.server.Host(), Port: n.server.Port(), RootCAs: n.authority.Roots(), Habits: imap.Microsoft365(),
		Login: imap.Login{User: user, Tokens: n.source}}
}

// TestConformanceMicrosoft365 runs the suite over TLS and with tokens against a server that rewrites what it stores, keeps
// no keywords and loses \Flagged.
func TestConformanceMicrosoft365(t *testing.T) {
	n := newTenant(t, func(p *imapserver.Profile) { p.Refuse = nil }) // the suite has lines that are too long
	users := 0
	endpointtest.Run(t, func(*testing.T) endpointtest.Pair {
		user := "user" + strconv.Itoa(users) + "@contoso.example"
		users++
		b := n.server.Mailbox(user, "")
		pair := pair(n.options(user))
		pair.Remove = func(_ *testing.T, folder string, uid mail.UID) { b.Remove(folder, uint32(uid)) }
		return pair
	})
	if misuse := n.server.Misuse(); len(misuse) > 0 {
		t.Errorf("what no client may do: %q", misuse)
	}
	if got := n.authority.Requests(); got != 1 {
		t.Errorf("%d requests for tokens", got)
	}
}

// TestMicrosoft365Refusals: what keeps a mailbox from being opened has a code of its own each.
func TestMicrosoft365Refusals(t *testing.T) {
	for entry, want := range map[imapserver.Entry]mail.Code{imapserver.WrongToken: mail.CodeM365Token,
		imapserver.WrongUser: mail.CodeM365SignIn, imapserver.NotConnected: mail.CodeM365Denied} {
		n := newTenant(t, func(p *imapserver.Profile) {
			p.Authorize = func(string, string) imapserver.Entry { return entry }
		})
		n.server.Mailbox("anna@contoso.example", "")
		_, err := imap.DialDestination(t.Context(), n.options("anna@contoso.example"))
		if mail.CodeOf(err) != want || mail.KindOf(err) != mail.Auth {
			t.Errorf("%v is %s, want %s", err, mail.CodeOf(err), want)
		}
		if misuse := n.server.Misuse(); len(misuse) > 0 {
			t.Errorf("what no client may do: %q", misuse)
		}
	}
}

// TestMicrosoft365RefusesOneMessage: a refusal of a message is that message's alone: too large, a line that is too long.
func TestMicrosoft365RefusesOneMessage(t *testing.T) {
	n := newTenant(t, nil)
	b := n.server.Mailbox("anna@contoso.example", "")
	d, err := imap.DialDestination(t.Context(), n.options("anna@contoso.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Open(t.Context(), mail.Folder{Raw: "INBOX"}); err != nil {
		t.Fatal(err)
	}
	batch := []mail.Outgoing{outgoing(1, "Subject: small\r\n\r\nx\r\n", mail.Flags{}),
		outgoing(2, "Subject: long\r\n\r\n"+string(make([]byte, 11_000))+"\r\n", mail.Flags{}),
		outgoing(3, "Subject: large\r\n\r\n"+manyLines(36_000_000), mail.Flags{}),
		outgoing(4, "Subject: small too\r\n\r\nx\r\n", mail.Flags{})}
	res := &results{}
	if err := d.Append(t.Context(), inbox, batch, res.done); err != nil {
		t.Fatal(err)
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[int64]mail.Code{}
	for _, a := range res.all {
		if landed := a.Outcome == mail.Landed; landed != (a.Err == nil) || !landed && a.Outcome != mail.Absent {
			t.Errorf("message %d: outcome %d, %v", a.ID, a.Outcome, a.Err)
		}
		if a.Err != nil {
			got[a.ID] = mail.CodeOf(a.Err)
		}
	}
	want := map[int64]mail.Code{2: mail.CodeMessageMalformed, 3: mail.CodeMessageTooLarge}
	if diff := cmp.Diff(want, got); diff != "" || len(res.all) != 4 || len(b.Messages("INBOX")) != 2 {
		t.Errorf("%d of %d stored; refusals (-want +got):\n%s", len(b.Messages("INBOX")), len(res.all), diff)
	}
}

func manyLines(octets int) string {
	const line = "a line of mail that is long enough to be one\r\n"
	text := make([]byte, 0, octets+len(line))
	for len(text) < octets {
		text = append(text, line...)
	}
	return string(text)
}

// TestAThousandSessionsShareOneToken opens the mailboxes of a tenant as both sides of a migration do, in an hour and in the
// next one: each side asks for a token once an hour.
func TestAThousandSessionsShareOneToken(t *testing.T) {
	const mailboxes = 1000
	authority := tokenserver.Start(t)
	p := imapserver.Exchange()
	p.Authorize = func(_, token string) imapserver.Entry {
		if _, err := authority.Check(token); err != nil {
			return imapserver.WrongToken
		}
		return imapserver.Enter
	}
	server := imapserver.Start(t, p, imapserver.Options{})
	var hours atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(hours.Load()) * time.Hour) }
	side := func() *oauth.Source {
		s, err := oauth.New(oauth.Options{Authority: authority.Authority(), Tenant: tokenserver.Tenant, Client: tokenserver.Client,
			RootCAs: authority.Roots(), Secret: tokenserver.Secret, Scopes: []string{"https://outlook.office365.com/.default"}, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	source, destination := side(), side()
	name := func(i int) string { return "user" + strconv.Itoa(i) + "@contoso.example" }
	for i := range mailboxes {
		server.Mailbox(name(i), "")
	}
	for hour := range 2 {
		hours.Store(int64(hour))
		var g errgroup.Group
		g.SetLimit(50)
		for i := range mailboxes / (1 + 9*hour) { // in the second hour a tenth is enough
			g.Go(func() error {
				o := imap.Options{Host: server.Host(), Port: server.Port(), TLS: imap.TLSNone, Habits: imap.Microsoft365(),
					Login: imap.Login{User: name(i), Tokens: source}}
				s, err := imap.DialSource(t.Context(), o)
				if err != nil {
					return err
				}
				defer s.Close()
				o.Login.Tokens = destination
				d, err := imap.DialDestination(t.Context(), o)
				if err != nil {
					return err
				}
				return d.Close()
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if got, want := authority.Requests(), 2*(hour+1); got != want {
			t.Errorf("%d requests for tokens in %d hours, want %d", got, hour+1, want)
		}
	}
}
