package cmd

import (
	"path/filepath"
	"testing"

	"mailhaul/config"
	"mailhaul/state"
	"mailhaul/state/mail"
)

// TestTransportOfWhoeverCameBefore: a mailbox that goes on under another address at the source is written to by the transport
// that the copies there were written by, whatever is preferred.
func TestTransportOfWhoeverCameBefore(t *testing.T) {
	ctx := t.Context()
	l, err := state.Open(ctx, filepath.Join(t.TempDir(), "x.state"), state.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	from, to := &config.Endpoint{Type: "imap", Name: "old"}, &config.Endpoint{Type: "microsoft365", Name: "new"}
	row, err := l.PutMailbox(ctx, state.Mailbox{Name: "anna.maiden@old.example", SourceEndpoint: from.Ref(),
		Destination: "anna@new.example", DestinationEndpoint: to.Ref()})
	if err == nil {
		_, err = l.PutFolder(ctx, state.Folder{Mailbox: row.ID, Source: "INBOX", Path: "INBOX", Current: true,
			Destination: mail.RawEWS + "AAA", Target: "INBOX", DestinationValidity: 7})
	}
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"Anna@new.example": "ews", "bo@new.example": ""} {
		e := &endpoints{ledger: l.Reader}
		m := &config.Mailbox{From: from, To: to, Source: config.Login{Address: "anna.wed@old.example"}, Destination: config.Login{Address: address}}
		if got, err := e.writtenBy(ctx, m); got != want || err != nil {
			t.Errorf("%s is written to by %q, %v; want %q", address, got, err, want)
		}
	}
}
