package oauth

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
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
	d.Roles = append(c.Roles, strings.Fields(c.Scopes)...)
	slices.Sort(d.Roles)
	return d
}

// claims are what mailhaul looks at in a token.
type claims struct {
	Tenant      string   `json:"tid"`
	Application string   `json:"appid"`
	Roles       []string `json:"roles"`
	Scopes      string   `json:"scp"`
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
