package oauth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"mailhaul/state/mail"
)

// Description says what is known of the token in use, for people. What comes from inside the token is what it claims:
// nobody checked its signature, which is the server's business.
type Description struct {
	Method      string
	Tenant      string // as the token says, else as configured
	Application string
	Roles       []string  // application permissions, or the scopes of a person's token; sorted
	Expires     time.Time // zero: there is no token yet
	Opaque      bool      // the token can't be looked into
	// Elsewhere is whom the token says to be for, where that is not what it was asked for; empty: it is, or says nothing.
	Elsewhere string
}

// Describe describes the current token. It contacts nobody.
func (s *Source) Describe() Description {
	s.mu.Lock()
	g := s.token
	s.mu.Unlock()
	d := Description{Method: s.flow.method(), Tenant: s.opts.Tenant, Application: s.opts.Client}
	if g.token == "" {
		return d
	}
	d.Expires = g.ends
	c, ok := read(g.token)
	if !ok {
		d.Opaque = true
		return d
	}
	if c.Tenant != "" {
		d.Tenant = c.Tenant
	}
	if c.Application != "" {
		d.Application = c.Application
	}
	d.Elsewhere = elsewhere(c.audience(), s.opts.Scopes)
	d.Roles = append(c.Roles, strings.Fields(c.Scopes)...)
	slices.Sort(d.Roles)
	return d
}

var id = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// foreign refuses a token that says to be of another tenant than the configured one: what it opens is somebody else's. Tokens
// name the tenant by its id, so one that is configured by a domain can't be compared.
func (s *Source) foreign(g grant) error {
	c, _ := read(g.token)
	if !id.MatchString(c.Tenant) || !id.MatchString(s.opts.Tenant) || strings.EqualFold(c.Tenant, s.opts.Tenant) {
		return nil
	}
	return &mail.Error{Op: op, Kind: mail.Auth, Code: mail.CodeOAuthTenant,
		Err: fmt.Errorf("the authority issued a token for the tenant %s, and tenant_id is %s; it is not used", c.Tenant, s.opts.Tenant)}
}

// claims are what mailhaul looks at in a token.
type claims struct {
	Tenant      string   `json:"tid"`
	Application string   `json:"appid"`
	Roles       []string `json:"roles"`
	Scopes      string   `json:"scp"`
	Audience    any      `json:"aud"`
}

// audience is whom the token is for; empty where it does not say so in one word.
func (c claims) audience() string {
	one, _ := c.Audience.(string)
	return one
}

// names are those of one service: tokens may carry its address or its id as an application, whatever they were asked for by.
// Those of the sovereign clouds are from Microsoft's page; nobody here could try them.
var names = [][]string{
	{"outlook.office365.com", "outlook.office.com", "ps.outlook.com", "outlook.office365.us", "outlook-dod.office365.us",
		"partner.outlook.cn", "00000002-0000-0ff1-ce00-000000000000"},
	{"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn",
		"00000003-0000-0000-c000-000000000000"},
}

// elsewhere gives the audience where it is none of the services that the scopes belong to.
func elsewhere(audience string, scopes []string) string {
	if audience == "" {
		return ""
	}
	for _, scope := range scopes {
		asked, own := bare(scope[:max(0, strings.LastIndexByte(scope, '/'))]), bare(audience)
		same := func(service []string) bool { return slices.Contains(service, asked) && slices.Contains(service, own) }
		if asked == own || slices.ContainsFunc(names, same) {
			return ""
		}
	}
	return audience
}

// bare is the address of a service without what differs between tokens.
func bare(address string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(address), "https://"), "/")
}

func read(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, false
	}
	return c, json.Unmarshal(payload, &c) == nil
}
