package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailhaul/executor/endpointtest/compare"
	"mailhaul/executor/endpointtest/dovecot"
	"mailhaul/executor/endpointtest/proxy"
)

// migration is a project between two real Dovecots, run with the real command in a process of its own.
type migration struct {
	t        *testing.T
	dir      string
	program  string // empty: the test binary as mailhaul
	old, new *dovecot.Server
	// toOld and toNew stand before the servers and record every command.
	toOld, toNew *proxy.Proxy
	users        []string
	source       string // the source mailbox of every user; empty: each has one of its own
	passes       string
	protection   string // TLS attributes of both endpoints; empty: none, since the proxies read along
	endpoint     string // more attributes of both endpoints
	env          []string
}

const plaintext = "tls = \"none\"\n  allow_plaintext = true"

// The passwords are canaries too: no file but users.csv and no output may hold them.
func passwordOf(user, side string) string {
	return "CANARY-" + side + "-" + strings.ToUpper(user[:2]) + `-"\§ *`
}

// old2020 is a date that every prestage takes.
var old2020 = time.Date(2020, 2, 29, 8, 30, 0, 0, time.UTC)

func newMigration(t *testing.T, users ...string) *migration {
	t.Helper()
	t.Parallel()
	m := &migration{t: t, dir: t.TempDir(), users: users, passes: `pass "full" {}`, endpoint: `grace = "1s"`}
	m.old = dovecot.Start(t, dovecot.Options{Users: m.passwords("old")})
	m.new = dovecot.Start(t, dovecot.Options{Users: m.passwords("new")})
	m.toOld, m.toNew = proxy.Start(t, m.old.Addr()), proxy.Start(t, m.new.Addr())
	m.write()
	return m
}

func (m *migration) passwords(side string) map[string]string {
	all := map[string]string{}
	for _, u := range m.users {
		all[u] = passwordOf(u, side)
	}
	return all
}

