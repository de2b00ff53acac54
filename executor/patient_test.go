package executor_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// away are endpoints whose destination is down until some moment.
type away struct {
	executor.Endpoints
	until time.Time
}

func (a away) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	if time.Now().Before(a.until) {
		return nil, &mail.Error{Op: "connect", Kind: mail.Transient, Code: mail.CodeIMAPConnect, Text: "connection refused"}
	}
	return a.Endpoints.Destination(ctx, mailbox)
}

// remembering is a ledger that has listed every mailbox before, or none.
type remembering struct {
	executor.Ledger
	listed bool
}

func (r remembering) FindMailbox(context.Context, string, string) (state.Mailbox, bool, error) {
	return state.Mailbox{ID: 1}, r.listed, nil
}

func (remembering) Folders(context.Context, state.MailboxID) ([]state.Folder, error) {
	return make([]state.Folder, 1), nil
}

// TestUnattendedSurveyIsPatient: where nobody waits for the plan, a server that is away for minutes blocks no mailbox; one
// that stays away costs that time once, and not for each of its mailboxes. Somebody who waits is told soon, and so is
// everybody where no mailbox was ever reached.
func TestUnattendedSurveyIsPatient(t *testing.T) {
	for _, c := range []struct {
		unattended bool
		listed     bool
		down       time.Duration
		blocked    int
		longest    time.Duration
	}{
		{true, true, 2 * time.Minute, 0, 4 * time.Minute},
		{true, true, 24 * time.Hour, 20, 8 * time.Minute},
		{true, false, 2 * time.Minute, 20, 90 * time.Second},
		{false, true, 2 * time.Minute, 20, 90 * time.Second},
	} {
		t.Run(fmt.Sprint(c.unattended, c.listed, c.down), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var names []string
				for i := range 20 {
					names = append(names, fmt.Sprint("user", i))
				}
				o := executor.SurveyOptions{Endpoints: away{endpointtest.NewEndpoints(names...), time.Now().Add(c.down)}, Unattended: c.unattended,
					Ledger: remembering{listed: c.listed}, Parallel: 2}
				for _, name := range names {
					o.Mailboxes = append(o.Mailboxes, executor.SurveyMailbox{Row: state.Mailbox{Name: name, SourceEndpoint: "old", DestinationEndpoint: "new"}})
				}
				began := time.Now()
				result, err := executor.Survey(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				blocked := 0
				for _, inv := range result {
					if inv.Problem != nil {
						blocked++
					}
				}
				if took := time.Since(began); blocked != c.blocked || took > c.longest {
					t.Errorf("%d are blocked after %v, want %d within %v", blocked, took, c.blocked, c.longest)
				}
			})
		})
	}
}
