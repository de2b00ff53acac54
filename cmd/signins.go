package cmd

import (
	"fmt"
	"slices"

	"mailhaul/cmd/view"
	"mailhaul/config"
	"mailhaul/executor/oauth"
)

// say shows a sentence at once, as the message of a device code.
func (a *app) say(text string) {
	_, _ = fmt.Fprintln(a.term.Err, view.Safe(text)) // nobody reads it then
}

// signIns describes the tokens in use, in the order of the configuration.
func (w *work) signIns() []view.SignIn {
	var list []view.SignIn
	for _, e := range w.config.Endpoints {
		if s := w.endpoints.servers[e]; s != nil {
			for _, d := range s.descriptions() {
				list = append(list, view.SignIn{Endpoint: e.Ref(), Sides: w.sides(e), Method: d.Method, Tenant: d.Tenant,
					Application: d.Application, Roles: d.Roles, Expires: d.Expires, Elsewhere: d.Elsewhere})
			}
		}
	}
	return list
}

// descriptions are those of the tokens that the endpoint has; where it has none, of the one it would have first.
func (s *server) descriptions() []oauth.Description {
	var list []oauth.Description
	var seen []*oauth.Source
	for _, transport := range s.Transports() {
		source := s.tokens[transport]
		if source == nil || slices.Contains(seen, source) {
			continue
		}
		seen = append(seen, source)
		if d := source.Describe(); !d.Expires.IsZero() {
			list = append(list, d)
		}
	}
	if len(list) == 0 && len(seen) > 0 {
		list = append(list, seen[0].Describe())
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
