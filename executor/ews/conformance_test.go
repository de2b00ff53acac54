package ews_test

import (
	"context"
	"fmt"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/ews"
	"mailhaul/state/mail"
)

var _ executor.Destination = (*ews.Destination)(nil)

// options lead to the server.
func options(s *ewsserver.Server) ews.Options {
	return ews.Options{URL: s.URL(), RootCAs: s.Roots(), Token: s.Token, Impersonate: true, KeepDollar: true}
}

// service makes a Service that ends with the test.
func service(t *testing.T, opts ews.Options) *ews.Service {
	t.Helper()
	s, err := ews.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// server starts a server that must not be misused.
func server(t *testing.T) *ewsserver.Server {
	t.Helper()
	s := ewsserver.Start(t)
	t.Cleanup(func() {
		if misuse := s.Misuse(); len(misuse) > 0 {
			t.Errorf("what no client may do: %q", misuse)
		}
	})
	return s
}

// TestConformance runs the suite of all endpoints against the simulator, which validates every request: with a token and
// impersonation, with Basic and the account's own rights, and with pages of two entries.
func TestConformance(t *testing.T) {
	for _, tt := range []struct {
		name   string
		habits ewsserver.Habits
		basic  bool
	}{
		{"bearer and impersonation", ewsserver.Habits{}, false},
		{"basic", ewsserver.Habits{Exact: true}, true},
		{"pages of two", ewsserver.Habits{Page: 2}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := server(t)
			s.User("admin", "secret \"\\§")
			s.Behave(tt.habits)
			opts := options(s)
			if tt.basic {
				opts.Token, opts.Impersonate, opts.User, opts.Password = nil, false, "admin", "secret \"\\§"
			}
			e := service(t, opts)
			users := 0
			endpointtest.Run(t, func(*testing.T) endpointtest.Pair {
				address := fmt.Sprintf("user%d@new.example", users)
				users++
				b := s.Mailbox(address)
				return endpointtest.Pair{
					Source:      func(ctx context.Context) (executor.Source, error) { return open(ctx, e, address) },
					Destination: func(ctx context.Context) (executor.Destination, error) { return open(ctx, e, address) },
					Remove:      func(_ *testing.T, folder string, _ mail.UID) { b.Remove(folder, 0) },
				}
			})
		})
	}
}

// open keeps a nil *Destination from looking like a session.
func open(ctx context.Context, s *ews.Service, address string) (executor.Destination, error) {
	d, err := s.Destination(ctx, address)
	if err != nil {
		return nil, err
	}
	return d, nil
}
