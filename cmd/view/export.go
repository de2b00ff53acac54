package view

import (
	"io"
	"strings"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// The lines of an export, one for each kind of record. Names of folders come twice: as text, and octet for octet in
// base64, which JSON text can't carry. A time that is not known is left out.
type (
	exportHead struct {
		Record  string `json:"record"` // "state"
		Format  int    `json:"format"`
		Lineage string `json:"lineage"`
		Serial  int64  `json:"serial"`
	}
	exportMailbox struct {
		Record              string          `json:"record"` // "mailbox"
		ID                  state.MailboxID `json:"id"`
		Name                string          `json:"name"`
		SourceEndpoint      string          `json:"source_endpoint"`
		Destination         string          `json:"destination"`
		DestinationEndpoint string          `json:"destination_endpoint"`
		Wave                string          `json:"wave,omitempty"`
	}
	exportFolder struct {
		Record              string           `json:"record"` // "folder"
		ID                  state.FolderID   `json:"id"`
		Mailbox             state.MailboxID  `json:"mailbox"`
		Path                string           `json:"path"`
		Source              []byte           `json:"source"`
		UIDValidity         mail.UIDValidity `json:"uidvalidity"`
		UIDNext             mail.UID         `json:"uidnext"`
		HighestModSeq       uint64           `json:"highestmodseq"`
		Messages            uint32           `json:"messages"`
		Listed              mail.UID         `json:"listed"`
		FlagsModSeq         uint64           `json:"flags_modseq"`
		Complete            bool             `json:"complete"`
		Current             bool             `json:"current"`
		Target              string           `json:"target"`
		Destination         []byte           `json:"destination"`
		DestinationValidity mail.UIDValidity `json:"destination_uidvalidity"`
		Adopted             bool             `json:"adopted"`
	}
	exportMessage struct {
		Record         string           `json:"record"` // "message"
		Folder         state.FolderID   `json:"folder"`
		UID            mail.UID         `json:"uid"`
		Bytes          mail.Size        `json:"bytes"`
		Date           *time.Time       `json:"date,omitempty"`
		Flags          []string         `json:"flags"`
		State          string           `json:"state"`
		Attempts       int              `json:"attempts"`
		Digest         string           `json:"digest,omitempty"`
		OtherDigest    string           `json:"other_digest,omitempty"`
		DestinationUID mail.UID         `json:"destination_uid,omitempty"`
		U0             mail.UID         `json:"u0,omitempty"`
		V0             mail.UIDValidity `json:"v0,omitempty"`
		Lost           []string         `json:"lost,omitempty"`
		Changes        []string         `json:"changes,omitempty"`
	}
	exportFailure struct {
		Record string         `json:"record"` // "failure"
		Folder state.FolderID `json:"folder"`
		UID    mail.UID       `json:"uid"`
		Code   mail.Code      `json:"code"`
		Kind   string         `json:"kind"`
		Text   string         `json:"text"`
		Time   *time.Time     `json:"time,omitempty"`
		Run    string         `json:"run"`
	}
	exportRun struct {
		Record   string     `json:"record"` // "run"
		ID       string     `json:"id"`
		Pass     string     `json:"pass"`
		Started  *time.Time `json:"started,omitempty"`
		Ended    *time.Time `json:"ended,omitempty"`
		ExitCode int        `json:"exit_code"`
	}
	exportPass struct {
		Record       string     `json:"record"` // "pass"
		Name         string     `json:"name"`
		Kind         string     `json:"kind"`
		OlderWritten string     `json:"older_than,omitempty"`
		Older        *time.Time `json:"older,omitempty"`
		NewerWritten string     `json:"newer_than,omitempty"`
		Newer        *time.Time `json:"newer,omitempty"`
		Approved     *time.Time `json:"approved,omitempty"`
	}
	exportMailboxPass struct {
		Record   string          `json:"record"` // "mailbox_pass"
		Mailbox  state.MailboxID `json:"mailbox"`
		Pass     string          `json:"pass"`
		Progress string          `json:"progress"`
		Run      string          `json:"run"`
		Started  *time.Time      `json:"started,omitempty"`
		Ended    *time.Time      `json:"ended,omitempty"`
		Side     string          `json:"side,omitempty"`
		Code     mail.Code       `json:"code,omitempty"`
		Kind     string          `json:"kind,omitempty"`
		Text     string          `json:"text,omitempty"`
	}
	exportCreated struct {
		Record      string           `json:"record"` // "created_folder"
		Mailbox     state.MailboxID  `json:"mailbox"`
		Path        string           `json:"path"`
		UIDValidity mail.UIDValidity `json:"uidvalidity,omitempty"`
	}
)

// ExportHead writes the first line of an export, which says what file it is of.
func ExportHead(w io.Writer, s StateInfo) error {
	return exportLine(w, exportHead{"state", s.Format, s.Lineage, s.Serial})
}

// ExportRecord writes a record of the state file as one line.
func ExportRecord(w io.Writer, record any) error {
	switch r := record.(type) {
	case state.Mailbox:
		record = exportMailbox{"mailbox", r.ID, r.Name, r.SourceEndpoint, r.Destination, r.DestinationEndpoint, r.Wave}
	case state.Folder:
		s := r.SourceStatus
		record = exportFolder{"folder", r.ID, r.Mailbox, r.Path, []byte(r.Source), s.UIDValidity, s.UIDNext, s.HighestModSeq,
			s.Messages, r.Listed, r.FlagsModSeq, r.Complete, r.Current, r.Target, []byte(r.Destination), r.DestinationValidity, r.Adopted}
	case state.Message:
		record = exportedMessage(r)
	case state.Failure:
		record = exportFailure{"failure", r.Folder, r.UID, r.Code, r.Kind.String(), r.Text, known(r.Time), r.Run}
	case state.Run:
		record = exportRun{"run", r.ID, r.Pass, known(r.Started), known(r.Ended), r.ExitCode}
	case state.Pass:
		record = exportPass{"pass", r.Name, r.Kind, r.OlderWritten, known(r.Older), r.NewerWritten, known(r.Newer), known(r.Approved)}
	case state.MailboxPass:
		m := exportMailboxPass{"mailbox_pass", r.Mailbox, r.Pass, string(r.Progress), r.Run, known(r.Started), known(r.Ended),
			r.Side, r.Code, "", r.Text}
		if r.Code != "" {
			m.Kind = r.Kind.String()
		}
		record = m
	case state.CreatedFolder:
		record = exportCreated{"created_folder", r.Mailbox, r.Path, r.UIDValidity}
	}
	return exportLine(w, record)
}

func exportedMessage(r state.Message) exportMessage {
	m := exportMessage{Record: "message", Folder: r.Folder, UID: r.UID, Bytes: r.Size, Date: known(r.InternalDate), Flags: r.Flags.Names(),
		State: exportState(r.State), Attempts: r.Attempt, DestinationUID: r.DestinationUID, U0: r.U0, V0: r.V0, Lost: lost(r.Degraded), Changes: r.Degraded.Changes()}
	if m.Flags == nil {
		m.Flags = []string{}
	}
	if !r.H0.IsZero() {
		m.Digest = r.H0.String()
	}
	if !r.H1.IsZero() {
		m.OtherDigest = r.H1.String()
	}
	return m
}

// exportState names every state for itself, as the engine knows it: an export is for those who look closely.
func exportState(s state.State) string {
	names := map[state.State]string{state.StateSeen: "seen", state.StateAbsent: "absent", state.StateIntent: "intent",
		state.StateUnknown: "unknown", state.StateUndoing: "undoing", state.StateLanded: "landed", state.StateAdopted: "adopted", state.StateSkipped: "skipped",
		state.StateGone: "gone", state.StateLeftOut: "left_out", state.StateRefused: "refused", state.StateAmbiguous: "ambiguous",
		state.StateDamaged: "damaged"}
	return names[s]
}

// lost names what a copy could not keep.
func lost(d state.Degradation) []string {
	var names []string
	for _, one := range []struct {
		bit  state.Degradation
		name string
	}{{state.LostKeywords, "keywords"}, {state.LostDate, "date"}, {state.LostFlags, "flags"}} {
		if d&one.bit != 0 {
			names = append(names, one.name)
		}
	}
	return names
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func exportLine(w io.Writer, v any) error {
	text, err := encode(v, "")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, strings.TrimSuffix(string(text), "\n")+"\n")
	return err
}
