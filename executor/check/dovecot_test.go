package check_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"mailhaul/executor/check"
	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/state/mail"
	samplemail "mailhaul/testdata/mail"
)

// bench is two accounts on one Dovecot and the mailbox that compares them, folder names unchanged.
type bench struct {
	t       *testing.T
	server  *dovecot.Server
	a, b    compare.Account
	mailbox check.Mailbox
}

const password = `se"c\ret ü`

func newBench(t *testing.T) *bench {
	t.Helper()
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"a": password, "b": password}})
	x := &bench{t: t, server: s, a: compare.Account{Addr: s.Addr(), User: "a", Password: password},
		b: compare.Account{Addr: s.Addr(), User: "b", Password: password}}
	at := check.Server{Host: s.Host, Port: s.Port, TLS: check.TLSNone, User: "a", Password: password}
	x.mailbox = check.Mailbox{Name: "a@old.example", Target: "a@new.example", Source: at, Destination: at}
	x.mailbox.Destination.User = "b"
	return x
}

// fill puts the same mail into the accounts.
func (x *bench) fill(m compare.Mail, accounts ...compare.Account) {
	x.t.Helper()
	for _, s := range samplemail.All() {
		m.Samples = append(m.Samples, s.Octets)
	}
	for _, a := range accounts {
		if err := compare.Fill(x.t.Context(), a, m); err != nil {
			x.t.Fatal(err)
		}
	}
}

func (x *bench) put(a compare.Account, folder, octets string, date time.Time, flags ...string) {
	x.t.Helper()
	if err := compare.Add(x.t.Context(), a, folder, []byte(octets), date, flags...); err != nil {
		x.t.Fatal(err)
	}
}

// pairs maps folders to themselves, raw names as Dovecot shows them.
func (x *bench) pairs(folders ...check.Name) {
	x.mailbox.Pairs = nil
	for _, f := range folders {
		x.mailbox.Pairs = append(x.mailbox.Pairs, check.Pair{Sources: []check.Name{f}, Destination: f})
	}
}

// raw are the names of compare.FolderNames on the wire.
func raw() []check.Name {
	shift := regexp.MustCompile("[^ -~]+")
	base64 := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var names []check.Name
	for _, n := range compare.FolderNames(false) {
		wire := shift.ReplaceAllStringFunc(strings.ReplaceAll(n, "&", "&-"), func(s string) string {
			var octets []byte
			for _, u := range utf16.Encode([]rune(s)) {
				octets = append(octets, byte(u>>8), byte(u))
			}
			return "&" + base64.EncodeToString(octets) + "-"
		})
		names = append(names, check.Name{Raw: wire, Path: n})
	}
	return names
}

// run checks the mailbox and gives the findings, one line each.
func (x *bench) run(o check.Options) (check.Result, []string) {
	x.t.Helper()
	var result check.Result
	var lines []string
	o.Finding = func(f check.Finding) error {
		lines = append(lines, fmt.Sprintf("%s %s->%s %s", f.Sign, f.Source, f.Destination, strings.Join(f.What, ",")))
		return nil
	}
	o.Done = func(r check.Result) { result = r }
	if err := check.Run(x.t.Context(), []check.Mailbox{x.mailbox}, o); err != nil {
		x.t.Fatal(err)
	}
	slices.Sort(lines)
	return result, lines
}

func TestSameMailIsTheSame(t *testing.T) {
	x := newBench(t)
	x.fill(compare.Mail{Messages: 450, Seed: 3, Big: 2 << 20}, x.a, x.b)
	x.pairs(raw()...)
	for name, o := range map[string]check.Options{"bodies": {}, "headers": {Headers: true}, "sample": {Sample: 30}} {
		r, lines := x.run(o)
		all := r.Tally.Source
		if r.Err != nil || r.Fails() || len(lines) > 0 || r.Tally.Same != all || all < 451 {
			t.Errorf("%s: %+v, %q", name, r, lines)
		}
		full := name == "bodies" && r.Tally.Bodies == all
		none := name == "headers" && r.Tally.Bodies == 0
		some := name == "sample" && r.Tally.Bodies > all/5 && r.Tally.Bodies < all/2
		if !full && !none && !some {
			t.Errorf("%s: %d bodies were read", name, r.Tally.Bodies)
		}
	}
}

