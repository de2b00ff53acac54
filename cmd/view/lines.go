package view

import (
	"time"

	"mailhaul/executor"
)

// Lines writes progress as lines: start and end of each mailbox, each problem once, one heartbeat a minute.
type Lines struct {
	o   Output
	loc *time.Location
}

// NewLines writes to o, which is standard error, with clock times in loc.
func NewLines(o Output, loc *time.Location) *Lines { return &Lines{o: o, loc: loc} }

// NewQuiet writes problems only.
func NewQuiet(o Output, loc *time.Location) *Lines { return &Lines{o: o, loc: loc} }

// Event writes the line of an event, if it has one.
func (l *Lines) Event(e executor.Event) {}

// Close gives the first error of writing.
func (l *Lines) Close() error { return nil }
