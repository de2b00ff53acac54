package view

import (
	"testing"

	"mailhaul/state"
)

// TestForgetQuestion says before a mailbox is forgotten what comes of it, in each of the cases there are.
func TestForgetQuestion(t *testing.T) {
	row := func(name, endpoint string) StateRow {
		return StateRow{Mailbox: state.Mailbox{Name: name, SourceEndpoint: endpoint, Destination: "anna@vanity.example",
			DestinationEndpoint: "endpoint.imap.new"}, Copied: state.Count{Messages: 18204, Bytes: 41e8}, Failed: state.Count{Messages: 1}}
	}
	for name, q := range map[string]ForgetQuestion{
		"forget":           {Mailboxes: []StateRow{row("anna@contoso.example", "endpoint.imap.old")}, Backup: "contoso.state.backup", Managed: true},
		"forget-ignored":   {Mailboxes: []StateRow{row("anna@contoso.example", "endpoint.imap.old")}, Backup: "contoso.state.backup", Managed: true, Ignores: true},
		"forget-unmanaged": {Mailboxes: []StateRow{row(nasty, "endpoint.imap.old"), row(nasty, "endpoint.imap.older")}, Backup: nasty},
	} {
		everyWay(t, name, func(o Output) error { return Forget(o, q) })
	}
	everyWay(t, "forget-in-doubt", func(o Output) error { return WriteError(o, InDoubt("anna@contoso.example", 2)) })
}
