package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"mailhaul/state/mail"
)

// answer is what one lookup gave.
type answer struct {
	values []string
	err    error
}

// lookUp asks for everything the name has to say about mail, all at once. Only addresses are needed; the rest tells a
// person who took the name of a domain for that of a server where to go.
func (v *visitor) lookUp(ctx context.Context, s *Step) error {
	if addr, err := netip.ParseAddr(v.Host); err == nil {
		v.addresses = []netip.Addr{addr}
		s.Facts = []Fact{{Name: "address", Values: []string{addr.String()}}}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, v.Timeout)
	defer cancel()
	var four, six, mx, imaps, imap answer
	var wait sync.WaitGroup
	for to, ask := range map[*answer]func(context.Context) answer{
		&four: v.askAddresses("ip4"), &six: v.askAddresses("ip6"), &mx: v.askMX,
		&imaps: v.askSRV("imaps"), &imap: v.askSRV("imap"),
	} {
		wait.Go(func() { *to = ask(ctx) })
	}
	wait.Wait()
	s.Facts = []Fact{{Name: "A", Values: four.values}, {Name: "AAAA", Values: six.values}, {Name: "MX", Values: mx.values},
		{Name: "SRV _imaps._tcp", Values: imaps.values}, {Name: "SRV _imap._tcp", Values: imap.values}}
	s.Notes = elsewhere(v.Host, slices.Concat(imaps.values, imap.values))
	for _, a := range slices.Concat(four.values, six.values) {
		addr, err := netip.ParseAddr(a)
		if err == nil {
			v.addresses = append(v.addresses, addr)
		}
	}
	if len(v.addresses) == 0 {
		return v.noAddress(cmp.Or(four.err, six.err))
	}
	for i, a := range []answer{four, six, mx, imaps, imap} {
		if a.err != nil {
			s.Notes = append(s.Notes, fmt.Sprintf("%s could not be looked up: %v.", s.Facts[i].Name, lookupTrouble(a.err)))
		}
	}
	return nil
}

func (v *visitor) noAddress(err error) error {
	e := &mail.Error{Op: "look up " + v.Host, Kind: mail.Transient, Code: mail.CodeIMAPConnect, Err: errors.New("the name has no address")}
	if err != nil {
		e.Err = fmt.Errorf("the name can't be looked up: %v", lookupTrouble(err))
	}
	return e
}

// elsewhere says where a domain keeps its IMAP server, if its SRV records name another one (RFC 6186).
func elsewhere(host string, services []string) []string {
	for _, target := range services {
		name, _, err := net.SplitHostPort(target)
		if err == nil && !strings.EqualFold(name, host) {
			return []string{fmt.Sprintf("The domain says that its IMAP server is %s.", target)}
		}
	}
	return nil
}

// found gives the error of a lookup, but for that there is nothing of the name. Names of the hosts file that have no
// address of the kind asked for come as an AddrError.
func found(err error) error {
	var dns *net.DNSError
	var none *net.AddrError
	if errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &none) {
		return nil
	}
	return err
}

func lookupTrouble(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return "no name server answers in time"
	case errors.As(err, &dns):
		return dns.Err
	}
	return err.Error()
}

func (v *visitor) askAddresses(network string) func(context.Context) answer {
	return func(ctx context.Context) answer {
		all, err := v.Resolver.LookupNetIP(ctx, network, v.Host)
		var a answer
		for _, addr := range all {
			a.values = append(a.values, addr.Unmap().String())
		}
		a.err = found(err)
		return a
	}
}

func (v *visitor) askMX(ctx context.Context) answer {
	all, err := v.Resolver.LookupMX(ctx, v.Host)
	var a answer
	for _, mx := range all {
		a.values = append(a.values, fmt.Sprintf("%d %s", mx.Pref, withoutDot(mx.Host)))
	}
	a.err = found(err)
	return a
}

func (v *visitor) askSRV(service string) func(context.Context) answer {
	return func(ctx context.Context) answer {
		_, all, err := v.Resolver.LookupSRV(ctx, service, "tcp", v.Host)
		var a answer
		for _, srv := range all {
			if target := withoutDot(srv.Target); target != "" { // "." says that there is no such service (RFC 2782)
				a.values = append(a.values, net.JoinHostPort(target, fmt.Sprint(srv.Port)))
			}
		}
		a.err = found(err)
		return a
	}
}

func withoutDot(name string) string { return strings.TrimSuffix(name, ".") }
