package view

import (
	"io"
	"time"

	"mailhaul/plan"
	"mailhaul/state/mail"
)

// Version is what `mailhaul version` tells.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Built   string `json:"built,omitempty"`
	Go      string `json:"go"`
	System  string `json:"system"` // "linux/amd64"
}

// PlanJSON writes the plan as one document, the same as a plan file holds.
func PlanJSON(w io.Writer, p *plan.Plan) error {
	frame := *p
	frame.Mailboxes = frame.Mailboxes[:0]
	return longDocument(w, frame, "mailboxes", len(p.Mailboxes), func(i int) any { return &p.Mailboxes[i] })
}

// statusDocument is the document of StatusJSON, and statusRun its last run.
type (
	statusDocument struct {
		State     string      `json:"state"`
		Run       *statusRun  `json:"run,omitempty"`
		Mailboxes []StatusRow `json:"mailboxes"`
		// Undoing are the mailboxes of which an undo has stopped in the middle.
		Undoing []string `json:"undoing,omitempty"`
	}
	statusRun struct {
		ID       string     `json:"id"`
		Pass     string     `json:"pass"`
		Started  time.Time  `json:"started"`
		Ended    *time.Time `json:"ended,omitempty"`
		ExitCode *int       `json:"exit_code,omitempty"`
		Live     bool       `json:"live"`
	}
)

// StatusJSON writes the status as one document.
func StatusJSON(w io.Writer, s StatusView) error {
	doc := statusDocument{State: s.State, Undoing: s.Undoing, Mailboxes: []StatusRow{}}
	if r := s.Run; r != nil {
		doc.Run = &statusRun{ID: r.ID, Pass: r.Pass, Started: r.Started.UTC(), Live: s.Live}
		if !r.Ended.IsZero() {
			ended := r.Ended.UTC()
			doc.Run.Ended, doc.Run.ExitCode = &ended, &r.ExitCode
		}
	}
	return longDocument(w, doc, "mailboxes", len(s.Rows), func(i int) any {
		r := s.Rows[i]
		r.Hint = Hint(r.Code)
		return &r
	})
}

// failedMailbox and failedMessage are the records of FailuresJSON; their keys are those of the events.
type failedMailbox struct {
	Mailbox     string `json:"mailbox"`
	Destination string `json:"destination"`
	Pass        string `json:"pass"`
	Side        string `json:"side"`
	Code        string `json:"code"`
	Kind        string `json:"kind"`
	Hint        string `json:"hint"`
	Text        string `json:"text"`
}

type failedMessage struct {
	Mailbox           string     `json:"mailbox"`
	Destination       string     `json:"destination"`
	Folder            string     `json:"folder"`
	DestinationFolder string     `json:"destination_folder"`
	UID               mail.UID   `json:"uid"`
	Bytes             mail.Size  `json:"bytes"`
	Date              *time.Time `json:"date,omitempty"`
	State             string     `json:"state"`
	Attempts          int        `json:"attempts"`
	Code              string     `json:"code"`
	Kind              string     `json:"kind"`
	Hint              string     `json:"hint"`
	Text              string     `json:"text"` // the server's own words
}

// failuresDocument is the document of FailuresJSON.
type failuresDocument struct {
	Mailboxes []failedMailbox `json:"mailboxes"`
	Messages  []failedMessage `json:"messages"`
}

// FailuresJSON writes what failed as one document.
func FailuresJSON(w io.Writer, f FailureList) error {
	doc := failuresDocument{[]failedMailbox{}, []failedMessage{}}
	for _, m := range f.Mailboxes {
		doc.Mailboxes = append(doc.Mailboxes, failedMailbox{m.Name, m.Destination, m.Pass, m.Side, string(m.Code),
			m.Kind.String(), Hint(string(m.Code)), m.Text})
	}
	for _, m := range f.Messages {
		r := failedMessage{Mailbox: m.Mailbox, Destination: m.Destination, Folder: m.SourceFolder,
			DestinationFolder: m.TargetFolder, UID: m.UID, Bytes: m.Size, State: stateWord(m.State), Attempts: m.Attempt,
			Code: string(m.Code), Kind: m.Kind.String(), Hint: Hint(string(m.Code)), Text: m.Text}
		if !m.InternalDate.IsZero() {
			r.Date = &m.InternalDate
		}
		doc.Messages = append(doc.Messages, r)
	}
	return document(w, doc)
}

// VerifyJSON writes what verify found as one document.
func VerifyJSON(w io.Writer, rows []VerifyRow, signIns []SignIn) error {
	if rows == nil {
		rows = []VerifyRow{}
	}
	return document(w, verifyDocument{rows, signIns})
}

// verifyDocument is the document of VerifyJSON.
type verifyDocument struct {
	Mailboxes []VerifyRow `json:"mailboxes"`
	SignIns   []SignIn    `json:"sign_ins,omitempty"`
}

// VersionJSON writes the version as one document.
func VersionJSON(w io.Writer, v Version) error { return document(w, v) }

// VersionText writes the version for people.
func VersionText(o Output, v Version) error {
	text := "mailhaul " + Safe(v.Version)
	for _, part := range []string{v.Commit, v.Built, v.Go, v.System} {
		if part != "" {
			text += "  " + Safe(part)
		}
	}
	return o.put(text + "\n")
}
