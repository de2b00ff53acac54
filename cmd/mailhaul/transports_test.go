package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/endpointtest/graphserver"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/endpointtest/tokenserver"
)

// over changes the project's transports; a nil server is none of them.
func (c *cloud) over(transports string, exchange *ewsserver.Server, graph *graphserver.Server) {
	c.t.Helper()
	file := filepath.Join(c.dir, "mailhaul.hcl")
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	ca, err := os.ReadFile(c.authority.CAFile(c.t))
	if err != nil {
		c.t.Fatal(err)
	}
	lines := fmt.Sprintf("  transports = %s\n  grace = \"1s\"\n  ca_file = \"both.pem\"\n", transports)
	if exchange != nil {
		lines += fmt.Sprintf("  ews_url = %q\n", exchange.URL())
		ca = append(ca, exchange.Certificate()...)
	}
	if graph != nil {
		lines += fmt.Sprintf("  graph_url = %q\n", graph.URL())
		ca = append(ca, graph.Certificate()...)
	}
	c.put("both.pem", string(ca))
	before, after, ok := strings.Cut(string(text), "endpoint \"microsoft365\"")
	if !ok {
		c.t.Fatalf("the project has no microsoft365:\n%s", text)
	}
	after = regexp.MustCompile("(?m)^  (transports|grace|ca_file|ews_url|graph_url) .*\n").ReplaceAllString(after, "")
	after = strings.Replace(after, "  client_secret", lines+"  client_secret", 1)
	c.put("mailhaul.hcl", before+"endpoint \"microsoft365\""+after)
}

// exchangeOf starts an Exchange for the people that lets the authority's tokens in.
func exchangeOf(c *cloud) *ewsserver.Server {
	s := ewsserver.Start(c.t)
	s.Admit(func(token string) bool { _, err := c.authority.Check(token); return err == nil })
	for _, p := range people {
		s.Mailbox(p[2])
	}
	return s
}

// graphOf starts a Graph for the people that lets those tokens in that are issued for Graph.
func graphOf(c *cloud) (*graphserver.Server, map[string]*graphserver.Mailbox) {
	s := graphserver.Start(c.t)
	s.Admit(func(token string) bool {
		claims, err := c.authority.Check(token)
		return err == nil && claims.Audience == "https://graph.microsoft.com"
	})
	mailboxes := map[string]*graphserver.Mailbox{}
	for _, p := range people {
		mailboxes[p[2]] = s.Mailbox(p[2])
	}
	return s, mailboxes
}

