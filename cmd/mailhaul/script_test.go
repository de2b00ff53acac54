package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mailhaul/cmd/demo"
	"mailhaul/state"
	"mailhaul/state/mail"
)

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"mailhaul": checked})
}

// suite removes the program that tests have built.
type suite struct{ *testing.M }

func (s suite) Run() int {
	defer func() { _ = os.Remove(buildPath) }() // where nobody built it, there is nothing to remove
	return s.M.Run()
}

// TestScript runs the real command against two servers inside this process. One file of testdata/script is one promise;
// its first line says which. $SOURCE_PORT and $DESTINATION_PORT are the servers, empty but for three people. Files that are
// a hard case have a test of their own.
func TestScript(t *testing.T) {
	files, err := filepath.Glob(scriptFile("*"))
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{}
	for _, name := range hardCaseScripts() {
		own[scriptFile(name)] = true
	}
	runScripts(t, slices.DeleteFunc(files, func(f string) bool { return own[f] }))
}

func scriptFile(name string) string { return filepath.Join("../../testdata/script", name+".txtar") }

func runScripts(t *testing.T, files []string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"deliver":  deliver,
			"big":      big,
			"password": password,
			"refuse":   refuse,
			"holds":    holds,
			"fetched":  fetched,
			"exitcode": exitcode,
			"secret":   secret,
			"equal":    equal,
			"project":  project,
			"lock":     lock,
			"unlock":   unlock,
			"signins":  signIns,
			"slow":     slow,
			"appended": appended,
			"arrives":  arrives,
			"tls":      tlsServer,
			"rename":   rename,
			"doubt":    doubt,
			"flagged":  flagged,
			"marked":   marked,
			"tty":      tty,
			"live":     live,
			"golden":   golden,
			"numbers":  numbers,
			"summed":   summed,
			"hostile":  hostile,
			"silent":   silent,
			"first":    first,
		},
	})
}

type serverKey string

const (
	sourceKey      serverKey = "source"
	destinationKey serverKey = "destination"
)

func setup(env *testscript.Env) error {
	for _, one := range []struct {
		key   serverKey
		users map[string]string
	}{{sourceKey, demo.SourceUsers()}, {destinationKey, demo.DestinationUsers()}} {
		s, err := demo.NewServer(demo.Options{Users: one.users})
		if err != nil {
			return err
		}
		env.Defer(func() {
			if err := s.Close(); err != nil {
				env.T().Log(err)
			}
		})
		env.Values[one.key] = s
		env.Setenv(strings.ToUpper(string(one.key))+"_PORT", strconv.Itoa(s.Port()))
	}
	env.Setenv("TZ", "UTC")
	env.Setenv("LANG", "C.UTF-8")
	return nil
}

func server(ts *testscript.TestScript, name string) *demo.Server {
	s, ok := ts.Value(serverKey(name)).(*demo.Server)
	if !ok {
		ts.Fatalf("there is no server %q", name)
	}
	return s
}

// deliver USER FOLDER AGE [COUNT] lets mail arrive at the source; AGE is a duration such as 2400h.
func deliver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: deliver USER FOLDER AGE [COUNT]")
	}
	age, err := time.ParseDuration(args[2])
	ts.Check(err)
	count := 1
	if len(args) > 3 {
		count, err = strconv.Atoi(args[3])
		ts.Check(err)
	}
	for n := range count {
		text := fmt.Sprintf("From: a@b.example\r\nSubject: %s %s %d\r\n\r\nHello.\r\n", args[1], args[2], n)
		_, err = server(ts, "source").Deliver(args[0], args[1],
			demo.Message{Date: time.Now().Add(-age).Truncate(time.Second), Octets: []byte(text)})
		ts.Check(err)
	}
}

// hostile USER delivers one message into a folder whose name clears the screen, writes the clipboard and turns the line.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	_, err := server(ts, "source").Deliver(args[0], "In\x1b[2Jbox\x1b]52;c;aGk=\a\u202egnp.exe",
		demo.Message{Date: time.Unix(1_700_000_000, 0), Octets: []byte("Subject: \x1b[31mred\r\n\r\nHello.\r\n")})
	ts.Check(err)
}

