package view

import (
	"mailhaul/executor"
)

// Events takes what the executor tells while it runs. Event is called by one goroutine at a time. Close ends the view
// and gives the terminal back; it must be called on every way out, and may be called twice.
type Events interface {
	Event(executor.Event)
	Close() error
}

// Progress says how progress is shown.
type Progress string

// The answers of --progress.
const (
	ProgressAuto  Progress = "auto"
	ProgressLive  Progress = "live"
	ProgressLines Progress = "lines"
	ProgressNone  Progress = "none"
)

// NewEvents chooses the view for people: quiet shows problems only, none nothing but problems either, live the screen,
// lines one line each, and auto what the terminal can do. A live screen needs a terminal; elsewhere it becomes lines.
func NewEvents(t *Terminal, p Progress, quiet bool) Events {
	switch {
	case quiet, p == ProgressNone:
		return NewQuiet(t.Err, t.Location)
	case p == ProgressLines, !t.Err.IsTerminal, p != ProgressLive && !t.Live:
		return NewLines(t.Err, t.Location)
	}
	return NewLive(t)
}
