package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor/ews"
	"mailhaul/executor/imap"
	"mailhaul/executor/oauth"
	"mailhaul/state/mail"
)

// resources are what tokens are asked for, by the host that IMAP is spoken with. Other hosts than Microsoft's own, those
// of tests, stand for the worldwide cloud. The sovereign ones follow its pattern; nobody here could try them.
var resources = map[string]string{
	"outlook.office365.us":     "https://outlook.office365.us",
	"outlook-dod.office365.us": "https://outlook-dod.office365.us",
	"partner.outlook.cn":       "https://partner.outlook.cn",
	"outlook.office365.com":    worldwide,
	"outlook.office.com":       worldwide,
}

const worldwide = "https://outlook.office365.com"

// newTokens prepares the sign-in of an endpoint; nil for one with passwords. tell shows a device code's message.
func (s *server) newTokens(tell func(string)) error {
	m := s.Microsoft365
	if m == nil {
		return nil
	}
	o := oauth.Options{Authority: m.Authority, Tenant: m.TenantID, Client: m.ClientID, RootCAs: s.roots,
		Secret: m.ClientSecret.Reveal(), Scopes: s.scopes()}
	if m.Certificate != "" {
		cert, err := oauth.ReadCertificate(m.Certificate)
		if err != nil {
			return fail("CONFIG-FILE", fmt.Sprintf("the certificate %s can't be used", m.Certificate), sentence(err))
		}
		o.Certificate = cert
	}
	if m.DeviceCode {
		o.DeviceCode = tell
	}
	if s.Admin != nil {
		o.User, o.Password = s.Admin.User, s.Admin.Password.Reveal()
	}
	var err error
	s.tokens, err = oauth.New(o)
	return err
}

// resource is the cloud that the endpoint belongs to.
func (s *server) resource() string { return cmp.Or(resources[strings.ToLower(s.Host)], worldwide) }

// newExchange prepares the transport "ews" where the endpoint has it.
func (s *server) newExchange() (err error) {
	if s.Transport() != config.TransportEWS {
		return nil
	}
	s.exchange, err = ews.New(ews.Options{URL: cmp.Or(s.Microsoft365.EWSURL, s.resource()+"/EWS/Exchange.asmx"), Token: s.tokens.Token,
		Impersonate: s.Microsoft365.Impersonate, RootCAs: s.roots, MaxMessage: mail.Size(s.MaxMessage), Trace: s.trace})
	return err
}

// scopes are what the token shall be good for: all that the application was granted, or mail as the person who signs in.
func (s *server) scopes() []string {
	resource := s.resource()
	if m := s.Microsoft365; !m.ClientSecret.IsZero() || m.Certificate != "" {
		return []string{resource + "/.default"}
	}
	if s.Transport() == config.TransportEWS {
		return []string{resource + "/EWS.AccessAsUser.All"}
	}
	if resource == worldwide {
		resource = "https://outlook.office.com" // the delegated permission has another address there
	}
	return []string{resource + "/IMAP.AccessAsUser.All"}
}

// asConsent says of a refused sign-in that consent is missing, where the token itself tells that it opens no mailbox: an
// application without an administrator's consent gets a token all the same, without the role.
func (s *server) asConsent(err error) error {
	var e *mail.Error
	if s.tokens == nil || !errors.As(err, &e) || e.Code != mail.CodeM365SignIn && e.Code != mail.CodeM365Token {
		return err
	}
	d := s.tokens.Describe()
	if d.Opaque || slices.ContainsFunc(d.Roles, func(role string) bool { return strings.HasPrefix(role, "IMAP.") }) {
		return err
	}
	consent := *e
	consent.Code = mail.CodeOAuthConsent
	return &consent
}

// habits are those of the kind of server that the endpoint is.
func habits(e *config.Endpoint) imap.Habits {
	if e.Microsoft365 == nil {
		return imap.Habits{}
	}
	return imap.Microsoft365()
}

// say shows a sentence at once, as the message of a device code.
func (a *app) say(text string) {
	_, _ = fmt.Fprintln(a.term.Err, view.Safe(text)) // nobody reads it then
}

// signIns describes the tokens in use, in the order of the configuration.
func (w *work) signIns() []view.SignIn {
	var list []view.SignIn
	for _, e := range w.config.Endpoints {
		s := w.endpoints.servers[e]
		if s == nil || s.tokens == nil {
			continue
		}
		d := s.tokens.Describe()
		list = append(list, view.SignIn{Endpoint: e.Ref(), Sides: w.sides(e), Method: d.Method, Tenant: d.Tenant,
			Application: d.Application, Roles: d.Roles, Expires: d.Expires})
	}
	return list
}

// sides are the sides on which mailboxes use the endpoint.
func (w *work) sides(e *config.Endpoint) []string {
	var sides []string
	if slices.ContainsFunc(w.mailboxes, func(m *config.Mailbox) bool { return m.From == e }) {
		sides = append(sides, "source")
	}
	if slices.ContainsFunc(w.mailboxes, func(m *config.Mailbox) bool { return m.To == e }) {
		sides = append(sides, "destination")
	}
	return sides
}