// big USER FOLDER OCTETS delivers one message of about that size to the source.
func big(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	text := "From: a@b.example\r\nSubject: big\r\n\r\n" + strings.Repeat("0123456789\r\n", size/12)
	_, err = server(ts, "source").Deliver(args[0], args[1], demo.Message{Date: time.Now().Truncate(time.Second), Octets: []byte(text)})
	ts.Check(err)
}

// arrives USER FOLDER [N] lets mail arrive at the destination: something new, or its Nth message once more.
func arrives(ts *testscript.TestScript, _ bool, args []string) {
	s, m := server(ts, "destination"), demo.Message{Date: time.Now().Truncate(time.Second), Octets: []byte("Subject: new\r\n\r\nNew.\r\n")}
	if len(args) > 2 {
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		m = s.Messages(args[0], args[1])[n-1]
	}
	_, err := s.Deliver(args[0], args[1], m)
	ts.Check(err)
}

// flagged USER FOLDER N flags a message of the destination, as its owner would.
func flagged(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	server(ts, "destination").SetFlags(args[0], args[1], n, mail.Flags{System: mail.Flagged})
}

// marked USER FOLDER N marks a message of the source as deleted, as its owner would.
func marked(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	server(ts, "source").SetFlags(args[0], args[1], n, mail.Flags{System: mail.Deleted})
}

// password SERVER USER PASSWORD changes what the server accepts.
func password(ts *testscript.TestScript, _ bool, args []string) {
	server(ts, args[0]).SetPassword(args[1], args[2])
}

// refuse TEXT REASON makes the destination refuse messages that hold TEXT; "refuse" alone mends it. The reason "hostile"
// would steer a terminal.
func refuse(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		server(ts, "destination").SetRefuse(nil)
		return
	}
	server(ts, "destination").SetRefuse(func(_, _ string, m demo.Message) string {
		if strings.Contains(string(m.Octets), args[0]) {
			return strings.Replace(args[1], "hostile", hostileWords, 1)
		}
		return ""
	})
}

// holds USER FOLDER COUNT checks how many messages are in a folder of the destination.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	if got := len(server(ts, "destination").Messages(args[0], args[1])); (got == want) == neg {
		ts.Fatalf("%s of %s holds %d messages, not %d", args[1], args[0], got, want)
	}
}

// fetched COUNT checks how many bodies have left the source since the last time it was asked; "any" takes all.
func fetched(ts *testscript.TestScript, _ bool, args []string) {
	before, _ := strconv.Atoi(ts.Getenv("FETCHED")) // empty at first
	now := server(ts, "source").Stats().Fetched
	ts.Setenv("FETCHED", strconv.Itoa(now))
	if args[0] != "any" && strconv.Itoa(now-before) != args[0] {
		ts.Fatalf("%d bodies left the source, not %s", now-before, args[0])
	}
}

// exitcode CODE COMMAND... runs mailhaul and checks the exit code exactly.
func exitcode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, not %s", got, args[0])
	}
}

// secret DIR checks that no password of the demo is in a file of DIR or in the last output, but for users.csv.
func secret(ts *testscript.TestScript, _ bool, args []string) {
	texts := map[string]string{"stdout": ts.ReadFile("stdout"), "stderr": ts.ReadFile("stderr")}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "users.csv" {
			return err
		}
		octets, err := os.ReadFile(path)
		texts[path] = string(octets)
		return err
	}))
	for _, p := range demo.People() {
		for where, text := range texts {
			if strings.Contains(text, p.SourcePassword) || strings.Contains(text, p.DestinationPassword) {
				ts.Fatalf("a password of %s is in %s", p.Source, where)
			}
		}
	}
}