func TestEachDifferenceIsFound(t *testing.T) {
	x := newBench(t)
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	text := func(id, body string) string {
		return fmt.Sprintf("Message-ID: <%s@x>\r\nFrom: a@b\r\nSubject: %s\r\n\r\n%s\r\n", id, id, body)
	}
	both := func(id string) {
		x.put(x.a, "INBOX", text(id, "body"), day)
		x.put(x.b, "INBOX", text(id, "body"), day)
	}
	both("same")
	both("twice")
	x.put(x.b, "INBOX", text("twice", "body"), day)
	x.put(x.a, "INBOX", text("lost", "body"), day)
	x.put(x.b, "INBOX", text("new", "body"), day)
	x.put(x.a, "INBOX", text("flags", "body"), day, `\Seen`, "$Label1")
	x.put(x.b, "INBOX", text("flags", "body"), day, `\Seen`, "$Label2")
	x.put(x.a, "INBOX", text("date", "body"), day)
	x.put(x.b, "INBOX", text("date", "body"), day.Add(time.Second))
	x.put(x.a, "INBOX", text("altered", "body"), day)
	x.put(x.b, "INBOX", text("altered", "bodY"), day)
	x.put(x.a, "INBOX", text("trace", "body"), day)
	x.put(x.b, "INBOX", "Received: from c\r\n by d\r\n"+text("trace", "body")+"\r\n", day)
	x.put(x.a, "INBOX", text("deleted", "body"), day, `\Deleted`)
	x.put(x.a, "INBOX", text("large", strings.Repeat("x", 4000)), day)
	// Two equal ones at the source, one of which arrived.
	x.put(x.a, "INBOX", "no header, twice", day)
	x.put(x.a, "INBOX", "no header, twice", day)
	x.put(x.b, "INBOX", "no header, twice", day)
	x.pairs(check.Name{Raw: "INBOX", Path: "INBOX"})
	x.mailbox.MaxSize = 3000

	r, lines := x.run(check.Options{})
	want := []string{"+ ->INBOX ", "- INBOX->INBOX ", "- INBOX->INBOX equal to another message that came",
		`. INBOX->INBOX marked \Deleted`, ". INBOX->INBOX over max_size", "2 ->INBOX ", "~ INBOX->INBOX date",
		"~ INBOX->INBOX flags", "~ INBOX->INBOX line ends or trace headers", "~ INBOX->INBOX octets"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	tally := check.Tally{Source: 11, Destination: 9, Same: 3, Missing: 2, Extra: 1, Twice: 1, Differs: 4, Altered: 1,
		Reformed: 1, LeftOut: 2, Deleted: 1, Bodies: 11}
	if diff := cmp.Diff(tally, r.Tally); diff != "" || !r.Fails() {
		t.Errorf("tally (-want +got):\n%s", diff)
	}

	// By headers the altered body has the same size and passes, and nothing shows what namesakes without a name have in
	// common; the rest is found all the same.
	_, lines = x.run(check.Options{Headers: true})
	want = []string{"+ ->INBOX ", "- INBOX->INBOX ", "- INBOX->INBOX ", `. INBOX->INBOX marked \Deleted`,
		". INBOX->INBOX over max_size", "2 ->INBOX ", "~ INBOX->INBOX date", "~ INBOX->INBOX flags",
		"~ INBOX->INBOX size"} // the trace header's
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("findings by headers (-want +got):\n%s", diff)
	}
	_, lines = x.run(check.Options{Sample: 100})
	if !slices.Contains(lines, "~ INBOX->INBOX octets") || slices.Contains(lines, "~ INBOX->INBOX size") {
		t.Errorf("a sample of all is not everything: %q", lines)
	}
}

// TestHowDeepItLooks: of messages that are altered in their bodies alone, headers show none, a sample those that it read,
// and the whole all. What was not read whole is never told as if it had been.
func TestHowDeepItLooks(t *testing.T) {
	x := newBench(t)
	day := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	const all = 40
	for i := range all {
		head := fmt.Sprintf("Message-ID: <%d@x>\r\nSubject: %d\r\n\r\n", i, i)
		x.put(x.a, "INBOX", head+"body", day)
		x.put(x.b, "INBOX", head+"bodY", day)
	}
	x.pairs(check.Name{Raw: "INBOX", Path: "INBOX"})
	for name, o := range map[string]check.Options{"headers": {Headers: true}, "sample": {Sample: 30}, "whole": {}} {
		o.Same = true
		first, lines := x.run(o)
		again, _ := x.run(o)
		r := first.Tally
		wrong := strings.Count(strings.Join(lines, ";"), "~ INBOX->INBOX octets")
		if r.Altered != r.Bodies || r.Same != all-r.Bodies || int64(wrong) != r.Bodies || len(lines) != all || r.Source != all || again.Tally != r {
			t.Errorf("%s: %+v, then %+v; %d told as altered, %d in all", name, r, again.Tally, wrong, len(lines))
		}
		ok := map[string]bool{"headers": r.Bodies == 0, "sample": r.Bodies > 3 && r.Bodies < 25, "whole": r.Bodies == all}
		if !ok[name] {
			t.Errorf("%s: %d of %d compared whole", name, r.Bodies, all)
		}
	}
}

