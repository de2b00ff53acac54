package probe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// soon is how long before its end a certificate deserves a look: a migration takes weeks.
const soon = 30 * 24 * time.Hour

// handshake sets up TLS from the first octet.
func (v *visitor) handshake(ctx context.Context, s *Step) error {
	err := v.visit.Handshake(ctx)
	v.describe(s, err)
	return err
}

// startTLS sets up TLS on a connection that began without it.
func (v *visitor) startTLS(ctx context.Context, s *Step) error {
	err := v.visit.StartTLS(ctx)
	v.describe(s, err)
	return err
}

// describe tells what the server showed, and in plain words what is wrong with it.
func (v *visitor) describe(s *Step, err error) {
	if state, ok := v.visit.TLS(); ok {
		s.Facts = append(s.Facts, Fact{Name: "version", Values: []string{tls.VersionName(state.Version)}},
			Fact{Name: "cipher", Values: []string{tls.CipherSuiteName(state.CipherSuite)}})
	}
	chain := v.visit.Certificates()
	if len(chain) == 0 {
		if err != nil && strings.Contains(err.Error(), "protocol version") {
			s.Notes = append(s.Notes, "The server speaks an old version of TLS only; mailhaul needs TLS 1.2 or newer.")
		}
		return
	}
	leaf := chain[0]
	sum := sha256.Sum256(leaf.Raw)
	s.Facts = append(s.Facts, Fact{Name: "certificate", Values: []string{subject(leaf)}}, Fact{Name: "names", Values: names(leaf)},
		Fact{Name: "valid", Values: []string{day(leaf.NotBefore) + " to " + day(leaf.NotAfter)}}, Fact{Name: "chain", Values: issuers(chain)},
		Fact{Name: "sha256", Values: []string{hex.EncodeToString(sum[:])}})
	s.Notes = append(s.Notes, judge(chain, v.Options)...)
}

// issuers are who signed what the server showed, from its own certificate upwards.
func issuers(chain []*x509.Certificate) []string {
	var all []string
	for _, c := range chain {
		all = append(all, issuer(c))
	}
	return all
}

// judge says what is wrong with a chain, all of it: who mends one thing should know of the next.
func judge(chain []*x509.Certificate, o Options) []string {
	leaf, now := chain[0], o.Now()
	var notes []string
	if err := leaf.VerifyHostname(o.Host); err != nil {
		notes = append(notes, fmt.Sprintf("The certificate is not made for %s but for %s.", o.Host, strings.Join(orNobody(names(leaf)), ", ")))
	}
	for i, c := range chain {
		notes = append(notes, dates(c, i == 0, now)...)
	}
	return append(notes, trust(chain, o.Roots)...)
}

// dates says of one certificate whether its time is over, not come yet, or nearly over.
func dates(c *x509.Certificate, own bool, now time.Time) []string {
	which := "The certificate"
	if !own {
		which = "The issuer's certificate of " + subject(c)
	}
	switch left := c.NotAfter.Sub(now); {
	case left < 0:
		return []string{fmt.Sprintf("%s expired on %s, %s ago.", which, day(c.NotAfter), days(-left))}
	case now.Before(c.NotBefore):
		return []string{fmt.Sprintf("%s is valid from %s on only; is the clock of this machine right?", which, day(c.NotBefore))}
	case left < soon:
		return []string{fmt.Sprintf("%s expires on %s, in %s.", which, day(c.NotAfter), days(left))}
	}
	return nil
}

// trust says why the issuer is not trusted, whatever the names and the dates are.
func trust(chain []*x509.Certificate, roots *x509.CertPool) []string {
	leaf, between := chain[0], x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: midst(chain),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	switch {
	case err == nil:
		return nil
	case bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		return []string{"The server has signed its certificate itself; no authority vouches for it."}
	case len(chain) == 1:
		return []string{fmt.Sprintf("The issuer %s is not trusted here. The server shows its own certificate only: it may have left out the one in between.", issuer(leaf))}
	}
	return []string{fmt.Sprintf("The issuer %s is not trusted here.", issuer(chain[len(chain)-1]))}
}

// midst is a moment at which all of a chain was valid, if there was one, so that trust and dates are told apart.
func midst(chain []*x509.Certificate) time.Time {
	at := chain[0].NotBefore
	for _, c := range chain {
		if c.NotBefore.After(at) {
			at = c.NotBefore
		}
	}
	return at.Add(time.Second)
}

func names(c *x509.Certificate) []string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

func orNobody(all []string) []string {
	if len(all) == 0 {
		return []string{"no name at all"}
	}
	return all
}

func subject(c *x509.Certificate) string { return called(c.Subject.CommonName, c.Subject.Organization) }

func issuer(c *x509.Certificate) string { return called(c.Issuer.CommonName, c.Issuer.Organization) }

// called is a name as people know it: "R11 (Let's Encrypt)".
func called(name string, organisation []string) string {
	of := strings.Join(organisation, ", ")
	switch {
	case name == "" && of == "":
		return "without a name"
	case name == "":
		return of
	case of == "" || of == name:
		return name
	}
	return name + " (" + of + ")"
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func days(d time.Duration) string {
	switch n := int(d.Hours() / 24); n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}
