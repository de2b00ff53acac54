package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/endpointtest/ewsserver"
	"mailhaul/executor/endpointtest/graphserver"
	"mailhaul/executor/endpointtest/imapserver"
	"mailhaul/executor/ews"
	"mailhaul/executor/graph"
	"mailhaul/state/mail"
)

// wired is a mailbox at an IMAP server and its copy behind EWS or Graph.
type wired struct {
	t    *testing.T
	src  *imapserver.Mailbox
	at   *imapserver.Server
	dst  Server
	raw  string // the destination's INBOX
	add  func(octets string, date time.Time)
	drop func(n int)
	// requests counts those for an operation that gives octets.
	requests func() int
	// misbehave throttles, lets tokens run out, and gives small pages.
	misbehave func(throttleEvery, tokenUses, page int)
	meanwhile func(func()) // is called before each listing
	withhold  func(text string)
}

const (
	wiredUser = "anna@new.example"
	mute      = 20 * time.Millisecond
)

func newWired(t *testing.T, protocol string) *wired {
	t.Helper()
	x := &wired{t: t, at: imapserver.Start(t, imapserver.Dovecot(), imapserver.Options{})}
	x.src = x.at.Mailbox("anna", "secret")
	if protocol == EWS {
		x.overEWS()
	} else {
		x.overGraph()
	}
	return x
}

func (x *wired) overEWS() {
	s := ewsserver.Start(x.t)
	b := s.Mailbox(wiredUser)
	copying, err := ews.New(ews.Options{URL: s.URL(), RootCAs: s.Roots(), Token: s.Token, Impersonate: true})
	if err != nil {
		x.t.Fatal(err)
	}
	d, err := copying.Destination(x.t.Context(), wiredUser)
	if err != nil {
		x.t.Fatal(err)
	}
	x.found(d.Folders(x.t.Context()))
	x.dst = Server{RootCAs: s.Roots(), Token: s.Token, Web: &Web{Protocol: EWS, URL: s.URL(), Mailbox: wiredUser, Impersonate: true}}
	x.add = func(octets string, date time.Time) { b.Add("INBOX", []byte(octets), date) }
	x.drop = func(n int) { b.Remove("INBOX", n) }
	x.requests = func() int { return s.Requests("GetItem") }
	var h ewsserver.Habits
	x.misbehave = func(throttleEvery, tokenUses, page int) {
		if throttleEvery > 0 {
			h.Busy, h.BusyEvery, h.BackOff = ewsserver.BusyFault, throttleEvery, mute
		}
		h.TokenUses, h.Page = tokenUses, page
		s.Behave(h)
	}
	x.meanwhile = func(f func()) { h.Meanwhile = f; s.Behave(h) }
	x.withhold = func(text string) { h.Withhold = text; s.Behave(h) }
	x.t.Cleanup(func() { x.blameless(s.Misuse()) })
}

func (x *wired) overGraph() {
	s := graphserver.Start(x.t)
	b := s.Mailbox(wiredUser)
	copying, err := graph.New(graph.Options{URL: s.URL(), RootCAs: s.Roots(), Tokens: s})
	if err != nil {
		x.t.Fatal(err)
	}
	d, err := copying.Destination(x.t.Context(), wiredUser)
	if err != nil {
		x.t.Fatal(err)
	}
	x.found(d.Folders(x.t.Context()))
	x.dst = Server{RootCAs: s.Roots(), Token: s.Token, Web: &Web{Protocol: Graph, URL: s.URL(), Mailbox: wiredUser}}
	x.add = func(octets string, date time.Time) { b.Add("INBOX", []byte(octets), date) }
	x.drop = func(n int) { b.Remove("INBOX", n) }
	x.requests = func() int { return s.Requests("get MIME") }
	var h graphserver.Habits
	x.misbehave = func(throttleEvery, tokenUses, page int) {
		h.ThrottleEvery, h.RetryAfter, h.TokenUses, h.Page = throttleEvery, mute.Seconds(), tokenUses, page
		s.Behave(h)
	}
	x.meanwhile = func(f func()) { h.Meanwhile = f; s.Behave(h) }
	x.withhold = func(text string) { h.Withhold = text; s.Behave(h) }
	x.t.Cleanup(func() { x.blameless(s.Misuse()) })
}

