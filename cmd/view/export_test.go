package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestExport writes a record of each kind as a line that is JSON, harmless on a terminal, and tells octets exactly.
func TestExport(t *testing.T) {
	day := at("2026-11-23 19:00:00")
	var b bytes.Buffer
	if err := ExportHead(&b, StateInfo{Format: 1, Lineage: "7f3a", Serial: 42}); err != nil {
		t.Fatal(err)
	}
	for _, record := range []any{
		state.Mailbox{ID: 1, Name: "anna@contoso.example", SourceEndpoint: "endpoint.imap.old", Destination: "a@new.example", DestinationEndpoint: "endpoint.imap.new"},
		state.Folder{ID: 3, Mailbox: 1, Source: nasty, Path: nasty, SourceStatus: mail.Status{UIDValidity: 7, UIDNext: 10, Messages: 3}, Current: true},
		state.Message{Folder: 3, UID: 5, Size: 812, InternalDate: day.In(time.FixedZone("", 3600)), Flags: mail.ParseFlags([]string{`\Seen`, "$Label"}),
			State: state.StateLanded, Attempt: 1, H0: mail.Digest{1, 2}, DestinationUID: 8, Degraded: state.LostDate | state.LostFlags},
		state.Message{Folder: 3, UID: 6},
		state.Failure{Folder: 3, UID: 6, Code: mail.CodeMessageRefused, Kind: mail.Refused, Text: nasty, Time: day, Run: "7f3a"},
		state.Run{ID: "7f3a", Pass: "full", Started: day},
		state.Pass{Name: "full", Kind: "full", OlderWritten: "90d", Older: day},
		state.MailboxPass{Mailbox: 1, Pass: "full", Progress: state.Complete, Run: "7f3a", Started: day, Ended: day},
		state.CreatedFolder{Mailbox: 1, Path: nasty, UIDValidity: 7},
	} {
		if err := ExportRecord(&b, record); err != nil {
			t.Fatal(err)
		}
	}
	harmless(t, b.String())
	golden(t, "export.jsonl", b.String())
	var folder struct{ Source []byte }
	lines := strings.Split(b.String(), "\n")
	if err := json.Unmarshal([]byte(lines[2]), &folder); err != nil || string(folder.Source) != nasty {
		t.Errorf("the folder's octets: %q, %v", folder.Source, err)
	}
	for s := range state.StateDamaged + 1 {
		exists := s <= state.StateUndoing || s >= state.StateLanded && s <= state.StateLeftOut || s >= state.StateRefused
		if (exportState(s) != "") != exists {
			t.Errorf("state %d is called %q", s, exportState(s))
		}
	}
}
