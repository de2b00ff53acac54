package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/executor/endpointtest/graphserver"
	"mailhaul/executor/graph"
	"mailhaul/executor/uids"
	"mailhaul/state/mail"
)

var _ executor.Destination = (*graph.Destination)(nil)

// options lead to the server.
func options(s *graphserver.Server) graph.Options {
	return graph.Options{URL: s.URL(), RootCAs: s.Roots(), Tokens: s, KeepDollar: true}
}

// service makes a Service that ends with the test.
func service(t *testing.T, opts graph.Options) *graph.Service {
	t.Helper()
	s, err := graph.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// server starts a server that must not be misused.
func server(t *testing.T) *graphserver.Server {
	t.Helper()
	s := graphserver.Start(t)
	t.Cleanup(func() {
		if misuse := s.Misuse(); len(misuse) > 0 {
			t.Errorf("what no client may do: %q", misuse)
		}
	})
	return s
}

// TestConformance runs the suite of all endpoints against the simulator, which holds every request against Microsoft's
// description of Graph: as it may be, and as it may turn out to be: with small pages, without dates, without searches.
func TestConformance(t *testing.T) {
	for name, habits := range map[string]graphserver.Habits{
		"as documented":        {},
		"pages of two":         {Page: 2},
		"dates are not kept":   {IgnoreDate: true, Chunked: true},
		"dates can't be set":   {RefuseDate: true},
		"no search by numbers": {RefuseFilter: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			s.Behave(habits)
			e := service(t, options(s))
			users := 0
			endpointtest.Run(t, func(*testing.T) endpointtest.Pair {
				address := fmt.Sprintf("user%d@new.example", users)
				users++
				b := s.Mailbox(address)
				return endpointtest.Pair{
					Source:      func(ctx context.Context) (executor.Source, error) { return open(ctx, e, address) },
					Destination: func(ctx context.Context) (executor.Destination, error) { return open(ctx, e, address) },
					Remove: func(_ *testing.T, folder string, uid mail.UID) {
						number := strconv.Itoa(int(uid - uids.FirstOwn))
						b.Remove(folder, slices.IndexFunc(b.Messages(folder), func(m graphserver.Message) bool { return m.Properties[uids.NumberProperty] == number }))
					},
				}
			})
			if refused, busiest := s.Limits(); refused != 0 || busiest > 4 {
				t.Errorf("%d requests were refused, up to %d were under way at one time", refused, busiest)
			}
		})
	}
}

// open keeps a nil *Destination from looking like a session.
func open(ctx context.Context, s *graph.Service, address string) (executor.Destination, error) {
	d, err := s.Destination(ctx, address)
	if err != nil {
		return nil, err
	}
	return d, nil
}