func (x *wired) found(folders []mail.Folder, err error) {
	for _, f := range folders {
		if f.Path.String() == "INBOX" {
			x.raw = f.Raw
		}
	}
	if err != nil || x.raw == "" {
		x.t.Fatalf("the destination has no INBOX: %v", err)
	}
}

func (x *wired) blameless(misuse []string) {
	if len(misuse) > 0 {
		x.t.Errorf("what no client may do: %q", misuse)
	}
}

var wiredDay = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

func wiredMail(id, text string) string {
	return fmt.Sprintf("Received: from there\r\nMessage-ID: <%s@x>\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nFrom: a@x\r\nTo: b@x\r\nSubject: %[1]s\r\n\r\n%s\r\n", id, text)
}

// fill puts messages on both sides: of each id one at the source, and what the map says at the destination.
func (x *wired) fill(ids []string, at map[string][]string) {
	for _, id := range ids {
		x.src.Add("INBOX", imapserver.Message{Octets: []byte(wiredMail(id, id)), Date: wiredDay})
		for _, text := range at[id] {
			x.add(wiredMail(id, text), wiredDay)
		}
	}
}

// run gives the findings by the subject's place at the source, and the result.
func (x *wired) run(o Options) (found []string, r Result) {
	x.t.Helper()
	host, inbox := x.at.Host(), Name{Raw: "INBOX", Path: "INBOX"}
	m := Mailbox{Name: "anna", Rewrites: true, Destination: x.dst,
		Source: Server{Host: host, Port: x.at.Port(), TLS: TLSNone, User: "anna", Password: "secret"},
		Pairs:  []Pair{{Sources: []Name{inbox}, Destination: Name{Raw: x.raw, Path: "INBOX"}}}}
	o.Same = true
	o.Finding = func(f Finding) error {
		if f.UID != 0 {
			x.t.Errorf("a message has the UID %d at a destination that has none", f.UID)
		}
		found = append(found, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", f.SourceUID, f.Sign, f.By, strings.Join(f.What, ", "))))
		return nil
	}
	o.Done = func(done Result) { r = done }
	if err := Run(x.t.Context(), []Mailbox{m}, o); err != nil {
		x.t.Fatal(err)
	}
	slices.Sort(found)
	return found, r
}

// TestDestinationsOverHTTPS: what is lost, altered, double or somebody else's at a destination behind EWS or Graph is found
// out, by octets, by headers and by a sample; each message is rendered anew there.
func TestDestinationsOverHTTPS(t *testing.T) {
	ids := []string{"kept", "lost", "altered", "twice"}
	at := map[string][]string{"kept": {"kept"}, "altered": {"other"}, "twice": {"twice", "twice"}}
	whole := []string{"0 +", "0 2", "1 = parts", "2 - ", "3 ~ headers octets", "4 = parts"}
	for _, protocol := range []string{EWS, Graph} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			x := newWired(t, protocol)
			x.fill(ids, at)
			x.add(wiredMail("new", "new"), wiredDay.Add(time.Hour))
			for name, c := range map[string]struct {
				options Options
				want    []string
				bodies  int64
			}{
				"whole":   {Options{}, whole, 4},
				"sample":  {Options{Sample: 100}, whole, 4},
				"headers": {Options{Headers: true}, []string{"0 +", "0 2", "1 = headers", "2 - ", "3 = headers", "4 = headers"}, 0},
			} {
				found, r := x.run(c.options)
				want := slices.Clone(c.want)
				for i := range want {
					want[i] = strings.TrimSpace(want[i])
				}
				if diff := cmp.Diff(want, found); diff != "" || r.Err != nil {
					t.Errorf("%s: findings (-want +got):\n%s%v", name, diff, r.Err)
				}
				if r.Tally.Bodies != c.bodies || !r.Fails() || r.Tally.Destination != 5 {
					t.Errorf("%s: tally %+v", name, r.Tally)
				}
			}
		})
	}
}

