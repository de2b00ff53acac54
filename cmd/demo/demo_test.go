package demo_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/cmd/demo"
	"mailhaul/state/mail"
	samplemail "mailhaul/testdata/mail"
)

// client speaks IMAP by hand, so that no library can hide what the server sends.
type client struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
	n int
}

func connect(t *testing.T, s *demo.Server, user, password string) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	k := &client{t: t, c: c, r: bufio.NewReader(c)}
	k.line()
	k.do(fmt.Sprintf("LOGIN %q %q", user, password))
	return k
}

func (k *client) line() string {
	k.t.Helper()
	line, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// do sends a command and gives the answer's lines; literals are put in as they came.
func (k *client) do(command string) []string {
	k.t.Helper()
	k.n++
	fmt.Fprintf(k.c, "t%d %s\r\n", k.n, command)
	var lines []string
	for {
		line := k.line()
		for strings.HasSuffix(line, "}") {
			size, err := strconv.Atoi(line[strings.LastIndexByte(line, '{')+1 : len(line)-1])
			if err != nil {
				break
			}
			literal := make([]byte, size)
			if _, err := io.ReadFull(k.r, literal); err != nil {
				k.t.Fatal(err)
			}
			line += string(literal) + k.line()
		}
		lines = append(lines, line)
		if strings.HasPrefix(line, fmt.Sprintf("t%d ", k.n)) {
			return lines
		}
	}
}

func (k *client) appendTo(folder, flags, date string, octets []byte) string {
	k.t.Helper()
	lines := k.do(fmt.Sprintf("APPEND %s %s %s {%d+}\r\n%s", folder, flags, date, len(octets), octets))
	return lines[len(lines)-1]
}

func start(t *testing.T) *demo.Server {
	t.Helper()
	s, err := demo.NewServer(demo.Options{Users: demo.SourceUsers()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func anna(t *testing.T, s *demo.Server) *client {
	t.Helper()
	p := demo.People()[0]
	return connect(t, s, p.Source, p.SourcePassword)
}

// TestServerKeepsOctets: what APPEND stored comes back octet for octet, with its date, zone and flags.
func TestServerKeepsOctets(t *testing.T) {
	s := start(t)
	k := anna(t, s)
	samples := samplemail.All()
	for _, m := range samples {
		got := k.appendTo("INBOX", `(\Seen MixedCase $MDNSent)`, `" 7-Feb-2021 03:04:05 +0545"`, m.Octets)
		if !strings.Contains(got, "OK [APPENDUID ") {
			t.Fatalf("append %s: %q", m.Name, got)
		}
	}
	k.do("EXAMINE INBOX")
	for i, m := range samples {
		want := fmt.Sprintf("* %d FETCH (UID %d FLAGS (\\Seen $MDNSent MixedCase) INTERNALDATE \" 7-Feb-2021 03:04:05 +0545\" "+
			"RFC822.SIZE %d BODY[] {%d}%s)", i+1, i+1, len(m.Octets), len(m.Octets), m.Octets)
		want = strings.Replace(want, fmt.Sprintf("{%d}", len(m.Octets)), fmt.Sprintf("{%d}\r\n", len(m.Octets)), 1)
		got := k.do(fmt.Sprintf("UID FETCH %d (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", i+1))
		got[0] = strings.Replace(got[0], fmt.Sprintf("{%d}", len(m.Octets)), fmt.Sprintf("{%d}\r\n", len(m.Octets)), 1)
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", m.Name, diff)
		}
	}
}

func TestServerAnswers(t *testing.T) {
	s := start(t)
	p := demo.People()[0]
	if err := s.AddFolder(p.Source, "Projekte/Süd", mail.RoleNone); err != nil {
		t.Fatal(err)
	}
	octets := []byte("Subject: a\r\nX: 1\r\n folded\r\nTo: b\r\n\r\nbody\n")
	if _, err := s.Deliver(p.Source, "INBOX", demo.Message{Date: time.Unix(0, 0), Octets: octets}); err != nil {
		t.Fatal(err)
	}
	k := anna(t, s)
	tests := []struct{ command, want string }{
		{`CREATE "Out" (USE (\Sent))`, "t2 OK"},
		{`CREATE Out`, "t3 NO [ALREADYEXISTS]"},
		{`LIST (SPECIAL-USE) "" "*"`, `* LIST (\HasNoChildren \Sent) "/" "Out"`},
		{`LIST "" "Projekte/*" RETURN (STATUS (UIDNEXT))`, `* LIST (\HasNoChildren) "/" "Projekte/S&APw-d"`},
		{`STATUS INBOX (MESSAGES UIDNEXT UNSEEN)`, "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UNSEEN 1)"},
		{`NAMESPACE`, `* NAMESPACE (("" "/")) NIL NIL`},
		{`SELECT Nowhere`, "t8 NO [NONEXISTENT]"},
		{`EXAMINE INBOX`, "* OK [PERMANENTFLAGS ()]"},
		{`UID STORE 1 +FLAGS (\Seen)`, "t10 NO"},
		{`SELECT INBOX`, `* OK [PERMANENTFLAGS (\Seen \Answered \Flagged \Draft \Deleted \*)]`},
		{`UID STORE 1 +FLAGS (\Seen Word)`, `* 1 FETCH (UID 1 FLAGS (\Seen Word))`},
		{`UID STORE 1 -FLAGS (word)`, `* 1 FETCH (UID 1 FLAGS (\Seen))`},
		{`UID FETCH 1 BODY.PEEK[HEADER.FIELDS (X)]`, "X: 1\r\n folded\r\n\r\n"},
		{`UID FETCH 1 BODY.PEEK[TEXT]`, "{5}body\n)"},
		{`UID SEARCH UID 1:5`, "* SEARCH 1"},
		{`UID SEARCH RETURN (ALL) UNSEEN`, "* ESEARCH"},
		{`UID FETCH 5:* (UID)`, "* 1 FETCH (UID 1)"},
		{`EXPUNGE`, "t19 NO [CANNOT]"},
	}
	for _, tt := range tests {
		if got := strings.Join(k.do(tt.command), "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.command, got, tt.want)
		}
	}
}

func TestCutOffLiteralIsNotStored(t *testing.T) {
	s := start(t)
	k := anna(t, s)
	fmt.Fprintf(k.c, "x APPEND INBOX {1000+}\r\nonly this")
	k.c.Close()
	other := anna(t, s)
	other.do("NOOP")
	time.Sleep(20 * time.Millisecond) // the server notices the broken connection on its own time
	if n := s.Count(""); n != 0 {
		t.Errorf("%d messages are stored of a literal cut off", n)
	}
}

func TestRefuseAndMend(t *testing.T) {
	s := start(t)
	s.SetRefuse(func(_, folder string, m demo.Message) string {
		if folder == "INBOX" && bytes.Contains(m.Octets, []byte("bad")) {
			return "Message contains bare newlines"
		}
		return ""
	})
	k := anna(t, s)
	if got := k.appendTo("INBOX", "()", `"01-Jan-2024 00:00:00 +0000"`, []byte("bad\n")); got != "t2 NO Message contains bare newlines" {
		t.Errorf("refused message: %q", got)
	}
	if got := k.appendTo("INBOX", "()", `"01-Jan-2024 00:00:00 +0000"`, []byte("good")); !strings.Contains(got, "OK") {
		t.Errorf("good message: %q", got)
	}
	s.SetRefuse(nil)
	if got := k.appendTo("INBOX", "()", `"01-Jan-2024 00:00:00 +0000"`, []byte("bad\n")); !strings.Contains(got, "OK") {
		t.Errorf("mended: %q", got)
	}
	if got := s.Stats(); got.Appended != 2 || got.Refused != 1 {
		t.Errorf("stats are %+v", got)
	}
}

func TestSeedAndCompare(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	source, same := start(t), start(t)
	for _, s := range []*demo.Server{source, same} {
		if err := demo.Seed(s, now); err != nil {
			t.Fatal(err)
		}
	}
	if n := source.Count(""); n < 300 || n > 1000 {
		t.Errorf("the source holds %d messages", n)
	}
	octets := make(map[string]bool)
	for _, f := range source.Folders("anna@old.example") {
		for _, m := range source.Messages("anna@old.example", f) {
			octets[string(m.Octets)] = true
			if m.Date.After(now) || m.Date.Before(now.AddDate(-6, 0, 0)) {
				t.Errorf("a message of %s has the date %s", f, m.Date)
			}
		}
	}
	for _, m := range samplemail.All() {
		if !octets[string(m.Octets)] {
			t.Errorf("sample %s is not among the mail", m.Name)
		}
	}

	destination, err := demo.NewServer(demo.Options{Users: demo.DestinationUsers(), Delimiter: '.'})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = destination.Close() })
	for _, p := range demo.People() {
		for _, f := range same.Folders(p.Source) {
			for _, m := range same.Messages(p.Source, f) {
				if _, err := destination.Deliver(p.Destination, f, m); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	asItIs := func(_ demo.Person, folder string) string { return folder }
	equal, differences := demo.Compare(source, destination, asItIs)
	if equal != source.Count("") || len(differences) > 0 {
		t.Errorf("%d of %d are equal, differences: %v", equal, source.Count(""), differences)
	}

	one := source.Messages("bo@old.example", "INBOX")[0]
	one.Flags = one.Flags.With("Other")
	if _, err := destination.Deliver("bo@new.example", "INBOX", one); err != nil {
		t.Fatal(err)
	}
	if n, err := demo.DeliverNew(source, now, 2); err != nil || n != 6 {
		t.Fatalf("new mail: %d, %v", n, err)
	}
	_, differences = demo.Compare(source, destination, asItIs)
	want := []demo.Difference{{Mailbox: "anna@old.example", Folder: "INBOX", Missing: 2},
		{Mailbox: "bo@old.example", Folder: "INBOX", Missing: 2, Extra: 1},
		{Mailbox: "carla@old.example", Folder: "INBOX", Missing: 2}}
	if diff := cmp.Diff(want, differences); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
}
