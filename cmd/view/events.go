package view

import (
	"fmt"
	"io"
	"time"

	"mailhaul/config"
	"mailhaul/executor"
	"mailhaul/plan"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// EventsVersion is the version of the JSON events: minor versions add fields and events, majors break.
const EventsVersion = "1.0"

// JSON writes one event per line; the first is "version".
type JSON struct {
	w         io.Writer
	now       func() time.Time
	run, pass string // of the last event that had them
	err       error
}

// record is one line; the order of its fields is the order of the keys.
type record struct {
	V                 string       `json:"v,omitempty"`
	Time              string       `json:"time"`
	Event             string       `json:"event"`
	Run               *string      `json:"run,omitempty"`
	Pass              *string      `json:"pass,omitempty"`
	Mailbox           string       `json:"mailbox,omitempty"`
	Destination       string       `json:"destination,omitempty"`
	Transport         string       `json:"transport,omitempty"`
	Folder            string       `json:"folder,omitempty"`
	DestinationFolder string       `json:"destination_folder,omitempty"`
	UID               mail.UID     `json:"uid,omitempty"`
	MessageID         string       `json:"message_id,omitempty"`
	Bytes             *mail.Size   `json:"bytes,omitempty"`
	Changes           []string     `json:"changes,omitempty"`
	Code              string       `json:"code,omitempty"`
	Kind              string       `json:"kind,omitempty"`
	Hint              string       `json:"hint,omitempty"`
	Retry             *bool        `json:"retry,omitempty"`
	Seconds           *float64     `json:"seconds,omitempty"`
	Planned           *state.Count `json:"planned,omitempty"`
	Copied            *state.Count `json:"copied,omitempty"`
	Failed            *state.Count `json:"failed,omitempty"`
	LeftOut           *state.Count `json:"left_out,omitempty"`
	Gone              *state.Count `json:"gone,omitempty"`
	Range             *textRange   `json:"range,omitempty"`
	ExitCode          *int         `json:"exit_code,omitempty"`
	Text              string       `json:"text"`
}

type textRange struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

// NewJSON writes the version event to w, which is standard output. version is mailhaul's own; now is the clock for what
// has no stamp.
func NewJSON(w io.Writer, version string, now func() time.Time) *JSON {
	j := &JSON{w: w, now: now}
	j.write(record{V: EventsVersion, Event: "version", Text: "mailhaul " + version}, now())
	return j
}

// write writes one line. After an error of writing it writes no more, so that no half line is followed by another.
func (j *JSON) write(r record, at time.Time) {
	if j.err != nil {
		return
	}
	r.Time = at.UTC().Format(time.RFC3339)
	if r.Event != "version" {
		run, pass := j.run, j.pass
		r.Run, r.Pass = &run, &pass
	}
	line, err := encode(r, "")
	if err == nil {
		_, err = j.w.Write(line)
	}
	j.err = err
}

// Begin sets run and pass for events that come before the run's first.
func (j *JSON) Begin(run, pass string) { j.run, j.pass = run, pass }

// Event writes an executor's event; a Step is none for programs.
func (j *JSON) Event(e executor.Event) {
	stamp := stampOf(e)
	if r, known := recordOf(e); known {
		j.Begin(stamp.Run, stamp.Pass)
		j.write(r, stamp.Time)
	}
}

// recordOf makes a line of an event.
func recordOf(e executor.Event) (record, bool) {
	r := record{Text: sentence(e), Mailbox: mailboxOf(e)}
	switch e := e.(type) {
	case executor.PassStarted:
		r.Event, r.Planned = "pass_started", &e.Planned
	case executor.MailboxStarted:
		r.Event, r.Planned, r.Destination, r.Transport = "mailbox_started", &e.Planned, e.Destination, e.Transport
	case executor.Waiting:
		r.Event, r.Seconds = "waiting", seconds(e.Wait)
		r.setCause(e.Code, e.Kind)
	case executor.ConnectionsLowered:
		r.Event, r.Code, r.Kind = "diagnostic", string(mail.CodeIMAPConnections), "warning"
		r.Hint = Hint(r.Code)
	case executor.Progress:
		r.Event = "progress"
		r.setCounts(e.Planned, e.Copied, e.Failed, e.LeftOut)
	case executor.MessageLeftOut:
		r.Event, r.Code, r.Hint = "message_left_out", string(e.Code), Hint(string(e.Code))
		r.setMessage(e.Destination, e.Transport, e.Bytes)
		r.Folder, r.DestinationFolder, r.UID, r.MessageID = e.Folder, e.DestinationFolder, e.UID, Safe(e.MessageID)
	case executor.MessageFailed:
		r.Event, r.Retry = "message_failed", &e.Retry
		r.setCause(e.Code, e.Kind)
		r.setMessage(e.Destination, e.Transport, e.Bytes)
		r.Folder, r.DestinationFolder, r.UID, r.MessageID = e.Folder, e.DestinationFolder, e.UID, Safe(e.MessageID)
	case executor.MessageChanged:
		r.Event, r.Changes = "message_changed", e.Changes.Changes()
		r.setMessage(e.Destination, e.Transport, e.Bytes)
		r.Folder, r.DestinationFolder, r.UID = e.Folder, e.DestinationFolder, e.UID
	case executor.MailboxDone:
		r.Event, r.Destination, r.Transport, r.Seconds = "mailbox_done", e.Destination, e.Transport, seconds(e.Elapsed)
		r.setCounts(e.Planned, e.Copied, e.Failed, e.LeftOut)
	case executor.MailboxFailed:
		r.Event, r.Destination, r.Transport, r.Retry = "mailbox_failed", e.Destination, e.Transport, &e.Retry
		r.Copied = &e.Copied
		r.setCause(e.Code, e.Kind)
	case executor.Interrupted:
		r.Event = "interrupted"
	case executor.WindowClosed:
		r.Event = "window_closed"
	case executor.WindowOpened:
		r.Event = "window_opened"
	case executor.PassDone:
		r.Event, r.Seconds = "pass_done", seconds(e.Elapsed)
		r.setCounts(e.Planned, e.Copied, e.Failed, e.LeftOut)
		if e.Gone.Messages > 0 {
			r.Gone = &e.Gone
		}
	default:
		return r, false
	}
	return r, true
}

func (r *record) setCause(code mail.Code, kind mail.Kind) {
	r.Code, r.Kind, r.Hint = string(code), kind.String(), Hint(string(code))
}

func (r *record) setMessage(destination, transport string, size mail.Size) {
	r.Destination, r.Transport, r.Bytes = destination, transport, &size
}

func (r *record) setCounts(planned, copied, failed, leftOut state.Count) {
	r.Planned, r.Copied, r.Failed, r.LeftOut = &planned, &copied, &failed, &leftOut
}

func seconds(d time.Duration) *float64 {
	s := d.Round(time.Millisecond).Seconds()
	return &s
}

// Diagnostics writes one "diagnostic" event each; its kind is "error" or "warning".
func (j *JSON) Diagnostics(ds config.Diagnostics) {
	for _, d := range ds {
		r := record{Event: "diagnostic", Code: string(d.Code), Kind: "error", Hint: d.Hint, Text: d.Summary}
		if d.Severity == config.Warning {
			r.Kind = "warning"
		}
		if d.Hint == "" {
			r.Hint = Hint(string(d.Code))
		}
		if at := d.Range(); !at.IsZero() {
			r.Range = &textRange{at.File, at.Start.Line, at.Start.Column, at.End.Line, at.End.Column}
		}
		j.write(r, j.now())
	}
}

// Error writes a run-time error as a "diagnostic" event.
func (j *JSON) Error(e RunError) {
	j.write(record{Event: "diagnostic", Code: string(e.Code), Kind: "error", Hint: Hint(string(e.Code)), Text: e.Summary}, j.now())
}

// Plan writes the "plan" event.
func (j *JSON) Plan(p *plan.Plan) {
	t, done := p.Total, state.Count{}
	for _, m := range p.Mailboxes {
		done = done.Add(m.Done)
	}
	text := fmt.Sprintf("Plan: %s to start, %s to continue, %s up to date, %s blocked, %s skipped.", Count(t.Start),
		Count(t.Continue), Count(t.UpToDate), Count(t.Blocked), Count(t.Skipped))
	r := record{Event: "plan", Text: text}
	r.setCounts(t.Todo, done, t.Failed, t.LeftOut)
	j.Begin(j.run, p.Pass.Name)
	j.write(r, j.now())
}

// Exit writes the last line.
func (j *JSON) Exit(code int, text string) {
	j.write(record{Event: "exit", ExitCode: &code, Text: text}, j.now())
}

// Close gives the first error of writing.
func (j *JSON) Close() error { return j.err }