// TestPatienceOverHTTPS: throttling is waited for, a token that runs out is followed by another, small pages are read to
// the end, and nothing of that changes the verdict.
func TestPatienceOverHTTPS(t *testing.T) {
	for _, protocol := range []string{EWS, Graph} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			x := newWired(t, protocol)
			var ids []string
			at := map[string][]string{}
			for i := range 60 {
				id := fmt.Sprintf("%03d", i)
				ids, at[id] = append(ids, id), []string{id}
			}
			x.fill(ids, at)
			x.misbehave(7, 9, 11)
			if _, r := x.run(Options{}); r.Err != nil || r.Tally.Same != 60 || r.Fails() {
				t.Errorf("%+v, %v", r.Tally, r.Err)
			}
		})
	}
}

// TestListingMovesOverHTTPS: a message that goes while its folder is listed makes no other one slip through.
func TestListingMovesOverHTTPS(t *testing.T) {
	for _, protocol := range []string{EWS, Graph} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			x := newWired(t, protocol)
			at := map[string][]string{"a": {"a"}, "b": {"b"}, "c": {"c"}, "d": {"d"}}
			x.fill([]string{"a", "b", "c", "d"}, at)
			x.add(wiredMail("strange", "strange"), wiredDay) // the newest; Graph lists it first
			x.misbehave(0, 0, 2)
			listings := 0
			x.meanwhile(func() {
				if listings++; listings == 2 {
					x.drop(map[string]int{EWS: 0, Graph: 4}[protocol])
				}
			})
			want := map[string]int64{EWS: 3, Graph: 4}[protocol] // at EWS it was one of ours
			if _, r := x.run(Options{}); r.Err != nil || r.Tally.Same != want {
				t.Errorf("%+v, %v", r.Tally, r.Err)
			}
		})
	}
}

// TestWithheldOverHTTPS: a message that is listed and not handed over is unreadable, alone or among others, and never taken for
// the same.
func TestWithheldOverHTTPS(t *testing.T) {
	for _, protocol := range []string{EWS, Graph} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			x := newWired(t, protocol)
			x.fill([]string{"a", "held", "c"}, map[string][]string{"a": {"a"}, "held": {"held"}, "c": {"c"}})
			x.withhold("Subject: held")
			for _, o := range []Options{{}, {Sample: 100}, {Headers: true}} {
				if _, r := x.run(o); r.Err != nil || r.Tally.Same != 2 || r.Tally.Unreadable == 0 || !r.Fails() {
					t.Errorf("%+v: %+v, %v", o, r.Tally, r.Err)
				}
			}
		})
	}
}

// TestRefusalsOverHTTPS: a destination that does not answer, or refuses, ends in an error with a code, and never in a
// verdict.
func TestRefusalsOverHTTPS(t *testing.T) {
	for _, protocol := range []string{EWS, Graph} {
		x := newWired(t, protocol)
		x.fill([]string{"a"}, map[string][]string{"a": {"a"}})
		good := x.dst.Token
		x.dst.Token = func(context.Context) (string, error) { return "CANARY-wrong", nil }
		_, r := x.run(Options{})
		if code := mail.CodeOf(r.Err); code != mail.CodeEWSSignIn && code != mail.CodeGraphSignIn || strings.Contains(fmt.Sprint(r.Err), "CANARY") {
			t.Errorf("%s: a wrong token ends in %v", protocol, r.Err)
		}
		x.dst.Token = good
		x.raw += "x"
		if _, r = x.run(Options{}); !r.Fails() || r.Tally.Same != 0 {
			t.Errorf("%s: a folder that is gone ends in %+v", protocol, r)
		}
	}
}
