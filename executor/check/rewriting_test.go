package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
)

// TestHardCase_M25_CheckOfARewritingDestination holds two accounts of a real server against each other, of which the second has each
// message as a server that makes MIME anew would show it.
func TestHardCase_M25_CheckOfARewritingDestination(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"a": "pw", "b": "pw"}})
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	put := func(user, octets string, flags ...string) {
		t.Helper()
		a := compare.Account{Addr: s.Addr(), User: user, Password: "pw"}
		if err := compare.Add(t.Context(), a, "INBOX", []byte(octets), day, flags...); err != nil {
			t.Fatal(err)
		}
	}
	named := func(octets, id string) string { return strings.Replace(octets, "<1@x>", "<"+id+"@x>", 1) }
	old, made := rendered("Gr\u00fc\u00dfe\r\n", "attachment")
	_, loss := rendered("Gr\u00fc\u00dfe\r\n", "attachmen")
	for _, id := range []string{"anew", "lost", "altered", "twice", "renamed", "equal"} {
		put("a", named(old, id), `\Seen`, "keyword")
	}
	put("b", named(made, "anew"), `\Seen`)
	put("b", named(loss, "altered"), `\Seen`, "keyword")
	put("b", named(made, "twice"), `\Seen`, "keyword")
	put("b", named(made, "twice"), `\Seen`, "keyword")
	put("b", named(made, "new-name"), `\Seen`, "keyword")
	put("b", named(old, "equal"), `\Seen`, "keyword")

	at := Server{Host: s.Host, Port: s.Port, TLS: TLSNone, User: "a", Password: "pw"}
	inbox := Name{Raw: "INBOX", Path: "INBOX"}
	m := Mailbox{Source: at, Destination: at, Pairs: []Pair{{Sources: []Name{inbox}, Destination: inbox}}}
	m.Destination.User = "b"
	// UID 1 of the source is "anew", 2 "lost" and so on; "renamed" is the one of six equal ones that could as well be "lost".
	for _, c := range []struct {
		rewrites bool
		options  Options
		want     []string
		fails    bool
		tally    Tally
	}{
		{true, Options{}, []string{"1 ~ flags", "3 ~ octets", "4 = by parts", "6 = by octets", "2 by none", "~ Message-ID", "- missing"}, true,
			Tally{Source: 6, Destination: 6, Same: 2, Rewritten: 1, Missing: 1, Twice: 1, Differs: 3, Altered: 1, Reformed: 1, Bodies: 6}},
		{false, Options{}, []string{"1 ~ MIME made anew, parts equal, flags", "3 ~ octets", "4 ~ MIME made anew, parts equal", "6 = by octets",
			"2 by none", "~ MIME made anew, parts equal, Message-ID", "- missing"}, true,
			Tally{Source: 6, Destination: 6, Same: 1, Missing: 1, Twice: 1, Differs: 4, Altered: 1, Reformed: 3, Bodies: 6}},
		{true, Options{Headers: true}, []string{"1 ~ flags", "3 = by headers", "4 = by headers", "6 = by headers", "2 by none", "~ Message-ID", "- missing"}, true,
			Tally{Source: 6, Destination: 6, Same: 3, Missing: 1, Twice: 1, Differs: 2, Reformed: 1}},
	} {
		m.Rewrites, c.options.Same = c.rewrites, true
		var got []string
		c.options.Finding = func(f Finding) error {
			switch what := strings.Join(f.What, ", "); {
			case f.Sign == Same:
				got = append(got, fmt.Sprintf("%d = by %s", f.SourceUID, f.By))
			case f.Sign == Twice:
				got = append(got, "2 by none")
			case f.Sign == Missing && (f.SourceUID == 2 || f.SourceUID == 5):
				got = append(got, "- missing")
			case strings.Contains(what, MessageID) && (f.SourceUID == 2 || f.SourceUID == 5):
				got = append(got, "~ "+what)
			default:
				got = append(got, fmt.Sprintf("%d %s %s", f.SourceUID, f.Sign, what))
			}
			return nil
		}
		var r Result
		c.options.Done = func(done Result) { r = done }
		if err := Run(t.Context(), []Mailbox{m}, c.options); err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, got); diff != "" || r.Fails() != c.fails {
			t.Errorf("rewrites %v, %+v: fails %v, findings (-want +got):\n%s", c.rewrites, c.options.Headers, r.Fails(), diff)
		}
		if diff := cmp.Diff(c.tally, r.Tally); diff != "" {
			t.Errorf("rewrites %v, headers %v: tally (-want +got):\n%s", c.rewrites, c.options.Headers, diff)
		}
	}
}
