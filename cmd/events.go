package cmd

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"mailhaul/cmd/view"
	"mailhaul/executor"
	"mailhaul/state"
)

// beginEvents makes --json of apply a stream: from here on everything that is told is an event on standard output.
func (a *app) beginEvents() {
	if a.flags.json {
		a.events = view.NewJSON(a.term.Out, Version, a.term.Now)
	}
}

// runEvents is where the events of a run go.
func (a *app) runEvents(run state.Run) view.Events {
	if a.events != nil {
		a.events.Begin(run.ID, run.Pass)
		return a.events
	}
	if !a.flags.quiet && a.flags.progress != string(view.ProgressNone) {
		blank(a.term.Err)
	}
	return view.NewEvents(a.term, view.Progress(a.flags.progress), a.flags.quiet)
}

// quietEvents is where the events of a run go whose result is shown as a whole.
func (w *work) quietEvents() view.Events {
	if w.app.events != nil {
		return w.app.events
	}
	return noEvents{}
}

// lastWord holds back that a run is done until it is known how it ended: one that the state file stopped is not done.
type lastWord struct {
	view.Events
	done *executor.PassDone
}

// Event hands e on, unless it is the last.
func (l *lastWord) Event(e executor.Event) {
	if done, last := e.(executor.PassDone); last {
		l.done = &done
		return
	}
	l.Events.Event(e)
}

// end hands the last event on, where err leaves it true, and closes.
func (l *lastWord) end(err error) error {
	interrupted := errors.Is(err, errCutOff)
	if l.done != nil && (err == nil || interrupted) {
		l.done.Interrupted = l.done.Interrupted || interrupted
		l.Events.Event(*l.done)
	}
	if err := l.Close(); !errors.Is(err, syscall.EIO) {
		return err
	}
	return nil // the terminal is gone, and nobody looks any more: how the work ended is not changed by that
}

// noEvents tells nobody.
type noEvents struct{}

// Event drops e.
func (noEvents) Event(executor.Event) {}

// Close does nothing.
func (noEvents) Close() error { return nil }

// blank sets apart what is told next; if it can't be written, what follows can't either and says so.
func blank(o view.Output) { _, _ = fmt.Fprintln(o) }

// surveyEvents is where the events of a survey go: it is short, so lines will do.
func (a *app) surveyEvents() view.Events {
	switch {
	case a.events != nil:
		return a.events
	case a.flags.quiet || a.flags.json || a.flags.progress == string(view.ProgressNone):
		return view.NewQuiet(a.term.Err, a.term.Location)
	}
	return view.NewLines(a.term.Err, a.term.Location)
}

// silent tells whether nobody wants to be told what goes on before there is a result.
func (a *app) silent() bool {
	return a.events != nil || a.flags.quiet || a.flags.json || a.flags.progress == string(view.ProgressNone)
}

// slowSurvey is after how long it is told that servers are still being asked.
const slowSurvey = 15 * time.Second

// saySurvey tells that servers are being asked, and which of the mailboxes' sides, and once more where the answer takes its
// time: one that went away without a word is waited for as long as one that is slow. end is called when they have answered.
func (a *app) saySurvey(sides string, mailboxes int) (end func()) {
	if a.silent() {
		return func() {}
	}
	a.sayAsking(sides + " of " + view.Plural(mailboxes, "mailbox"))
	slow := time.AfterFunc(slowSurvey, func() {
		_, _ = fmt.Fprint(a.term.Err, "Still asking. A server that says nothing is asked again before its mailboxes are\n"+
			"given up: that can take some minutes. Ctrl-C ends this; nothing has begun.\n") // likewise
	})
	return func() { slow.Stop() }
}

// sayAsking tells a person, before any answer has come, whom the command asks.
func (a *app) sayAsking(whom string) {
	if !a.silent() {
		_, _ = fmt.Fprintf(a.term.Err, "Asking %s ...\n", view.Safe(whom)) // only a courtesy
	}
}

// What is asked of mailboxes.
const (
	bothSides       = "both sides"
	onlySource      = "the source"
	onlyDestination = "the destination"
)

// sidesOf names what a survey asks.
func sidesOf(o executor.SurveyOptions) string {
	switch {
	case o.SourceOnly:
		return onlySource
	case o.DestinationOnly:
		return onlyDestination
	}
	return bothSides
}
