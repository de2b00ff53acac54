// Command bound is package rawcopy as a program, for benchmarks that measure programs from their start to their end. It reads
// a Request as JSON from standard input, does all its jobs at once, and says nothing but errors.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"mailhaul/executor/endpointtest/rawcopy"
)

// Request is what to copy: the INBOX of each user, who has one password on both sides.
type Request struct {
	From, To Server
	Users    []string
	Password string
	Group    int // as in rawcopy.Job
}

// Server is one side of all jobs.
type Server struct {
	Addr string
	CA   string // a file of certificates, by which a server named localhost is known; empty: no TLS
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var r Request
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		return err
	}
	from, err := r.From.side()
	if err != nil {
		return err
	}
	to, err := r.To.side()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	failed := make([]error, len(r.Users))
	for i, user := range r.Users {
		from.User, from.Password, to.User, to.Password = user, r.Password, user, r.Password
		j := rawcopy.Job{From: from, To: to, Folder: "INBOX", Group: r.Group}
		all.Go(func() { _, failed[i] = rawcopy.Copy(context.Background(), j) })
	}
	all.Wait()
	for i, err := range failed {
		if err != nil {
			return fmt.Errorf("%s: %w", r.Users[i], err)
		}
	}
	return nil
}

func (s Server) side() (rawcopy.Side, error) {
	side := rawcopy.Side{Addr: s.Addr}
	if s.CA == "" {
		return side, nil
	}
	ca, err := os.ReadFile(s.CA)
	if err != nil {
		return side, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	side.TLS = &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true}
	return side, nil
}
