package executor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"mailhaul/executor"
	"mailhaul/executor/endpointtest"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// granting are endpoints whose destinations let nobody in before their time has come.
type granting struct {
	executor.Endpoints
	from  map[string]time.Time
	asked map[string]int
}

func (g granting) Destination(ctx context.Context, mailbox string) (executor.Destination, error) {
	g.asked[mailbox]++
	if time.Now().Before(g.from[mailbox]) {
		return nil, &mail.Error{Op: "sign in", Kind: mail.Auth, Code: mail.CodeM365Denied}
	}
	return g.Endpoints.Destination(ctx, mailbox)
}

// TestSurveyAsksAgainForNewGrants: a permission that begins to count while verify waits is found; one that does not is told
// after a bounded time; and a mailbox that was let in, or refused for another reason, is asked once.
func TestSurveyAsksAgainForNewGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"granted", "late", "never"}
		e := endpointtest.NewEndpoints(names...)
		g := granting{e, map[string]time.Time{"late": time.Now().Add(40 * time.Second), "never": time.Now().Add(time.Hour)}, map[string]int{}}
		var waits []executor.Waiting
		o := executor.SurveyOptions{Endpoints: g, Prove: true, Again: []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute},
			Events: func(e executor.Event) { waits = append(waits, e.(executor.Waiting)) }}
		for _, name := range names {
			o.Mailboxes = append(o.Mailboxes, executor.SurveyMailbox{Row: state.Mailbox{Name: name}})
		}
		began := time.Now()
		result, err := executor.Survey(t.Context(), o)
		if err != nil || result["granted"].Problem != nil || result["late"].Problem != nil || result["never"].Problem == nil {
			t.Errorf("%v, %+v", err, result)
		}
		if took := time.Since(began); took != 105*time.Second || len(waits) != 4 {
			t.Errorf("it took %v and told of %d waits", took, len(waits))
		}
		if g.asked["granted"] != 1 || g.asked["late"] != 4 || g.asked["never"] != 5 {
			t.Errorf("asked %v", g.asked)
		}
		if w := waits[0]; w.Mailbox != "" || w.Code != mail.CodeM365Denied || w.Side != executor.SideDestination {
			t.Errorf("the first wait, for two, is %+v", w)
		}
		if w := waits[3]; w.Mailbox != "never" || w.Wait != time.Minute {
			t.Errorf("the last wait, for one, is %+v", w)
		}
		if misuse := e.Misuse(); len(misuse) > 0 {
			t.Error(misuse)
		}
	})
}

// TestSurveyStopsWaitingWhenInterrupted: the wait for a permission ends with the context.
func TestSurveyStopsWaitingWhenInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := granting{endpointtest.NewEndpoints("anna"), map[string]time.Time{"anna": time.Now().Add(time.Hour)}, map[string]int{}}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := executor.Survey(ctx, executor.SurveyOptions{Endpoints: g, Prove: true, Again: []time.Duration{time.Minute},
			Mailboxes: []executor.SurveyMailbox{{Row: state.Mailbox{Name: "anna"}}}})
		if took := time.Since(began); err == nil || took != 3*time.Second {
			t.Errorf("it ended with %v after %v", err, took)
		}
	})
}
