package view

import (
	"io"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
)

// JSON writes one event per line; the first is "version".
type JSON struct{ w io.Writer }

// NewJSON writes the version event to w, which is standard output. now is the clock for events that have no stamp.
func NewJSON(w io.Writer, version string, now func() time.Time) *JSON { return &JSON{w} }

// Event writes an executor's event; a Step is none for programs.
func (j *JSON) Event(e executor.Event) {}

// Diagnostics writes one "diagnostic" event each.
func (j *JSON) Diagnostics(ds config.Diagnostics) {}

// Error writes a run-time error as a "diagnostic" event.
func (j *JSON) Error(e RunError) {}

// Plan writes the "plan" event.
func (j *JSON) Plan(p *plan.Plan) {}

// Exit writes the last line.
func (j *JSON) Exit(code int, text string) {}

// Close gives the first error of writing.
func (j *JSON) Close() error { return nil }