func TestFoldersThatAreNotCompared(t *testing.T) {
	x := newBench(t)
	x.fill(compare.Mail{Messages: 8, Seed: 1}, x.a)
	names := raw()
	x.pairs(names[0])
	x.mailbox.Pairs[0].Destination.Raw = "" // INBOX has no counterpart
	x.mailbox.Pairs = append(x.mailbox.Pairs, check.Pair{Sources: names[1:2], Destination: check.Name{Raw: "Nowhere", Path: "Nowhere"}})
	x.mailbox.Aside = []check.Aside{{Name: names[2], Rule: "exclude x"}, {Name: names[3], Fault: "no name left"}}
	x.mailbox.Others = []check.Other{{Path: "Mine", Messages: 7}}
	r, _ := x.run(check.Options{})
	got := map[string]string{}
	for _, f := range r.Folders {
		text := f.LeftOut
		if f.Problem != "" {
			text = "problem"
		}
		if f.Absent {
			text += "absent"
		}
		got[strings.Join(f.Source, "+")+"->"+f.Destination] = fmt.Sprintf("%s %d missing, %d extra", text, f.Tally.Missing, f.Tally.Extra)
	}
	for key, want := range map[string]string{
		"INBOX->INBOX":            "absent 1 missing, 0 extra",
		"Sent->Nowhere":           "problem 0 missing, 0 extra",
		"Archive/2023/Q1->":       "exclude x 0 missing, 0 extra",
		"Projekte/Über & unter->": "problem 0 missing, 0 extra",
		"->Mine":                  " 0 missing, 7 extra",
		names[4].Raw + "->":       "problem 0 missing, 0 extra", // the mapping does not know it
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
	if !r.Fails() {
		t.Error("folders that were not compared pass")
	}
}

// TestSignIn reaches a server by every way that the configuration knows, and by no way that it forbids.
func TestSignIn(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{Users: map[string]string{"a": password}, Masters: map[string]string{"boss": "m"},
		RefusePlaintext: true})
	octets, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(octets)
	c, err := tls.Dial("tcp", s.TLSAddr(), &tls.Config{RootCAs: roots, ServerName: s.Host})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)
	_ = c.Close()
	pin := hex.EncodeToString(sum[:])
	implicit := check.Server{Host: s.Host, Port: s.TLSPort, RootCAs: roots, User: "a", Password: password}
	start := implicit
	start.Port, start.TLS = s.Port, check.TLSStart
	with := func(at check.Server, change func(*check.Server)) check.Server {
		change(&at)
		return at
	}
	for name, c := range map[string]struct {
		server check.Server
		code   mail.Code // empty: it works
	}{
		"implicit":         {server: implicit},
		"starttls":         {server: start},
		"pin":              {server: with(implicit, func(s *check.Server) { s.RootCAs, s.PinSHA256 = nil, []string{pin} })},
		"wrong pin":        {with(implicit, func(s *check.Server) { s.PinSHA256 = []string{strings.Repeat("0", 64)} }), mail.CodeIMAPTLS},
		"unknown issuer":   {with(start, func(s *check.Server) { s.RootCAs = nil }), mail.CodeIMAPTLS},
		"no TLS":           {with(start, func(s *check.Server) { s.TLS = check.TLSNone }), mail.CodeIMAPSignInMethod},
		"wrong password":   {with(start, func(s *check.Server) { s.Password = "other" }), mail.CodeIMAPLogin},
		"dovecot's master": {server: with(start, func(s *check.Server) { s.User, s.Password = "a*boss", "m" })},
		"sasl-plain":       {server: with(start, func(s *check.Server) { s.User, s.AuthzID, s.Password = "boss", "a", "m" })},
		"no such port":     {with(start, func(s *check.Server) { s.Port = 1 }), mail.CodeIMAPConnect},
	} {
		open := 0
		c.server.Connect = func(context.Context) (func(), error) { open++; return func() { open-- }, nil }
		m := check.Mailbox{Source: c.server, Destination: c.server, Aside: []check.Aside{{Name: check.Name{Raw: "INBOX"}}}}
		var r check.Result
		if err := check.Run(t.Context(), []check.Mailbox{m}, check.Options{Done: func(done check.Result) { r = done }}); err != nil {
			t.Fatal(err)
		}
		code := mail.Code("")
		if r.Err != nil {
			code = mail.CodeOf(r.Err)
		}
		if code != c.code || open != 0 {
			t.Errorf("%s: %v, %d connections were not given back", name, r.Err, open)
		}
	}
}
