package plan

import (
	"strings"
	"testing"

	"mailhaul/config"
	"mailhaul/state/mail"
)

// TestVia: the plan names the transport that was used, and why; of a mailbox that nobody asked the one that wrote to it, or
// else the preferred one. What a transport does not keep is said once.
func TestVia(t *testing.T) {
	s := newSite(t, "full", "anna bo carla dan")
	cloud := &config.Endpoint{Type: config.TypeMicrosoft365, Name: "new", Microsoft365: &config.Microsoft365{Transports: []string{"ews", "graph", "imap"}}}
	for _, m := range s.in.Config.Mailboxes {
		m.To = cloud
	}
	for _, name := range []string{"anna", "bo", "carla", "dan"} {
		s.look(name, boxes("INBOX")...)
	}
	for _, name := range []string{"anna", "bo"} {
		inv := s.in.Inventories[name+"@contoso.example"]
		inv.Limits.Transport, inv.Limits.Why, inv.Limits.Lost = "graph", "not by ews: EWS-SWITCHED-OFF", []string{"Graph is a preview.", "Dates."}
		s.in.Inventories[name+"@contoso.example"] = inv
	}
	delete(s.in.Inventories, "carla@contoso.example")
	delete(s.in.Inventories, "dan@contoso.example")
	s.in.Offline = true
	f := &s.in.Memory["carla@contoso.example"][0].Folder
	f.Destination, f.DestinationValidity = mail.RawGraph+"AAMk", 7
	for _, m := range s.in.Config.Mailboxes {
		s.in.Mailboxes = append(s.in.Mailboxes, m.Name())
	}
	p := Build(s.in)
	got := map[string]string{}
	for _, m := range p.Mailboxes {
		name, _, _ := strings.Cut(m.Name, "@")
		got[name] = m.Via + " " + m.Note
	}
	for name, want := range map[string]string{"anna": "graph not by ews: EWS-SWITCHED-OFF", "bo": "graph not by ews: EWS-SWITCHED-OFF", "carla": "graph ", "dan": "ews "} {
		if got[name] != want {
			t.Errorf("%s goes by %q, want %q", name, got[name], want)
		}
	}
	told := 0
	for _, n := range p.Warnings {
		if n.Text == "Graph is a preview." && n.Hint == "Dates." {
			told++
		}
	}
	if told != 1 {
		t.Errorf("what Graph loses is told %d times: %+v", told, p.Warnings)
	}
}