// write writes the project; a user in wrong gets a password that no server knows.
func (m *migration) write(wrong ...string) {
	m.t.Helper()
	endpoint := func(name string, p *proxy.Proxy) string {
		return fmt.Sprintf("endpoint \"imap\" %q {\n  host = %q\n  port = %d\n  %s\n  %s\n}\n",
			name, p.Host(), p.Port(), cmp.Or(m.protection, plaintext), m.endpoint)
	}
	hcl := endpoint("old", m.toOld) + endpoint("new", m.toNew) + "users \"staff\" {\n  from = endpoint.imap.old\n" +
		"  to = endpoint.imap.new\n  csv = \"users.csv\"\n}\nfolders {\n  special = \"none\"\n}\n" + m.passes + "\n"
	csv := "source,password,destination,destination_password\n"
	for _, u := range m.users {
		source := cmp.Or(m.source, u)
		password := passwordOf(source, "old")
		if slices.Contains(wrong, u) {
			password = "CANARY-wrong"
		}
		csv += fmt.Sprintf("%s,%s,%s,%s\n", source, quoted(password), u, quoted(passwordOf(u, "new")))
	}
	m.put("mailhaul.hcl", hcl)
	m.put("users.csv", csv)
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func (m *migration) put(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// result is what one command printed and how it ended.
type result struct {
	code           int
	stdout, stderr string
	peak           int64 // resident memory in octets
}

func (m *migration) command(args ...string) *exec.Cmd {
	c := exec.Command(cmp.Or(m.program, "mailhaul"), args...)
	c.Dir, c.Env = m.dir, append(os.Environ(), m.env...)
	return c
}

func (m *migration) run(args ...string) result {
	m.t.Helper()
	var out, errs bytes.Buffer
	c := m.command(args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	peak := watchMemory(c.Process.Pid)
	err := c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatal(err)
	}
	r := result{code: c.ProcessState.ExitCode(), stdout: out.String(), stderr: errs.String(), peak: peak()}
	for where, text := range map[string]string{"stdout": r.stdout, "stderr": r.stderr} {
		if strings.Contains(text, "CANARY") {
			m.t.Errorf("%v prints a password on %s:\n%s", args, where, text)
		}
	}
	return r
}

// must runs a command that has to end with this exit code.
func (m *migration) must(code int, args ...string) result {
	m.t.Helper()
	r := m.run(args...)
	if r.code != code {
		m.t.Fatalf("mailhaul %v: exit code %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
	}
	return r
}

func (m *migration) account(s *dovecot.Server, user, side string) compare.Account {
	return compare.Account{Addr: s.Addr(), User: user, Password: passwordOf(user, side)}
}

func (m *migration) fill(messages, big int) {
	m.t.Helper()
	for i, u := range m.users {
		if err := compare.Fill(m.t.Context(), m.account(m.old, u, "old"), compare.Mail{Messages: messages, Seed: uint64(i), Big: big}); err != nil {
			m.t.Fatal(err)
		}
	}
}

// same lets the independent comparison judge.
func (m *migration) same() {
	m.t.Helper()
	for _, u := range m.users {
		r, err := compare.Mailboxes(context.Background(), m.account(m.old, cmp.Or(m.source, u), "old"), m.account(m.new, u, "new"), nil)
		if err != nil {
			m.t.Fatal(err)
		}
		if !r.Same() || r.Equal == 0 {
			m.t.Errorf("%s: %v", u, r)
		}
	}
}

// noCanary searches every file that the runs have left.
func (m *migration) noCanary() {
	m.t.Helper()
	files := 0
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "users.csv" {
			return err
		}
		files++
		octets, err := os.ReadFile(path)
		if bytes.Contains(octets, []byte("CANARY")) {
			m.t.Errorf("%s holds a password", path)
		}
		return err
	})
	if err != nil || files < 3 {
		m.t.Errorf("searched %d files: %v", files, err)
	}
}

func TestDovecotFiveMailboxes(t *testing.T) {
	m := newMigration(t, "anna@contoso.example", "bo@contoso.example", "carla@contoso.example", "dan@contoso.example",
		"eva@contoso.example")
	m.fill(500, 20<<20)
	m.must(0, "plan", "--out", "full.plan", "--trace", "trace")
	m.must(0, "apply", "full.plan", "--trace", "trace")
	m.same()

	m.toOld.Forget()
	m.toNew.Forget()
	if r := m.must(0, "apply"); !strings.Contains(r.stdout, "Nothing to do") {
		t.Errorf("the second apply says:\n%s", r.stdout)
	}
	if n := m.toNew.Count("APPEND"); n != 0 {
		t.Errorf("the second apply sent %d APPENDs", n)
	}
	if bodies := bodyFetches(m.toOld); len(bodies) != 0 {
		t.Errorf("the second apply fetched %v", bodies)
	}

	text := []byte("From: a@b.example\r\nSubject: new\r\n\r\nNew mail.\r\n")
	if err := compare.Add(t.Context(), m.account(m.old, m.users[1], "old"), "INBOX", text, time.Now()); err != nil {
		t.Fatal(err)
	}
	m.must(0, "apply", "--auto-approve")
	if n := m.toNew.Count("APPEND"); n != 1 {
		t.Errorf("for one new message %d APPENDs were sent", n)
	}
	m.same()
	m.noCanary()
	m.onlyReading()
	if r := m.must(0, "state", "check"); strings.Contains(r.stdout, "violat") {
		t.Errorf("state check: %s", r.stdout)
	}
}

// TestHardCase_S02_NothingNew: a pass that finds nothing new costs hours where it reads everything again. Held are a
// few round trips for the mailbox, however many folders it has.
func TestHardCase_S02_NothingNew(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.fill(60, 0)
	args := []string{"mailbox", "create", "-u", m.users[0]}
	for i := range 50 {
		args = append(args, fmt.Sprintf("Folder %d", i))
	}
	m.old.Doveadm(args...)
	m.must(0, "apply", "--auto-approve")
	before := [2]int{m.toOld.Turns(), m.toNew.Turns()}
	if r := m.must(0, "apply"); !strings.Contains(r.stdout, "Nothing to do") {
		t.Errorf("the second apply says:\n%s", r.stdout)
	}
	if old, next := m.toOld.Turns()-before[0], m.toNew.Turns()-before[1]; old == 0 || next == 0 || old > 10 || next > 10 {
		t.Errorf("%d round trips to the source and %d to the destination", old, next)
	}
}

func bodyFetches(p *proxy.Proxy) (lines []string) {
	for _, c := range p.Commands() {
		if strings.Contains(strings.ToUpper(c.Line), "BODY") {
			lines = append(lines, c.Line)
		}
	}
	return lines
}

// onlyReading holds every command that the sources have ever seen against the few that change nothing.
func (m *migration) onlyReading() {
	m.t.Helper()
	allowed := []string{"CAPABILITY", "AUTHENTICATE", "LOGIN", "ID", "NAMESPACE", "LIST", "STATUS", "EXAMINE", "UID FETCH",
		"UID SEARCH", "NOOP", "LOGOUT", "ENABLE", "UNSELECT"}
	seen := map[string]int{}
	for _, c := range m.toOld.Commands() {
		seen[c.Verb()]++
		if !slices.Contains(allowed, c.Verb()) || strings.Contains(strings.ToUpper(c.Line), "BODY[") {
			m.t.Errorf("a source was sent %q", c.Line)
		}
	}
	if seen["EXAMINE"] == 0 {
		m.t.Errorf("the record of commands is not one of a copy: %v", seen)
	}
}

func TestDovecotSourceIsOnlyRead(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.passes = "pass \"verify\" {}\npass \"prestage\" { older_than = \"90d\" }\npass \"full\" {}\npass \"retry\" {}"
	m.write()
	m.fill(60, 0)
	for range 5 {
		m.must(0, "apply", "--auto-approve")
	}
	m.must(0, "verify")
	m.must(0, "folders", "anna@contoso.example")
	m.onlyReading()
	m.same()
}

// TestDovecotPrestageBounds puts messages a second either side of the bound, in far zones. The bound is an age, frozen
// by the first apply, in which there is nothing yet.
func TestDovecotPrestageBounds(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.passes = "pass \"prestage\" { older_than = \"90d\" }\npass \"full\" {}"
	m.write()
	before := time.Now()
	m.must(0, "apply", "--pass", "prestage", "--auto-approve")
	var frozen struct{ Pass struct{ Older time.Time } }
	if err := json.Unmarshal([]byte(m.must(0, "plan", "--pass", "prestage", "--json").stdout), &frozen); err != nil {
		t.Fatal(err)
	}
	bound := frozen.Pass.Older
	if off := bound.Sub(before.Add(-90 * 24 * time.Hour)); off < -2*time.Second || off > time.Minute {
		t.Fatalf("the bound is %v, %v off 90 days before %v", bound, off, before)
	}
	zones := []int{0, 14 * 3600, -12 * 3600, 5*3600 + 2700}
	for i, z := range zones {
		for _, d := range []int{-1, 0, 1} {
			when := bound.Add(time.Duration(d) * time.Second).In(time.FixedZone("", z))
			text := fmt.Appendf(nil, "Subject: %d %d\r\n\r\nx\r\n", i, d)
			if err := compare.Add(t.Context(), m.account(m.old, m.users[0], "old"), "INBOX", text, when); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.must(0, "apply", "--pass", "prestage", "--auto-approve")
	got, err := compare.Read(t.Context(), m.account(m.new, m.users[0], "new"))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range got["INBOX"] {
		if !i.Date.Before(bound) {
			t.Errorf("prestage brought %v", i)
		}
	}
	if len(got["INBOX"]) != len(zones) {
		t.Errorf("prestage brought %d messages, want %d", len(got["INBOX"]), len(zones))
	}
	m.must(0, "apply", "--pass", "full", "--auto-approve")
	m.same()
}

func TestDovecotOneWrongPassword(t *testing.T) {
	m := newMigration(t, "anna@contoso.example", "bo@contoso.example", "carla@contoso.example", "dan@contoso.example",
		"eva@contoso.example")
	m.fill(30, 0)
	m.endpoint += "\n  per_mailbox = 1"
	m.write("carla@contoso.example")
	m.must(3, "apply", "--auto-approve")
	r := m.must(0, "failures")
	for _, want := range []string{"carla@contoso.example", "IMAP-LOGIN-REFUSED", "users.csv"} {
		if !strings.Contains(r.stdout+r.stderr, want) {
			t.Errorf("failures does not say %q:\n%s", want, r.stdout)
		}
	}
	m.write()
	sources, destinations := m.toOld.Connections(), m.toNew.Connections()
	m.must(0, "apply", "--auto-approve")
	m.same()
	// One session on each side plans and copies: those of the mended mailbox.
	if a, b := m.toOld.Connections()-sources, m.toNew.Connections()-destinations; a != 1 || b != 1 {
		t.Errorf("mending one mailbox took %d and %d sessions", a, b)
	}
	var status struct{ Mailboxes []map[string]any }
	if err := json.Unmarshal([]byte(m.must(0, "status", "--json").stdout), &status); err != nil || len(status.Mailboxes) != 5 {
		t.Errorf("status --json: %v, %d mailboxes", err, len(status.Mailboxes))
	}
}

// TestDovecotTLS signs in by every protected way: implicit TLS and STARTTLS, with the CA's file.
func TestDovecotTLS(t *testing.T) {
	for _, mode := range []string{"implicit", "starttls"} {
		t.Run(mode, func(t *testing.T) {
			m := newMigration(t, "anna@contoso.example")
			m.fill(20, 0)
			port := func(s *dovecot.Server) int {
				if mode == "implicit" {
					return s.TLSPort
				}
				return s.Port
			}
			hcl := ""
			for name, s := range map[string]*dovecot.Server{"old": m.old, "new": m.new} {
				hcl += fmt.Sprintf("endpoint \"imap\" %q {\n  host = %q\n  port = %d\n  tls = %q\n  ca_file = %q\n}\n",
					name, s.Host, port(s), mode, s.CAFile)
			}
			m.put("mailhaul.hcl", hcl+"users \"staff\" {\n  from = endpoint.imap.old\n  to = endpoint.imap.new\n"+
				"  csv = \"users.csv\"\n}\nfolders { special = \"none\" }\npass \"full\" {}\n")
			m.must(0, "apply", "--auto-approve")
			m.same()
			m.put("mailhaul.hcl", strings.ReplaceAll(hcl, "ca_file", "# ca_file")+"users \"staff\" {\n  from = endpoint.imap.old\n"+
				"  to = endpoint.imap.new\n  csv = \"users.csv\"\n}\npass \"full\" {}\n")
			if r := m.run("verify"); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "IMAP-TLS") {
				t.Errorf("an unknown issuer: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}

// TestDovecotStopsInTheMiddle kills the destination while mail is on its way, and starts it again. It keeps maildir, where
// a message is there as soon as it has its name. Of sdbox a killed Dovecot shows nothing that its index does not have, and
// everything once the next APPEND meets the files: no grace time is long enough for that.
func TestDovecotStopsInTheMiddle(t *testing.T) {
	m := newMigration(t, "anna@contoso.example", "bo@contoso.example")
	m.fill(800, 0)
	c := m.command("apply", "--auto-approve")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if sent, _ := m.toNew.Octets(); sent > 300_000 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	m.new.Kill()
	time.Sleep(1500 * time.Millisecond)
	m.new.Restart()
	if err := c.Wait(); err != nil {
		t.Logf("the run in which the server died ended with %v", err)
	}
	m.must(0, "apply", "--auto-approve")
	m.same()
}

// TestHardCase_R09_SecondMailhaul: a second mailhaul is started while the first one sends: it ends with a code of its
// own, names the first, and sends nothing.
func TestHardCase_R09_SecondMailhaul(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.fill(400, 0)
	m.toNew.Set(proxy.Faults{Delay: 20 * time.Millisecond})
	c := m.command("apply", "--auto-approve")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for m.toNew.Count("APPEND") == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	r := m.must(5, "apply", "--auto-approve")
	for _, want := range []string{"STATE-LOCKED", fmt.Sprint(c.Process.Pid)} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("the second does not say %q:\n%s", want, r.stderr)
		}
	}
	m.must(0, "status")
	if err := c.Wait(); err != nil {
		t.Errorf("the first: %v", err)
	}
	m.same()
}

// TestHardCase_S07_LargeMessage: one message of 150 MB goes through: it stands on the disk, in no file with a name,
// and the process stays small.
func TestHardCase_S07_LargeMessage(t *testing.T) {
	for _, size := range []int{20_000_000, 150_000_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			m := newMigration(t, "anna@contoso.example")
			m.program = built(t)
			m.passes = "messages { max_size = \"200MB\" }\n" + m.passes
			m.write()
			m.fill(50, size)
			r := m.must(0, "apply", "--auto-approve")
			m.same()
			if t.Logf("%.1f MiB resident at most", float64(r.peak)/(1<<20)); r.peak == 0 || r.peak > 64<<20 {
				t.Errorf("%d octets resident, more than 64 MiB", r.peak)
			}
		})
	}
}

// built makes the program as users have it: the race detector would change its memory and its pace.
func built(t testing.TB) string {
	t.Helper()
	buildOnce.Do(func() {
		program := filepath.Join(os.TempDir(), fmt.Sprintf("mailhaul-test-%d", os.Getpid()))
		build := exec.Command("go", "build", "-trimpath", "-o", program, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		if buildErr = err; err != nil {
			buildErr = fmt.Errorf("%w\n%s", err, out)
		}
		buildPath = program
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return buildPath
}

var (
	buildOnce sync.Once
	buildPath string
	buildErr  error
)

// TestDovecotRefusedMessage moves mail to a server that takes no message above a size, mends the server, and retries.
func TestDovecotRefusedMessage(t *testing.T) {
	m := newMigration(t, "anna@contoso.example")
	m.passes = "pass \"full\" {}\npass \"retry\" { wait = \"1s\" }"
	m.write()
	m.fill(200, 0)
	limit := "plugin {\n  quota_max_mail_size = 20k\n}\n"
	m.reconfigure(func(conf string) string { return "mail_plugins = quota\n" + conf + limit })
	large := []byte("Subject: large\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 2000))
	if err := compare.Add(t.Context(), m.account(m.old, m.users[0], "old"), "INBOX", large, old2020); err != nil {
		t.Fatal(err)
	}
	m.must(3, "apply", "--auto-approve")
	var failures struct {
		Messages []struct{ Code, Text, Folder string }
	}
	if err := json.Unmarshal([]byte(m.must(0, "failures", "--json").stdout), &failures); err != nil || len(failures.Messages) == 0 {
		t.Fatalf("failures --json: %v, %+v", err, failures)
	}
	for _, f := range failures.Messages {
		if f.Text == "" || !strings.HasPrefix(f.Code, "MESSAGE-") && !strings.HasPrefix(f.Code, "QUOTA-") {
			t.Errorf("failure %+v", f)
		}
	}
	m.reconfigure(func(conf string) string { return strings.ReplaceAll(conf, limit, "") })
	m.toOld.Forget()
	m.must(0, "apply", "--auto-approve")
	if n := len(bodyFetches(m.toOld)); n == 0 || n > 3*len(failures.Messages) {
		t.Errorf("the retry of %d messages sent %d FETCHes", len(failures.Messages), n)
	}
	m.same()
}

// reconfigure changes the destination's configuration and restarts it.
func (m *migration) reconfigure(change func(string) string) {
	m.t.Helper()
	file := filepath.Join(m.new.Dir, "dovecot.conf")
	conf, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(change(string(conf))), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.new.Kill()
	m.new.Restart()
}
