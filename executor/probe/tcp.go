package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"mailhaul/executor/imap"
	"mailhaul/state/mail"
)

// mostAddresses is how many addresses of a name are tried.
const mostAddresses = 16

// attempt is one connection that was tried.
type attempt struct {
	conn net.Conn
	took time.Duration
	err  error
}

// connect tries every address at once, since each may fail for itself, and goes on with the first in order that answers.
func (v *visitor) connect(ctx context.Context, s *Step) error {
	addresses := v.addresses[:min(len(v.addresses), mostAddresses)]
	tried := make([]attempt, len(addresses))
	var wait sync.WaitGroup
	for i, a := range addresses {
		wait.Go(func() { tried[i] = v.dial(ctx, net.JoinHostPort(a.String(), strconv.Itoa(v.Port))) })
	}
	wait.Wait()
	silent := 0
	for i, t := range tried {
		f := Fact{Name: addresses[i].String(), Took: t.took, Values: []string{"connected"}}
		switch {
		case t.err != nil:
			f.Values = []string{reason(t.err)}
			silent++
		case v.conn == nil:
			v.conn = t.conn
		default:
			_ = t.conn.Close() // nothing was sent
		}
		s.Facts = append(s.Facts, f)
	}
	if v.conn == nil {
		return v.unreachable(tried)
	}
	if silent > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d of %d addresses can't be reached: connections may now and then take longer.", silent, len(tried)))
	}
	o := imap.Options{Host: v.Host, Port: v.Port, TLS: v.TLS, RootCAs: v.Roots, Trace: v.Trace,
		Timeouts: imap.Timeouts{Dial: v.Timeout, Progress: v.Timeout}}
	if v.Login != nil {
		o.Login = *v.Login
	}
	v.visit = imap.NewVisit(v.conn, o)
	return nil
}

func (v *visitor) dial(ctx context.Context, address string) attempt {
	ctx, cancel := context.WithTimeout(ctx, v.Timeout)
	defer cancel()
	begin := time.Now()
	conn, err := v.Dial(ctx, "tcp", address)
	return attempt{conn: conn, took: time.Since(begin), err: err}
}

// unreachable is the error where no address answers; the first one's reason stands for all, the facts have the others.
func (v *visitor) unreachable(tried []attempt) error {
	e := &mail.Error{Op: "connect to port " + strconv.Itoa(v.Port), Kind: mail.Transient, Code: mail.CodeIMAPConnect}
	e.Err = errors.New(reason(tried[0].err))
	return e
}

// reason says in plain words why a connection was not made.
func reason(err error) string {
	var sys *os.SyscallError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused: nothing listens on that port"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no way there from this machine"
	case errors.As(err, &sys):
		return sys.Err.Error()
	}
	return err.Error()
}
