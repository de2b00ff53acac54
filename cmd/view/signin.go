package view

import (
	"strings"
	"time"
)

// SignIn says how an endpoint of Microsoft 365 is signed in to. What it says of the token is what the token claims.
type SignIn struct {
	Endpoint    string    `json:"endpoint"`
	Sides       []string  `json:"sides"` // "source", "destination"
	Method      string    `json:"method"`
	Tenant      string    `json:"tenant"`
	Application string    `json:"application"`
	Roles       []string  `json:"roles,omitempty"`
	Expires     time.Time `json:"expires,omitzero"` // zero: no token was issued
	// Elsewhere is whom the token is for, where that is not the endpoint.
	Elsewhere string `json:"elsewhere,omitempty"`
}

// SignIns writes how each endpoint is signed in to, for information.
func SignIns(o Output, list []SignIn, zone *time.Location) error {
	var b strings.Builder
	for _, s := range list {
		b.WriteByte('\n')
		head := "Sign-in of " + Safe(s.Endpoint)
		if len(s.Sides) > 0 {
			head += " (" + strings.Join(s.Sides, " and ") + ")"
		}
		paragraph(&b, head+": "+Safe(s.Method), "", o.Width)
		for _, line := range s.details(zone) {
			paragraph(&b, line, "   ", o.Width)
		}
	}
	return o.put(b.String())
}

func (s SignIn) details(zone *time.Location) []string {
	lines := []string{"tenant " + Safe(s.Tenant), "application " + Safe(s.Application)}
	switch {
	case s.Expires.IsZero():
		return append(lines, "no token was issued")
	case len(s.Roles) == 0:
		lines = append(lines, "the token names no role")
	default:
		lines = append(lines, "roles "+Safe(strings.Join(s.Roles, ", ")))
	}
	if s.Elsewhere != "" {
		lines = append(lines, "the token is for "+Safe(s.Elsewhere)+", and not for what was asked for")
	}
	if zone == nil {
		zone = time.Local
	}
	return append(lines, "the token ends at "+s.Expires.In(zone).Format("15:04:05")+" and is renewed before")
}