// notTakenBack: what went over EWS or Graph is not taken back. It is refused with its code before anything is removed, as the
// check sees.
func (c *cloud) notTakenBack() {
	c.t.Helper()
	r := c.run("undo", "*", "--auto-approve", "--trace", "trace")
	if r.code == 0 || !strings.Contains(r.stdout+r.stderr, "M365-UNDO") {
		c.t.Errorf("undo ends with %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	c.must(0, "check")
}

// judged holds the verdict of check: the copy is whole by octets, by headers and by a sample, and one that somebody takes
// away is missing. Nothing but the destination's own answers says so.
func (c *cloud) judged(remove func(folder string, n int), reads func() int) {
	c.t.Helper()
	for _, how := range [][]string{nil, {"--headers"}, {"--sample", "50"}} {
		before := reads()
		r := c.must(0, append([]string{"check", "--trace", "trace"}, how...)...)
		if !strings.Contains(r.stdout, "0 missing") && strings.Contains(r.stdout, "missing") {
			c.t.Errorf("check %v says of a whole copy:\n%s", how, r.stdout)
		}
		if reads() == before {
			c.t.Errorf("check %v read nothing at the destination", how)
		}
	}
	c.notTakenBack()
	remove("INBOX", 0)
	if r := c.must(3, "check"); !strings.Contains(r.stdout, "1 missing") && !strings.Contains(r.stdout, "missing   1") {
		c.t.Errorf("check says of a copy that lacks a message:\n%s", r.stdout)
	}
	c.noCanary()
}

// TestMicrosoft365OverGraph carries the example out with the transport "graph", loses answers on the way, and holds what
// Graph has against what was sent. verify says before the first message that it is a preview, and what may be lost.
func TestMicrosoft365OverGraph(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	graph, mailboxes := graphOf(c)
	c.fill()
	c.authority.Set(tokenserver.Settings{Roles: []string{"Mail.ReadWrite", "Mail-Advanced.ReadWrite.All"}})
	c.over(`["graph"]`, nil, graph)
	said := ""
	run := func(args ...string) string {
		r := c.must(0, append(args, "--trace", "trace")...)
		said += r.stdout + r.stderr
		return r.stdout
	}
	text := run("verify")
	for _, want := range []string{"2 ready", "; by graph", "? Graph is a preview", "the date of arrival", "arrives as an ordinary message",
		"roles Mail-Advanced.ReadWrite.All"} {
		if !strings.Contains(text, want) {
			t.Errorf("verify does not say %q:\n%s", want, text)
		}
	}
	if text := run("plan", "--pass", "full"); !strings.Contains(text, "  graph") || strings.Count(text, "Graph is a preview") != 1 {
		t.Errorf("the plan says:\n%s", text)
	}
	graph.Behave(graphserver.Habits{Lose: map[string]map[int]graphserver.Lose{"move": {2: graphserver.LoseAfter, 5: graphserver.LoseBefore},
		"importMime": {4: graphserver.LoseAfter}}})
	for range 4 {
		run("apply", "--auto-approve")
	}
	if graph.Struck() != 3 {
		t.Errorf("%d answers were lost, want 3", graph.Struck())
	}
	for _, p := range people {
		for from, to := range map[string]string{"INBOX": "INBOX", "INBOX/Projects": "Projects", "Sent": "Gesendete Elemente",
			"Trash": "Gelöschte Elemente"} {
			var got, want []string
			for _, m := range mailboxes[p[2]].Messages(to) {
				got = append(got, fmt.Sprintf("%s %v %s", m.Date.UTC(), m.Flags, m.Octets))
			}
			for _, m := range c.old.Mailbox(p[0], p[1]).Messages(from) {
				want = append(want, fmt.Sprintf("%s %v %s", m.Date.UTC(), m.Flags, m.Octets))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("%s: %s (-source +Graph):\n%s", p[2], to, diff)
			}
		}
	}
	c.judged(mailboxes[people[0][2]].Remove, func() int { return graph.Requests("get MIME") })
	if misuse := graph.Misuse(); len(misuse) > 0 {
		t.Errorf("what no client may do: %q", misuse)
	}
	c.noCanary()
	c.noToken(said, "C: POST mailFolders importMime")
}

// TestHardCase_D06_GraphThatKeepsNoDate says so when the first message shows it. That the token lacks a role is told before.
func TestHardCase_D06_GraphThatKeepsNoDate(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	graph, _ := graphOf(c)
	c.fill()
	c.over(`["graph"]`, nil, graph)
	graph.Behave(graphserver.Habits{IgnoreDate: true})
	if r := c.must(0, "apply"); strings.Count(unwrapped(r.stdout), "? The token does not name Mail-Advanced.ReadWrite.All") != 1 {
		t.Errorf("a token without the role draws no doubt:\n%s", r.stdout)
	}
	if r := c.must(0, "apply", "--auto-approve", "--pass", "full"); strings.Count(r.stderr, "does not keep the date of arrival") != 1 {
		t.Errorf("apply says:\n%s", r.stderr)
	}
}

// TestTransportsInOrder: the first transport that works is used, verify and plan say which and why, and what a mailbox was
// copied by stays, whatever works later. Going on by another one is refused with a sentence. check prefers IMAP.
func TestTransportsInOrder(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	exchange := exchangeOf(c)
	graph, _ := graphOf(c)
	c.fill()
	c.over(`["ews", "graph", "imap"]`, exchange, graph)
	exchange.Behave(ewsserver.Habits{Off: true})
	graph.Behave(graphserver.Habits{Denied: true})
	const why = "not by ews: EWS-SWITCHED-OFF, not by graph: GRAPH-DENIED"
	if r := c.must(0, "verify"); strings.Count(r.stdout, "; by imap") != 2 || strings.Count(r.stdout, "? by imap: "+why) != 2 {
		t.Errorf("verify says:\n%s", r.stdout)
	}
	if r := c.must(0, "plan", "--pass", "full"); !strings.Contains(unwrapped(r.stdout), why) || !strings.Contains(r.stdout, `
 + anna@contoso.example             4         20    2.1 kB  imap
     not by ews: EWS-SWITCHED-OFF, not by graph: GRAPH-DENIED
`) {
		t.Errorf("the plan says:\n%s", r.stdout)
	}
	for range 3 {
		c.must(0, "apply", "--auto-approve")
	}
	exchange.Behave(ewsserver.Habits{})
	c.old.Mailbox(people[0][0], people[0][1]).Add("INBOX", imapserver.Message{Octets: []byte("Subject: new\r\n\r\nnew\r\n")})
	if r := c.must(0, "plan", "--pass", "full"); !strings.Contains(unwrapped(r.stdout), "copied by imap so far") {
		t.Errorf("after ews came back the plan says:\n%s", r.stdout)
	}
	c.must(0, "apply", "--auto-approve", "--pass", "full")
	if n := exchange.Requests("CreateItem") + graph.Requests("importMime"); n != 0 {
		t.Errorf("%d requests wrote by another transport", n)
	}
	if c.must(0, "check"); exchange.Requests("GetItem") != 0 {
		t.Error("check read by EWS where the list has imap")
	}
	c.over(`["ews"]`, exchange, graph)
	if r := c.must(4, "plan", "--pass", "full"); !strings.Contains(unwrapped(r.stdout), `copied by "imap", which is not among the transports`) ||
		!strings.Contains(r.stdout, "M365-TRANSPORT-CHANGED") {
		t.Errorf("with other transports the plan says:\n%s", r.stdout)
	}
	if n := exchange.Requests("CreateItem"); n != 0 {
		t.Errorf("%d requests wrote by another transport", n)
	}
}

// TestTransportsNoneWorks names what each of them said.
func TestTransportsNoneWorks(t *testing.T) {
	c := newExampleCloud(t, imapserver.Dovecot())
	exchange := exchangeOf(c)
	graph, _ := graphOf(c)
	c.fill()
	c.over(`["graph", "ews"]`, exchange, graph)
	exchange.Behave(ewsserver.Habits{Off: true})
	graph.Behave(graphserver.Habits{Unlicensed: true})
	r := c.must(4, "verify")
	if !strings.Contains(unwrapped(r.stdout), "not by graph: M365-LICENCE-MISSING, not by ews: EWS-SWITCHED-OFF") {
		t.Errorf("verify says:\n%s", r.stdout)
	}
}

// unwrapped makes one line of a text.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }
