package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/executor"
	"mailhaul/plan"
)

// waitOpen waits until the moment, and tells both. The first interrupt ends it.
func (a *app) waitOpen(ctx context.Context, opens time.Time, what, pass string) error {
	ctx, cancel := a.untilStop(ctx)
	defer cancel()
	now := a.term.Now()
	a.sayWait(opens, what, pass, now)
	for ; now.Before(opens); now = a.term.Now() {
		t := time.NewTimer(min(opens.Sub(now), time.Minute)) // a timer stands still while a laptop sleeps
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errNotBegun
		}
	}
	if a.events != nil {
		a.events.Event(executor.WindowOpened{Stamp: executor.Stamp{Time: now, Pass: pass}, Window: what})
	}
	return nil
}

func (a *app) sayWait(opens time.Time, what, pass string, now time.Time) {
	opens = opens.In(a.term.Location)
	switch {
	case a.events != nil:
		a.events.Event(executor.WindowClosed{Stamp: executor.Stamp{Time: now, Pass: pass}, Window: what, Opens: opens})
	case !a.flags.quiet:
		_, _ = fmt.Fprintf(a.term.Err, "Waiting for %s: %s. Ctrl-C ends the waiting.\n", view.Safe(what), opens.Format("2006-01-02 15:04 MST")) // only a courtesy
	}
}

// sayClosed tells that nothing is done outside of the window, and when it opens.
func (a *app) sayClosed(c *closed) error {
	opens := c.opens.In(a.term.Location)
	if a.events != nil {
		a.events.Event(executor.WindowClosed{Stamp: executor.Stamp{Time: a.term.Now(), Pass: c.pass}, Window: c.what, Opens: opens})
		return outcome(exitStopped)
	}
	when := "opens " + opens.Format("2006-01-02 15:04 MST")
	switch {
	case c.opens.IsZero():
		when = "never opens"
	case c.what == "its start":
		when = "is " + opens.Format("2006-01-02 15:04 MST")
	}
	text := fmt.Sprintf(`Pass "%s" is not to work now: %s %s.
Nothing was contacted.

Wait for it:          mailhaul apply%[4]s --wait
Begin all the same:   mailhaul apply%[4]s --ignore-window
`, view.Safe(c.pass), view.Safe(strings.TrimSpace(windowWord(c.what)+" "+c.what)), when, view.Safe(c.asked))
	return errors.Join(view.Paragraph(a.term.Out, text, ""), outcome(exitStopped))
}

func windowWord(what string) string {
	switch {
	case what == "its start":
		return ""
	case strings.Contains(what, ","):
		return "the first of its windows"
	}
	return "its window"
}

// admitPlan refuses a saved plan for whose mailboxes no window is open.
func (w *work) admitPlan(p *plan.Plan) error {
	due := plan.Due{Pass: passOf(w.config, p.Pass.Name)}
	for _, m := range p.Mailboxes {
		if m.Action != plan.Skipped {
			due.Mailboxes = append(due.Mailboxes, m.Name)
		}
	}
	return w.schedule.admit(&due, w.config.Mailboxes, w.app.term.Now())
}

// noteLeft remembers what a run left for the next opening.
func (w *work) noteLeft(p *plan.Plan, o executor.Outcome, closes map[string]executor.Closing) {
	w.left = nil
	switch {
	case w.limits.over > 0, o.Closed > 0 && w.limits.spent(w.app.term.Now()):
		w.left = &closed{pass: p.Pass.Name} // there is nothing to wait for
	case o.Closed > 0:
		first := opensAfter(closes)
		w.left = &closed{p.Pass.Name, first.Opens, first.Window, ""}
	case w.schedule.waiting():
		w.left = &closed{p.Pass.Name, w.schedule.opens, w.schedule.window, ""}
	}
}

// waitFor gives the opening that would let an apply that ended with err go on, or nil.
func (w *work) waitFor(err error) *closed {
	var before *closed
	if errors.As(err, &before) {
		return before
	}
	if exitCode(err) == exitStopped {
		return w.left
	}
	return nil
}

// ended says what has not been said yet of an apply that ends because of a window.
func (w *work) ended(err error) error {
	var before *closed
	if errors.As(err, &before) {
		return w.app.sayClosed(before)
	}
	return err
}

// untilStop gives a context that the first interrupt cancels, for work that leaves nothing half done.
func (a *app) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-a.io.Stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
