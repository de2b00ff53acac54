package check

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailhaul/state/mail"
)

// fake is a server that answers as a script says.
type fake struct {
	net.Listener
	mu sync.Mutex
	// answers gives what is sent before the tagged OK, by the command without its tag; a text that ends with "CUT" cuts
	// the connection there, one that begins with "NO" replaces the OK, and what follows "FOREVER" never ends. A command
	// without an answer gets OK alone.
	answers func(command string, time int) string
	times   map[string]int
}

func newFake(t *testing.T, answers func(command string, time int) string) Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{Listener: l, answers: answers, times: map[string]int{}}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); served.Wait() })
	return Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: TLSNone, User: "u", Password: "secret", Silence: 5 * time.Second}
}

func (f *fake) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	_, _ = io.WriteString(c, "* OK ready {5}\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		text := f.answer(command)
		if head, cut := strings.CutSuffix(text, "CUT"); cut {
			_, _ = io.WriteString(c, head)
			return
		}
		if head, more, ok := strings.Cut(text, "FOREVER"); ok {
			_, err = io.WriteString(c, head)
			for more = strings.Repeat(more, 1+(32<<10)/len(more)); err == nil; {
				_, err = io.WriteString(c, more)
			}
			return
		}
		end := "OK done"
		if strings.HasPrefix(text, "NO") {
			text, end = "", text
		}
		_, _ = fmt.Fprintf(c, "%s%s %s\r\n", text, tag, end)
	}
}

func (f *fake) answer(command string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.times[command]++
	if text := f.answers(command, f.times[command]); text != "" {
		return text
	}
	switch {
	case strings.HasPrefix(command, "LIST"):
		return "* LIST () \"/\" INBOX\r\n"
	case strings.HasPrefix(command, "EXAMINE"):
		return "* 3 EXISTS\r\n* OK [UIDVALIDITY 9] there\r\n"
	}
	return ""
}

func listing(uids ...int) string {
	var b strings.Builder
	for i, uid := range uids {
		fmt.Fprintf(&b, "* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE \" 1-May-2024 10:00:00 +0000\" RFC822.SIZE 4)\r\n", i+1, uid)
	}
	return b.String()
}

const body4 = "BODY[] {4}\r\nabcd"