// equal checks that both sides hold the same, message by message, folder names unchanged.
func equal(ts *testscript.TestScript, _ bool, _ []string) {
	_, differences := demo.Compare(server(ts, "source"), server(ts, "destination"),
		func(_ demo.Person, folder string) string { return folder })
	for _, d := range differences {
		ts.Logf("%s", d)
	}
	if len(differences) > 0 {
		ts.Fatalf("both sides differ")
	}
}

// project [PASS...] writes mailhaul.hcl and users.csv for both servers, with these passes or prestage and full.
// A retry does not wait for what may get better by itself.
func project(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		args = []string{"prestage", "full"}
	}
	passes := "pass \"retry\" { attempts = 1 }\n"
	for _, name := range args {
		passes += fmt.Sprintf("pass %q {}\n", name)
	}
	passes = strings.Replace(passes, `"prestage" {`, `"prestage" { older_than = "90d" `, 1)
	hcl := fmt.Sprintf(`endpoint "imap" "old" {
  host            = "127.0.0.1"
  port            = %s
  tls             = "none"
  allow_plaintext = true
}

endpoint "imap" "new" {
  host            = "127.0.0.1"
  port            = %s
  tls             = "none"
  allow_plaintext = true
  grace           = "1s"
}

users "staff" {
  from = endpoint.imap.old
  to   = endpoint.imap.new
  csv  = "users.csv"
}

%s`, ts.Getenv("SOURCE_PORT"), ts.Getenv("DESTINATION_PORT"), passes)
	csv := "source,password,destination,destination_password\n"
	for _, p := range demo.People() {
		csv += strings.Join([]string{p.Source, p.SourcePassword, p.Destination, p.DestinationPassword}, ",") + "\n"
	}
	ts.Check(os.WriteFile(ts.MkAbs("mailhaul.hcl"), []byte(hcl), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("users.csv"), []byte(csv), 0o600))
}

// signins COUNT checks how often anybody has signed in at either server.
func signIns(ts *testscript.TestScript, _ bool, args []string) {
	got := server(ts, "source").Stats().SignIns + server(ts, "destination").Stats().SignIns
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%d sign-ins, not %s", got, args[0])
	}
}

// lock FILE holds a state file as another mailhaul would, until unlock.
func lock(ts *testscript.TestScript, _ bool, args []string) {
	l, err := state.Open(context.Background(), ts.MkAbs(args[0]), state.Options{Version: "test", Command: "mailhaul apply"})
	ts.Check(err)
	holders.Store(ts.MkAbs("."), l)
	ts.Defer(func() { release(ts) })
}

// unlock gives the state file back.
func unlock(ts *testscript.TestScript, _ bool, _ []string) { release(ts) }

// holders are the locks that scripts hold, by their directory.
var holders sync.Map

func release(ts *testscript.TestScript) {
	if l, ok := holders.LoadAndDelete(ts.MkAbs(".")); ok {
		ts.Check(l.(*state.Ledger).Close())
	}
}

// hostileWords would clear the screen, set the window's title and turn the line.
const hostileWords = "\x1b[2J\x1b]0;no\a such \u202eliam"

// slow DURATION [TEXT] makes the destination think before it takes a message, and refuse those that hold TEXT with words
// that would steer a terminal.
func slow(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	server(ts, "destination").SetRefuse(func(_, _ string, m demo.Message) string {
		time.Sleep(d)
		if len(args) > 1 && strings.Contains(string(m.Octets), args[1]) {
			return hostileWords
		}
		return ""
	})
	ts.Setenv("APPENDED", strconv.Itoa(server(ts, "destination").Stats().Appended))
}

// appended COUNT waits until the destination has taken so many messages since the last slow.
func appended(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	before, err := strconv.Atoi(ts.Getenv("APPENDED"))
	ts.Check(err)
	want += before
	for deadline := time.Now().Add(20 * time.Second); server(ts, "destination").Stats().Appended < want; {
		if time.Now().After(deadline) {
			ts.Fatalf("the destination did not get %d messages", want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
