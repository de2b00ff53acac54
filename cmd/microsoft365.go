package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailhaul/config"
	"mailhaul/executor/ews"
	"mailhaul/executor/graph"
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

// newTransports prepares the sign-in for each transport, and what is spoken by it. tell shows a device code's message.
func (s *server) newTransports(tell func(string)) error {
	s.tokens = map[string]*oauth.Source{}
	if s.Microsoft365.Basic {
		return s.newTransport(config.TransportEWS, tell)
	}
	shared := map[string]*oauth.Source{} // one token serves all that it is good for
	for _, transport := range s.Transports() {
		scopes := s.scopes(transport)
		key := strings.Join(scopes, " ")
		if shared[key] == nil {
			source, err := s.newTokens(scopes, tell)
			if err != nil {
				return err
			}
			shared[key] = source
		}
		s.tokens[transport] = shared[key]
		if err := s.newTransport(transport, tell); err != nil {
			return err
		}
	}
	return nil
}

// newTokens prepares the sign-in for some scopes.
func (s *server) newTokens(scopes []string, tell func(string)) (*oauth.Source, error) {
	m := s.Microsoft365
	o := oauth.Options{Authority: m.Authority, Tenant: m.TenantID, Client: m.ClientID, RootCAs: s.roots,
		Secret: m.ClientSecret.Reveal(), Scopes: scopes}
	if m.Certificate != "" {
		cert, err := oauth.ReadCertificate(m.Certificate)
		if err != nil {
			return nil, fail("CONFIG-FILE", fmt.Sprintf("the certificate %s can't be used", m.Certificate), sentence(err))
		}
		o.Certificate = cert
	}
	if m.DeviceCode {
		o.DeviceCode = tell
	}
	if s.Admin != nil {
		o.User, o.Password, o.Hidden = s.Admin.User, s.Admin.Password.Reveal(), hiddenUser(s.Admin)
	}
	return oauth.New(o)
}

// resource is the cloud that the endpoint belongs to.
func (s *server) resource() string { return cmp.Or(resources[strings.ToLower(s.Host)], worldwide) }

// graphs are where Graph is in each cloud. Those of the sovereign ones are from Microsoft's page on national clouds; nobody
// here could try them.
var graphs = map[string]string{
	worldwide:                          "https://graph.microsoft.com",
	"https://outlook.office365.us":     "https://graph.microsoft.us",
	"https://outlook-dod.office365.us": "https://dod-graph.microsoft.us",
	"https://partner.outlook.cn":       "https://microsoftgraph.chinacloudapi.cn",
}

// graphResource is what tokens for Graph are asked for: an address of Microsoft's own, or that of the endpoint's cloud.
func (s *server) graphResource() string {
	for _, own := range graphs {
		if strings.EqualFold(own, s.Microsoft365.GraphURL) {
			return own
		}
	}
	return graphs[s.resource()]
}

// ewsURL and graphURL are where the services are.
func (s *server) ewsURL() string {
	return cmp.Or(s.Microsoft365.EWSURL, s.resource()+"/EWS/Exchange.asmx")
}

func (s *server) graphURL() string { return cmp.Or(s.Microsoft365.GraphURL, s.graphResource()) }

// newTransport prepares what a transport speaks with; IMAP has a connection for each session instead.
func (s *server) newTransport(transport string, tell func(string)) (err error) {
	m := s.Microsoft365
	switch transport {
	case config.TransportEWS:
		o := ews.Options{URL: s.ewsURL(), Impersonate: m.Impersonate, RootCAs: s.roots,
			MaxMessage: mail.Size(s.MaxMessage), Trace: s.trace}
		if m.Basic {
			o.User, o.Password = s.Admin.User, s.Admin.Password.Reveal()
		} else {
			o.Token, o.Refused = s.tokens[transport].Token, s.tokens[transport].Refused
		}
		s.exchange, err = ews.New(o)
	case config.TransportGraph:
		s.graph, err = graph.New(graph.Options{URL: s.graphURL(), Tokens: s.tokens[transport], RootCAs: s.roots,
			MaxMessage: mail.Size(s.MaxMessage), Tell: tell, Trace: s.trace})
	}
	return err
}

// scopes are what the token shall be good for: all that the application was granted, or mail as the person who signs in.
func (s *server) scopes(transport string) []string {
	resource := s.resource()
	if transport == config.TransportGraph {
		resource = s.graphResource()
	}
	if m := s.Microsoft365; !m.ClientSecret.IsZero() || m.Certificate != "" {
		return []string{resource + "/.default"}
	}
	switch transport {
	case config.TransportEWS:
		return []string{resource + "/EWS.AccessAsUser.All"}
	case config.TransportGraph:
		return []string{resource + "/Mail.ReadWrite", resource + "/Mail-Advanced.ReadWrite"}
	}
	if resource == worldwide {
		resource = "https://outlook.office.com" // the delegated permission has another address there
	}
	return []string{resource + "/IMAP.AccessAsUser.All"}
}

// asToken says of a refused sign-in what the token itself tells: that it is for another service, or that consent is missing,
// since an application without an administrator's consent gets a token all the same, without the role.
func (s *server) asToken(err error) error {
	var e *mail.Error
	tokens := s.tokens[config.TransportIMAP]
	if tokens == nil || !errors.As(err, &e) || e.Code != mail.CodeM365SignIn && e.Code != mail.CodeM365Token {
		return err
	}
	told := *e
	switch d := tokens.Describe(); {
	case d.Opaque, d.Expires.IsZero():
		return err
	case d.Elsewhere != "":
		told.Code = mail.CodeM365Token
		told.Text = fmt.Sprintf("the token is for %s, not for %s", d.Elsewhere, s.resource())
	case slices.ContainsFunc(d.Roles, func(role string) bool { return strings.HasPrefix(role, "IMAP.") }):
		return err
	default:
		told.Code = mail.CodeOAuthConsent
	}
	return &told
}

// habits are those of the kind of server that the endpoint is.
func habits(e *config.Endpoint) imap.Habits {
	if e.Microsoft365 == nil {
		return imap.Habits{}
	}
	return imap.Microsoft365()
}
