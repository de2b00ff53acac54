package executor_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"mailhaul/executor/endpointtest"
	"mailhaul/state/mail"
)

// rig is a project between mailboxes in memory.
type rig struct {
	*project
	endpoints *endpointtest.Endpoints
}

func newRig(t *testing.T, mailboxes ...string) *rig {
	t.Helper()
	endpoints := endpointtest.NewEndpoints(mailboxes...)
	r := &rig{newProject(t, endpoints, mailboxes...), endpoints}
	t.Cleanup(func() {
		if misuse := r.endpoints.Misuse(); len(misuse) > 0 {
			t.Errorf("endpoints were used against their contract: %v", misuse)
		}
	})
	return r
}

func (r *rig) src() *endpointtest.Store { return r.endpoints.Sources[r.config.Mailboxes[0].Name()] }
func (r *rig) dst() *endpointtest.Store {
	return r.endpoints.Destinations[r.config.Mailboxes[0].Name()]
}

// fill puts n messages into a folder, a minute apart, some of them equal.
func (r *rig) fill(folder string, n int) {
	for i := range n {
		body := fmt.Sprintf("Subject: %s %d\r\n\r\nbody %d\r\n", folder, i-i%5/4, i-i%5/4) // every fifth is the fourth again
		r.src().Add(folder, endpointtest.Message{Date: epoch.AddDate(0, 0, -200).Add(time.Duration(i-i%5/4) * time.Minute),
			Flags: mail.ParseFlags([]string{`\Seen`, "Label"}), Octets: []byte(body)})
	}
}

// fact is what must be the same on both sides.
type fact struct {
	Folder, Sum, Date, Flags string
}

func facts(s *endpointtest.Store) []fact {
	var all []fact
	for _, f := range s.Folders() {
		for _, m := range s.Messages(f) {
			all = append(all, fact{f, fmt.Sprintf("%x", m.Sum()), m.Date.UTC().Format(time.RFC3339), m.Flags.String()})
		}
	}
	slices.SortFunc(all, func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Date, b.Date), cmp.Compare(a.Sum, b.Sum), cmp.Compare(a.Flags, b.Flags))
	})
	return all
}

// sameMail fails unless every mailbox has the same messages, as often, on both sides.
func (r *rig) sameMail() {
	r.t.Helper()
	for name, src := range r.endpoints.Sources {
		got, want := facts(r.endpoints.Destinations[name]), facts(src)
		if !slices.Equal(got, want) {
			r.t.Errorf("%s: the destination has %d messages, the source %d%s", name, len(got), len(want), firstDifference(got, want))
		}
	}
}

func firstDifference(got, want []fact) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("\nfirst difference: got %v, want %v", got[i], want[i])
		}
	}
	return ""
}
