package oauth

import "testing"

// TestElsewhere: a token is for whom it was asked for under any of that service's names; one that does not say is taken.
func TestElsewhere(t *testing.T) {
	exchange, graph := []string{"https://outlook.office365.com/.default"}, []string{"https://graph.microsoft.com/.default"}
	person := []string{"https://outlook.office.com/IMAP.AccessAsUser.All"}
	own := []string{"https://other.example/.default"}
	for _, c := range []struct {
		audience string
		scopes   []string
		want     bool
	}{
		{"https://outlook.office365.com", exchange, true},
		{"https://Outlook.Office365.com/", exchange, true},
		{"outlook.office365.com", person, true},
		{"00000002-0000-0ff1-ce00-000000000000", exchange, true},
		{"00000003-0000-0000-c000-000000000000", exchange, false},
		{"https://graph.microsoft.com", exchange, false},
		{"https://graph.microsoft.com", graph, true},
		{"00000003-0000-0000-C000-000000000000", graph, true},
		{"https://outlook.office365.com", graph, false},
		{"11111111-2222-3333-4444-555555555555", exchange, false},
		{"https://other.example", own, true},
		{"", exchange, true},
	} {
		if got := elsewhere(c.audience, c.scopes); (got == "") != c.want {
			t.Errorf("a token for %q that was asked for by %v is for %q", c.audience, c.scopes, got)
		}
	}
	for _, opaque := range []string{"EwBgA8l6BAAU", "a.b", "e30.bm8ganNvbg.x"} {
		if c, ok := read(opaque); ok || c.audience() != "" {
			t.Errorf("%s was looked into: %+v", opaque, c)
		}
	}
	if c, ok := read("e30.eyJhdWQiOlsiYSIsImIiXSwidGlkIjoidCJ9.x"); !ok || c.audience() != "" || c.Tenant != "t" {
		t.Errorf("an audience of several gives %+v, %v", c, ok)
	}
}
