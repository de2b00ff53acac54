package imap_test

import (
	"context"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/tokenserver"
	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// fixedToken hands out one token.
type fixedToken string

func (f fixedToken) Token(context.Context) (string, error) { return string(f), nil }
func (f fixedToken) Left(string) time.Duration             { return time.Hour }
func (f fixedToken) Refused(string) bool                   { return false }

// TestXOAUTH2Dovecot signs in to a real server that checks tokens by their signature: a good one is let in and reads and
// writes; one with a wrong signature, one that has ended, one of another authority and one for another mailbox are not.
// With the habits of Exchange Online each refusal has the code that a user of Microsoft 365 gets to see.
func TestXOAUTH2Dovecot(t *testing.T) {
	authority, stranger := tokenserver.Start(t), tokenserver.Start(t)
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"anna@contoso.example": "x", "bo@contoso.example": "y"},
		Extra: "auth_mechanisms = xoauth2\npassdb {\n  driver = oauth2\n  mechanisms = xoauth2\n  args = DIR/oauth2.conf\n}\n",
		Files: map[string]string{
			"oauth2.conf": "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=DIR/keys/\nusername_attribute = email\n",
			"keys/default/RS256/" + tokenserver.Canary: string(authority.PublicKey()),
		}})
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	claims := func(user string, life time.Duration) tokenserver.Claims {
		return tokenserver.Claims{Issuer: "https://sts.example/", Name: "mailhaul", Email: user, Expires: time.Now().Add(life).Unix()}
	}
	good := authority.Issue(claims("anna@contoso.example", time.Hour))
	for _, tt := range []struct {
		name, token string
		want        mail.Code
	}{
		{"good", good, ""},
		{"wrong signature", good[:len(good)-8] + "AAAAAAAA", mail.CodeM365Token},
		{"ended", authority.Issue(claims("anna@contoso.example", -time.Hour)), mail.CodeM365Token},
		{"of a stranger", stranger.Issue(claims("anna@contoso.example", time.Hour)), mail.CodeM365Token},
		{"for another mailbox", authority.Issue(claims("bo@contoso.example", time.Hour)), mail.CodeM365Token},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := imap.DialDestination(t.Context(), imap.Options{Host: s.Host, Port: s.TLSPort, RootCAs: roots,
				Login: imap.Login{User: "anna@contoso.example", Tokens: fixedToken(tt.token)}, Habits: imap.Microsoft365()})
			if tt.want != "" {
				if mail.CodeOf(err) != tt.want || mail.KindOf(err) != mail.Auth || strings.Contains(err.Error(), tt.token) {
					t.Errorf("%v is %s, want %s", err, mail.CodeOf(err), tt.want)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, s.Log())
			}
			defer d.Close()
			res := &results{}
			if err := d.Append(t.Context(), mail.Folder{Raw: "INBOX"}, []mail.Outgoing{outgoing(1, "Subject: x\r\n\r\nx\r\n", mail.Flags{})}, res.done); err != nil {
				t.Error(err)
			}
			if err := d.Drain(t.Context()); err != nil || len(res.all) != 1 || res.all[0].Outcome != mail.Landed {
				t.Errorf("appended %+v, %v", res.all, err)
			}
		})
	}
}
