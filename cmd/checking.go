package cmd

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/executor/check"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// comparable says what of a mailbox is compared with what: the plan's mapping, in words of the check.
func (w *work) comparable(m *config.Mailbox, inv plan.Inventory) check.Mailbox {
	c := check.Mailbox{Name: m.Name(), Target: m.Destination.Address, MaxSize: plan.SettingsOf(m, inv.Limits).MaxSize,
		Source:      w.endpoints.checked(m.From, m.Source, "source", m.Name()),
		Destination: w.endpoints.checkedBy(m, inv.Limits.Transport),
		Shared:      w.sharesDestination(m), Rewrites: !inv.Limits.KeepsBytes}
	if m.Messages.TooLarge == config.TooLargeFail {
		c.MaxSize = 0 // what is too large counts as failed then: it is missing
	}
	places := map[string]int{}
	for _, mapping := range plan.Map(m, inv.Source, inv.Destination, inv.Limits.Names) {
		name := check.Name{Raw: mapping.Source.Raw, Path: mapping.Source.Path.String()}
		messages := int64(mapping.Source.Status.Messages)
		switch {
		case mapping.Source.NoSelect:
		case mapping.Excluded:
			c.Aside = append(c.Aside, check.Aside{Name: name, Rule: mapping.Reason, Messages: messages})
		case mapping.Fault != "":
			c.Aside = append(c.Aside, check.Aside{Name: name, Fault: mapping.Fault, Messages: messages})
		default:
			pairSource(&c, places, name, mapping)
		}
	}
	for _, f := range inv.Destination {
		if _, used := places[f.Raw]; !used && !f.NoSelect && f.Status.Messages > 0 {
			c.Others = append(c.Others, check.Other{Path: f.Path.String(), Messages: int64(f.Status.Messages)})
		}
	}
	return c
}

// entering lets a mailbox be compared when both its servers have a connection for it, as the survey has learnt how many those
// are; tell hears that one waits.
func (w *work) entering(tell func(executor.Event)) func(context.Context, string) (func(), error) {
	rows := map[string]state.Mailbox{}
	for _, m := range w.mailboxes {
		rows[m.Name()] = row(m)
	}
	var one sync.Mutex
	return func(ctx context.Context, mailbox string) (func(), error) {
		return w.endpoints.limits.Enter(ctx, rows[mailbox], func(side, said string, d time.Duration) {
			one.Lock()
			defer one.Unlock()
			tell(executor.Waiting{Stamp: executor.Stamp{Time: time.Now()}, Mailbox: mailbox, Side: side,
				Code: mail.CodeIMAPConnections, Kind: mail.Throttled, Text: said, Wait: d})
		})
	}
}

// pairSource adds a source folder to the pair of its destination folder. Folders that the destination has are told
// apart by their octets there; those that it has not, by name.
func pairSource(c *check.Mailbox, places map[string]int, source check.Name, mapping plan.Mapping) {
	there := check.Name{Path: mapping.Target.String()}
	key := "\x00" + there.Path
	if mapping.Exists {
		there.Raw, key = mapping.Existing.Raw, mapping.Existing.Raw
	}
	at, known := places[key]
	if !known {
		at = len(c.Pairs)
		places[key] = at
		c.Pairs = append(c.Pairs, check.Pair{Destination: there})
	}
	c.Pairs[at].Sources = append(c.Pairs[at].Sources, source)
}

// sharesDestination tells whether another mailbox of the project goes to the same destination.
func (w *work) sharesDestination(m *config.Mailbox) bool {
	for _, o := range w.config.Mailboxes {
		if o.Name() != m.Name() && o.To == m.To && strings.EqualFold(o.Destination.Address, m.Destination.Address) {
			return true
		}
	}
	return false
}

// checkedBy gives the destination as the check reaches it: by the transport by which its folders were listed, as each has
// its own names for them.
func (e *endpoints) checkedBy(m *config.Mailbox, transport string) check.Server {
	c := e.checked(m.To, m.Destination, "destination", m.Name())
	s := e.servers[m.To]
	switch transport {
	case config.TransportEWS:
		c.Web = &check.Web{Protocol: check.EWS, URL: s.ewsURL(), Impersonate: s.Microsoft365.Impersonate}
	case config.TransportGraph:
		c.Web = &check.Web{Protocol: check.Graph, URL: s.graphURL()}
	default:
		return c
	}
	c.Web.Mailbox = m.Destination.Address
	if c.Token, c.Refused = nil, nil; s.Microsoft365.Basic {
		c.User, c.Password = s.Admin.User, s.Admin.Password.Reveal()
		return c
	}
	c.Token, c.Refused = s.tokens[transport].Token, s.tokens[transport].Refused
	return c
}

// checked gives one side of a mailbox as the check reaches it: the same server, the same limits, the same sign-in.
func (e *endpoints) checked(block *config.Endpoint, l config.Login, side, mailbox string) check.Server {
	s := e.servers[block]
	in := s.login(l)
	c := check.Server{Host: s.Host, Port: s.Port, TLS: string(s.TLS), RootCAs: s.roots, PinSHA256: s.PinSHA256,
		User: in.User, AuthzID: in.AuthzID, Password: in.Password, Literals: l.Literals,
		Connect: func(ctx context.Context) (func(), error) {
			select {
			case s.slots <- struct{}{}:
				return s.leave(mailbox), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		Trace: func() io.Writer {
			if trace := e.traces.open(side, mailbox); trace != nil {
				return trace
			}
			return nil
		}}
	if tokens := s.tokens[config.TransportIMAP]; tokens != nil {
		c.Token, c.Refused = tokens.Token, tokens.Refused
	}
	if s.bandwidth != nil {
		c.Bandwidth = s.bandwidth.Of(l.Address)
	}
	return c
}
