package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
)

// Visit takes the steps of a session one by one, for whoever wants to see and time each. It is held to what a source may
// be sent, so it changes nothing. The steps are called in the order in which they stand here, TLS first or after
// StartTLS; after an error only Certificates and Close are of use. It is not safe for several goroutines.
type Visit struct{ c *client }

// NewVisit begins with a connection that is open and goes over to the Visit. Nothing is sent yet.
func NewVisit(conn net.Conn, opts Options) *Visit {
	return &Visit{c: newClient(opts.withDefaults(), conn, true)}
}

// do guards one step.
func (v *Visit) do(ctx context.Context, op string, step func() error) error {
	leave, err := v.c.enter(ctx, op)
	if err != nil {
		return err
	}
	defer leave()
	if err := step(); err != nil {
		v.c.kill(err)
		return v.c.reason(ctx, err)
	}
	return nil
}

// Handshake sets up TLS and verifies the server.
func (v *Visit) Handshake(ctx context.Context) error {
	return v.do(ctx, "set up TLS", func() error { return v.c.handshake(ctx) })
}

// Certificates are those that the server showed in the last handshake, its own first, also where they were refused.
func (v *Visit) Certificates() []*x509.Certificate { return v.c.shown }

// TLS describes the protection; false while there is none.
func (v *Visit) TLS() (tls.ConnectionState, bool) {
	if t, ok := v.c.link.conn.(*tls.Conn); ok {
		return t.ConnectionState(), true
	}
	return tls.ConnectionState{}, false
}

// Greeting waits for the server's first line and gives its words.
func (v *Visit) Greeting(ctx context.Context) (string, error) {
	err := v.do(ctx, "read greeting", v.c.greeting)
	return v.c.hello, err
}

// StartTLS asks for TLS and sets it up. What the server could do before counts no more.
func (v *Visit) StartTLS(ctx context.Context) error {
	return v.do(ctx, "start TLS", func() error { return v.c.startTLS(ctx) })
}

// Capabilities gives what the server says it can do at this point, sorted, in upper case.
func (v *Visit) Capabilities(ctx context.Context) ([]string, error) {
	if err := v.do(ctx, "ask for capabilities", v.c.capability); err != nil {
		return nil, err
	}
	var names []string
	for name := range v.c.caps {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// SignIn sends the password of Options.Login, once, and gives the method, also where it was refused; empty: the server
// offers none for a password, and none was sent.
func (v *Visit) SignIn(ctx context.Context) (string, error) {
	err := v.do(ctx, "sign in", v.c.signIn)
	return v.c.method, err
}

// Spaces says where folders lie.
type Spaces struct {
	Delimiter string   // between the levels of a name; empty: there is one level
	Personal  []string // prefixes of the user's own folders
	Foreign   []string // prefixes of other users' and of shared folders
}

// Introduce says who we are and asks the same of the server: its ID as pairs of key and value, none where it has no ID or
// tells none, and its namespaces.
func (v *Visit) Introduce(ctx context.Context) ([][2]string, Spaces, error) {
	var id [][2]string
	err := v.do(ctx, "ask for namespaces", func() error {
		_, err := v.c.runAll("ask for namespaces", v.c.introduction(), func(r *response) error {
			if r.verb == "ID" {
				id = parseID(r.data)
			}
			return v.c.hearSpaces(r)
		})
		return err
	})
	n := v.c.spaces
	return id, Spaces{Delimiter: n.delim, Personal: n.personal, Foreign: n.foreign}, err
}

// maxID is how many pairs of an ID are kept; RFC 2971, 3.3 allows as many.
const maxID = 30

// parseID reads "(key value ...)" or NIL.
func parseID(s *scanner) [][2]string {
	if s.next().kind != tokOpen {
		return nil
	}
	var pairs [][2]string
	for len(pairs) < maxID {
		key := s.next()
		if key.kind == tokClose || key.kind == tokEnd {
			break
		}
		name := strings.ToLower(string(s.text(key)))
		if value := s.next(); !value.isNil() {
			pairs = append(pairs, [2]string{name, string(s.text(value))})
		}
	}
	return pairs
}

// maxQuotas is about how many limits are kept; a mailbox has one or two.
const maxQuotas = 100

// Quotas asks for the limits of the mailbox that signed in. A server without QUOTA, or one that refuses, has none to tell.
func (v *Visit) Quotas(ctx context.Context) ([]Quota, error) {
	if !v.c.caps.has("QUOTA") {
		return nil, nil
	}
	var all []Quota
	err := v.do(ctx, "ask for quota", func() error {
		_, err := v.c.run("ask for quota", newCommand("GETQUOTAROOT").astring("INBOX"), func(r *response) error {
			if r.verb == "QUOTA" && len(all) < maxQuotas {
				all = append(all, parseQuota(r.data)...)
			}
			return nil
		})
		return err
	})
	return all, err
}

// Close says goodbye and releases the connection. It may be called twice.
func (v *Visit) Close() error { return v.c.close() }
