package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/imap"
	"mailhaul/plan"
	"mailhaul/state/mail"
)

// via is how a mailbox is reached, and why not by the transport that is preferred.
type via struct{ transport, why string }

// reach opens a session of a destination by the first transport that works: one that signs in and answers a question
// about the mailbox. A refusal (wrong permission, switched off) leads to the next one; trouble that passes does not, or a
// mailbox would be written to by two of them. What was chosen once stays: folders and messages have other names by another
// transport, and what is known of them would mean nothing there.
func (e *endpoints) reach(ctx context.Context, s *server, m *config.Mailbox) (executor.Destination, via, error) {
	if s.Microsoft365 == nil {
		d, err := e.dial(ctx, s, m, config.TransportIMAP)
		return d, via{}, err
	}
	list, err := e.candidates(ctx, s, m)
	if err != nil {
		return nil, via{}, err
	}
	var refused []error
	for i, c := range list {
		if i > 0 {
			c.why = whyNot(list[:i], refused)
		}
		d, err := e.dial(ctx, s, m, c.transport)
		if err == nil {
			e.choose(m, c)
			return d, c, nil
		}
		if refused = append(refused, err); mail.KindOf(err) != mail.Auth {
			return nil, c, err
		}
	}
	return nil, via{}, e.noneWorks(m, list, refused)
}

// doubts are told of a transport whose right to write can't be proven without writing: Graph's, where the token does not
// name the role. A scope of RBAC for Applications may give it all the same.
func (s *server) doubts(by via) []string {
	tokens := s.tokens[by.transport]
	if by.transport != config.TransportGraph || tokens == nil {
		return nil
	}
	d := tokens.Describe()
	if d.Opaque || slices.ContainsFunc(d.Roles, func(role string) bool { return strings.HasPrefix(role, "Mail-Advanced.ReadWrite") }) {
		return nil
	}
	return []string{"The token does not name Mail-Advanced.ReadWrite.All: unless RBAC for Applications gives it, Graph will refuse the first message."}
}

// dial opens a session by one transport.
func (e *endpoints) dial(ctx context.Context, s *server, m *config.Mailbox, transport string) (executor.Destination, error) {
	var d executor.Destination
	var err error
	switch transport {
	case config.TransportEWS:
		d, err = s.exchange.Destination(ctx, m.Destination.Address)
	case config.TransportGraph:
		d, err = s.graph.Destination(ctx, m.Destination.Address)
	default:
		o := s.options(m.Destination, e.traces.open("destination", m.Name()))
		o.Late, o.Silent = e.lateFlags(m.Name()), s.silent(m.Name(), executor.SideDestination)
		d, err = imap.DialDestination(ctx, o)
	}
	if err != nil {
		return nil, s.asToken(err) // a nil session must not look like one
	}
	return d, nil
}

// candidates are the transports to try, in their order: the one that was chosen before, the one that the mailbox was
// written to by, else all.
func (e *endpoints) candidates(ctx context.Context, s *server, m *config.Mailbox) ([]via, error) {
	e.mu.Lock()
	c, known := e.chosen[placeOf(m)]
	e.mu.Unlock()
	if known {
		return []via{c}, nil
	}
	written, err := e.writtenBy(ctx, m)
	switch {
	case err != nil:
		return nil, err
	case written == "":
	case !slices.Contains(s.Transports(), written):
		return nil, changed(written, "is not among the transports of "+m.To.Ref())
	case written != s.Transport():
		return []via{{written, "copied by " + written + " so far"}}, nil
	default:
		return []via{{transport: written}}, nil
	}
	var all []via
	for _, t := range s.Transports() {
		all = append(all, via{transport: t})
	}
	slices.SortStableFunc(all, func(a, b via) int { return e.rank(a) - e.rank(b) })
	return all, nil
}

// rank puts the transport that is tried first before the others.
func (e *endpoints) rank(v via) int {
	if v.transport == e.first {
		return 0
	}
	return 1
}

func (e *endpoints) choose(m *config.Mailbox, c via) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.chosen[placeOf(m)] = c
}

// follow keeps to the transports of a saved plan.
func (e *endpoints) follow(p *plan.Plan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range p.Mailboxes {
		name := p.Mailboxes[i].Name
		if m := e.mailboxes[name]; m != nil && slices.Contains(m.To.Transports(), p.Mailboxes[i].Via) {
			e.chosen[placeOf(m)] = via{transport: p.Mailboxes[i].Via}
		}
	}
}

// whyNot says what became of the transports before the one that works.
func whyNot(list []via, refused []error) string {
	var parts []string
	for i, c := range list {
		parts = append(parts, fmt.Sprintf("not by %s: %s", c.transport, mail.CodeOf(refused[i])))
	}
	return strings.Join(parts, ", ")
}

// noneWorks makes one error of all; of several the last one says what to do, as the list ends with what is left.
func (e *endpoints) noneWorks(m *config.Mailbox, list []via, refused []error) error {
	last := refused[len(refused)-1]
	switch {
	case len(list) == 1 && len(m.To.Transports()) > 1:
		return changed(list[0].transport, fmt.Sprintf("refuses now: %s", mail.CodeOf(last)))
	case len(list) == 1:
		return last
	}
	return &mail.Error{Op: "sign in", Kind: mail.Auth, Code: mail.CodeOf(last), Text: whyNot(list, refused)}
}

// changed refuses to go on by another transport than so far.
func changed(written, trouble string) error {
	return &mail.Error{Op: "choose the transport", Kind: mail.Auth, Code: mail.CodeM365Transport,
		Text: fmt.Sprintf("the mailbox is copied by %q, which %s", written, trouble)}
}