// TestHostileServers: whatever a server does, each message it lists is read, or named as unreadable, or proven gone.
func TestHostileServers(t *testing.T) {
	all := "UID FETCH 1:3 (UID BODY.PEEK[])"
	normal := "* 1 FETCH (UID 1 " + body4 + ")\r\n* 2 FETCH (UID 2 " + body4 + ")\r\n* 3 FETCH (UID 3 " + body4 + ")\r\n"
	one := func(n int) string { return fmt.Sprintf("* %d FETCH (UID %d %s)\r\n", n, n, body4) }
	alone := func(n int) string { return fmt.Sprintf("UID FETCH %d (UID BODY.PEEK[])", n) }
	for name, c := range map[string]struct {
		answers map[string]string // by command; all else is as usual
		once    map[string]string // for the first time
		read    []mail.UID
		unread  []mail.UID
	}{
		"as usual": {read: []mail.UID{1, 2, 3}},
		"UID behind the literal, news between, strange lines": {answers: map[string]string{
			all: "* 1 FETCH (FLAGS (a[b]c))\r\n* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 1 FETCH (" + body4 + " UID 1)\r\n* GARBAGE {\r\n\r\n" +
				"* 2 FETCH (UID 2 X-GM-LABELS (\"a\\\"b\" {3}\r\n(((  ) " + body4 + ")\r\n* OK [Error=\"x\" {4}] hm {7}\r\n* 3 FETCH (UID 3 " + body4 + " FLAGS ())\r\n"},
			read: []mail.UID{1, 2, 3}},
		"an answer without a body is no body": {answers: map[string]string{
			all: one(1) + "* 2 FETCH (UID 2 BODY[] NIL)\r\n" + one(3), alone(2): "* 2 FETCH (UID 2 FLAGS ())\r\n",
			"UID SEARCH UID 2": "* SEARCH 2\r\n"}, read: []mail.UID{1, 3}, unread: []mail.UID{2}},
		"gone meanwhile": {answers: map[string]string{all: one(1) + one(3), alone(2): " ", "UID SEARCH UID 2": "* SEARCH\r\n"},
			read: []mail.UID{1, 3}},
		"cut inside a literal, then whole": {once: map[string]string{all: one(1) + "* 2 FETCH (UID 2 BODY[] {4}\r\nabCUT"},
			answers: map[string]string{alone(2): one(2), alone(3): one(3)}, read: []mail.UID{1, 2, 3}},
		"one message ends every session": {answers: map[string]string{all: one(1) + "CUT", alone(2): "CUT", alone(3): one(3),
			"UID SEARCH UID 2": "* SEARCH 2\r\n"}, read: []mail.UID{1, 3}, unread: []mail.UID{2}},
		"NO to the whole": {answers: map[string]string{all: "NO some can't be fetched", alone(1): one(1), alone(2): "NO broken", alone(3): one(3),
			"UID SEARCH UID 2": "* SEARCH 2\r\n"}, read: []mail.UID{1, 3}, unread: []mail.UID{2}},
		"a line of the listing that can't be read": {answers: map[string]string{
			"UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)": listing(1) + "* 2 FETCH (UID 2 FLAGS (a \"b)\r\n" + listing(3),
			"UID FETCH 1:* (UID)":                                "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n"}, read: []mail.UID{1, 2, 3}},
		"a body as a short string": {answers: map[string]string{all: one(1) + "* 2 FETCH (UID 2 BODY[] \"abcd\")\r\n" + one(3)},
			read: []mail.UID{1, 2, 3}},
	} {
		s := newFake(t, func(command string, time int) string {
			if text, ok := c.once[command]; ok && time == 1 {
				return text
			}
			if text, ok := c.answers[command]; ok {
				return strings.TrimPrefix(text, " ")
			}
			switch command {
			case "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)":
				return listing(1, 2, 3)
			case all:
				return normal
			}
			return ""
		})
		read, unreadUIDs, err := contents(t.Context(), s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([][]mail.UID{c.read, c.unread}, [][]mail.UID{read, unreadUIDs}); diff != "" {
			t.Errorf("%s: read and unreadable (-want +got):\n%s", name, diff)
		}
	}
}

// contents reads INBOX; every body must be "abcd".
func contents(ctx context.Context, s Server) (read, lost []mail.UID, err error) {
	r := newReader(s, digestKey{})
	defer r.close()
	all, err := r.list(ctx, "INBOX", &table{})
	if err != nil {
		return nil, nil, err
	}
	err = r.content(ctx, "INBOX", all, byBody, func(*entry) bool { return true })
	want := digestOf("abcd", 1)
	for i := range all.n {
		switch e := all.at(i); {
		case e.known == unread:
			lost = append(lost, e.uid)
		case e.known == gone:
		case e.exact == want.exact && e.canon == want.canon && e.parts == want.parts:
			read = append(read, e.uid)
		default:
			err = errors.Join(err, fmt.Errorf("UID %d has another body", e.uid))
		}
	}
	return read, lost, err
}

func TestListingsThatAreNotWhole(t *testing.T) {
	s := newFake(t, func(command string, _ int) string {
		if strings.HasPrefix(command, "UID FETCH 1:*") {
			return listing(1, 2)
		}
		return ""
	})
	if _, _, err := contents(t.Context(), s); mail.CodeOf(err) != mail.CodeIMAPProtocol {
		t.Errorf("a listing of 2 of 3 messages passes: %v", err)
	}
	s = newFake(t, func(command string, time int) string {
		switch {
		case strings.HasPrefix(command, "EXAMINE") && time > 1:
			return "* 3 EXISTS\r\n* OK [UIDVALIDITY 10] anew\r\n"
		case strings.HasPrefix(command, "UID FETCH 1:*"):
			return listing(1, 2, 3)
		case strings.HasPrefix(command, "UID FETCH"):
			return "CUT"
		}
		return ""
	})
	if _, _, err := contents(t.Context(), s); mail.KindOf(err) != mail.Stale {
		t.Errorf("UIDs are taken over into another UIDVALIDITY: %v", err)
	}
}

// TestServersThatNeverEnd: what a server sends without end costs bounded memory, and ends with an error that says so.
func TestServersThatNeverEnd(t *testing.T) {
	list := "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"
	for name, c := range map[string]struct{ command, answer string }{
		"a line":                         {list, "* 1 FETCH (FOREVERx"},
		"a line of a name":               {"EXAMINE \"INBOX\"", "* OK [FOREVERx"},
		"news":                           {list, "FOREVER* OK still here\r\n"},
		"the same message":               {list, "FOREVER" + listing(1)},
		"literals in one response":       {list, "* 1 FETCH (X {1}\r\nFOREVERa {1}\r\n"},
		"a literal that nobody asked":    {list, "* 1 FETCH (X {4000000000}\r\nFOREVERx"},
		"a body as large as no message":  {"UID FETCH 1:3 (UID BODY.PEEK[])", "* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\nFOREVERx"},
		"news while a message is read":   {"UID FETCH 1:3 (UID BODY.PEEK[])", "FOREVER* 1 FETCH (UID 1 FLAGS (a))\r\n"},
		"bodies in one response":         {"UID FETCH 1:3 (UID BODY.PEEK[])", "* 1 FETCH (UID 1 FOREVERBODY[] {1}\r\nx "},
		"folders":                        {"LIST \"\" \"*\"", "FOREVER* LIST () \"/\" x\r\n"},
		"messages in more than a folder": {"EXAMINE \"INBOX\"", "* 99999999 EXISTS\r\n"},
	} {
		s := newFake(t, func(command string, _ int) string {
			switch command {
			case c.command:
				return c.answer
			case list:
				return listing(1, 2, 3)
			case "UID FETCH 1 (UID BODY.PEEK[])", "UID FETCH 2 (UID BODY.PEEK[])", "UID FETCH 3 (UID BODY.PEEK[])":
				return strings.Replace("* 9 FETCH (UID # BODY[] {4}\r\nabcd)\r\n", "#", command[10:11], 1)
			}
			return ""
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		r := newReader(s, digestKey{})
		_, folders := r.folders(t.Context())
		r.close()
		read, _, err := contents(t.Context(), s)
		runtime.ReadMemStats(&after)
		if c.command[:8] == "UID FETC" && c.command != list {
			// Only the answer to the three at once is bad: one by one they come.
			if err != nil || len(read) != 3 {
				t.Errorf("%s: %v, read %v", name, err, read)
			}
		} else if err == nil && folders == nil {
			t.Errorf("%s: is taken for an answer", name)
		}
		if kept := int64(after.HeapSys) - int64(before.HeapSys); kept > 96<<20 || time.Since(began) > 2*time.Minute {
			t.Errorf("%s: took %v and %d octets", name, time.Since(began), kept)
		}
	}
}

func TestFoldersOfHostileServers(t *testing.T) {
	s := newFake(t, func(command string, _ int) string {
		switch {
		case strings.HasPrefix(command, "CAPABILITY"):
			return "* CAPABILITY IMAP4rev1 NAMESPACE\r\n"
		case command == "NAMESPACE":
			return "* NAMESPACE ((\"\" \"/\")) ((\"Other/\" \"/\")) ((\"Public\" NIL))\r\n"
		case strings.HasPrefix(command, "LIST"):
			return "* LIST () \"/\" INBOX\r\n* LIST (\\Noselect) \"/\" Parent\r\n* LIST () \"/\" R&D\r\n* LIST () NIL {5}\r\nS\xe4d\"x\r\n" +
				"* LIST () \"\\\" \"a\\\\b\"\r\n* LIST () \"/\" not quoted\r\n* LIST () \"/\" Other/anna\r\n* LIST () \"/\" Public/x\r\n"
		}
		return ""
	})
	r := newReader(s, digestKey{})
	defer r.close()
	got, err := r.folders(t.Context())
	want := []string{"INBOX", "R&D", "S\xe4d\"x", `a\b`, "not quoted"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("folders are %q, want %q: %v", got, want, err)
	}
}

func TestPasswordsAreNotTold(t *testing.T) {
	var trace bytes.Buffer
	for name, refuse := range map[string]string{"accepted": "", "refused": `NO wrong password "secret"`} {
		s := newFake(t, func(command string, _ int) string {
			if strings.HasPrefix(command, "LOGIN") {
				return refuse
			}
			return ""
		})
		s.Trace = func() io.Writer { return &trace }
		c, err := dial(t.Context(), s)
		if (err != nil) != (refuse != "") {
			t.Fatalf("%s: %v", name, err)
		}
		if err == nil {
			c.close()
		} else if mail.CodeOf(err) != mail.CodeIMAPLogin || mail.KindOf(err) != mail.Auth {
			t.Errorf("%s: %v", name, err)
		}
		for _, text := range []string{fmt.Sprint(err), trace.String(), fmt.Sprintf("%v %+v %#v", s, s, &s)} {
			if strings.Contains(text, "secret") {
				t.Errorf("%s: the password is in %q", name, text)
			}
		}
	}
	if !strings.Contains(trace.String(), "CAPABILITY") {
		t.Error("the trace is empty")
	}
}

func TestASilentServerIsNoticed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: TLSNone, Silence: 50 * time.Millisecond}
	if _, err := dial(t.Context(), s); mail.CodeOf(err) != mail.CodeIMAPTimeout {
		t.Errorf("silence is %v", err)
	}
	s.Silence = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := dial(ctx, s); err == nil {
		t.Error("the end of the context ends nothing")
	}
}

func FuzzResponse(f *testing.F) {
	f.Add("* 1 FETCH (UID 1 FLAGS (a) BODY[HEADER.FIELDS (DATE)] \x000\x00 INTERNALDATE \" 1-May-2024 10:00:00 +0000\")")
	f.Add(`* LIST (\Noselect) "\" "a\"b"`)
	f.Add(`* NAMESPACE (("" "/")) NIL (((("x"))))`)
	f.Fuzz(func(_ *testing.T, text string) {
		r := response{text: text, literals: []string{"x"}}
		r.fetched()
		r.listed()
		r.prefixes()
	})
}
