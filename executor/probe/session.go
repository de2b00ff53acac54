package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mailhaul/executor/imap"
)

func (v *visitor) greeting(ctx context.Context, s *Step) error {
	text, err := v.visit.Greeting(ctx)
	if err == nil {
		s.Facts = []Fact{{Name: "text", Values: []string{text}}}
	}
	return err
}

// plainCapabilities is what the server says before STARTTLS. It is shown and never trusted: anybody on the way can have
// written it.
func (v *visitor) plainCapabilities(ctx context.Context, s *Step) error {
	caps, err := v.visit.Capabilities(ctx)
	if err != nil {
		return err
	}
	s.Facts = []Fact{{Name: "in plain text", Values: caps}}
	if !slices.Contains(caps, "STARTTLS") {
		s.Notes = append(s.Notes, "The server does not announce STARTTLS.")
	}
	return nil
}

func (v *visitor) capabilities(ctx context.Context, s *Step) error {
	caps, err := v.visit.Capabilities(ctx)
	if err != nil {
		return err
	}
	all, usable := methods(caps)
	s.Facts = []Fact{{Name: "before sign-in", Values: caps}, {Name: "sign-in methods", Values: all}}
	if !usable {
		s.Notes = append(s.Notes, "The server takes no password here: none of its methods does.")
	}
	return nil
}

// methods names the ways to sign in, and tells whether one of them takes a password.
func methods(caps []string) (all []string, password bool) {
	for _, c := range caps {
		if mechanism, ok := strings.CutPrefix(c, "AUTH="); ok {
			all = append(all, mechanism)
			password = password || mechanism == "PLAIN" || mechanism == "LOGIN"
		}
	}
	if !slices.Contains(caps, "LOGINDISABLED") {
		all, password = append(all, "the command LOGIN"), true
	}
	return all, password
}

// signIn sends the password, and asks anew what the server can do: many say more now (RFC 9051, 6.2.3).
func (v *visitor) signIn(ctx context.Context, s *Step) error {
	method, err := v.visit.SignIn(ctx)
	v.report.PasswordSent = method != ""
	if err != nil {
		return err
	}
	s.Facts = []Fact{{Name: "method", Values: []string{method}}}
	caps, err := v.visit.Capabilities(ctx)
	if err == nil {
		s.Facts = append(s.Facts, Fact{Name: "after sign-in", Values: caps})
	}
	return err
}

// identity asks who the server is and where folders lie.
func (v *visitor) identity(ctx context.Context, s *Step) error {
	id, spaces, err := v.visit.Introduce(ctx)
	if err != nil {
		return err
	}
	var about []string
	for _, pair := range id {
		about = append(about, pair[0]+" "+pair[1])
	}
	delimiter := Fact{Name: "delimiter"}
	if spaces.Delimiter != "" {
		delimiter.Values = []string{quoted(spaces.Delimiter)}
	}
	s.Facts = []Fact{{Name: "ID", Values: about}, {Name: "personal folders", Values: quotedAll(spaces.Personal)},
		{Name: "others' folders", Values: quotedAll(spaces.Foreign)}, delimiter}
	return nil
}

func (v *visitor) quota(ctx context.Context, s *Step) error {
	all, err := v.visit.Quotas(ctx)
	if err != nil {
		return err
	}
	limits := Fact{Name: "limits"}
	for _, q := range all {
		limits.Values = append(limits.Values, limit(q))
		if q.Limit > 0 && q.Used >= q.Limit {
			s.Notes = append(s.Notes, fmt.Sprintf("%s is used up.", q.Resource))
		}
	}
	s.Facts = []Fact{limits}
	return nil
}

// limit writes a quota: "STORAGE: 12 of 512 KiB".
func limit(q imap.Quota) string {
	unit := ""
	if q.Resource == "STORAGE" {
		unit = " KiB"
	}
	return fmt.Sprintf("%s: %d of %d%s", q.Resource, q.Used, q.Limit, unit)
}

func quoted(text string) string { return `"` + text + `"` }

func quotedAll(texts []string) []string {
	var all []string
	for _, t := range texts {
		all = append(all, quoted(t))
	}
	return all
}
